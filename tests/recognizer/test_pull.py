"""Fetching a model from a real HTTP server: resumed, pinned, whole or not at all."""

import hashlib
import re
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from recognizer.models import catalogue, commands, folder, pull
from recognizer.models.catalogue import Entry

NAME = "a-small-model"


@dataclass
class Mirror:
    """Serves `content` under any path; of each answer at most `cut_after` bytes, if set."""

    content: bytes = b""
    cut_after: int | None = None
    status: int = 200
    ranges: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    state = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if state.status != 200:
                self.send_error(state.status)
                return
            wanted = self.headers.get("Range", "")
            state.ranges.append(wanted)
            match = re.fullmatch(r"bytes=(\d+)-", wanted)
            first = int(match[1]) if match else 0
            if first > len(state.content):
                self.send_error(416)
                return
            body = state.content[first:]
            self.send_response(206 if match else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.cut_after])

        def log_message(self, *_: object) -> None:
            """Keeps the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    inner = tmp_path / NAME
    inner.mkdir()
    (inner / "tokens.txt").write_text("<blk> 0\na 1\n")
    for part in ("encoder", "decoder", "joiner"):
        (inner / f"{part}.onnx").write_bytes(b"\x08" + part.encode() * 5000)
    packed = tmp_path / "packed.tar.bz2"
    with tarfile.open(packed, "w:bz2") as tar:
        tar.add(inner, NAME)
    return packed.read_bytes()


def _entry(content: bytes) -> Entry:
    return Entry(
        name=NAME,
        kind="transducer",
        languages=("zh",),
        sample_rate_hz=16_000,
        writes="characters",
        licence="Apache-2.0",
        note="Only a test's.",
        archive=f"https://models.invalid/{NAME}.tar.bz2",
        sha256=hashlib.sha256(content).hexdigest(),
    )


def test_a_broken_transfer_is_taken_up_where_it_ended(
    mirror: Mirror, archive: bytes, tmp_path: Path
) -> None:
    mirror.content, mirror.cut_after = archive, len(archive) // 3
    seen: list[int] = []
    path = pull.pull(
        _entry(archive), tmp_path / "to", mirror.url, lambda have, _: seen.append(have)
    )
    assert mirror.ranges[0] == ""
    assert all(re.fullmatch(r"bytes=[1-9]\d*-", each) for each in mirror.ranges[1:])
    assert seen[-1] == len(archive)
    assert folder.load(path).name == NAME
    assert {each.name for each in (tmp_path / "to").iterdir()} == {NAME}
    (path / "encoder.onnx").write_bytes(b"\x08" + bytes(5000))
    assert "should be" in str(folder.verify(path)[0])


def test_a_transfer_that_never_ends_keeps_its_part_for_the_next_try(
    mirror: Mirror, archive: bytes, tmp_path: Path
) -> None:
    mirror.content, mirror.cut_after = archive, 10
    with pytest.raises(pull.PullFailed, match=f"{10 * pull.ATTEMPTS} bytes are kept"):
        pull.pull(_entry(archive), tmp_path / "to", mirror.url, lambda *_: None)
    mirror.cut_after, mirror.ranges = None, []
    assert pull.pull(_entry(archive), tmp_path / "to", mirror.url, lambda *_: None).is_dir()
    assert mirror.ranges == [f"bytes={10 * pull.ATTEMPTS}-"]


def test_another_archive_than_the_pinned_one_is_thrown_away(
    mirror: Mirror, archive: bytes, tmp_path: Path
) -> None:
    mirror.content = archive + b"more"
    with pytest.raises(pull.PullFailed, match="is not the model"):
        pull.pull(_entry(archive), tmp_path / "to", mirror.url, lambda *_: None)
    assert not list((tmp_path / "to").iterdir())


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (503, pull.ATTEMPTS)])
def test_a_server_that_has_it_not_is_told(
    mirror: Mirror, archive: bytes, tmp_path: Path, status: int, asked: int
) -> None:
    mirror.status = status
    with pytest.raises(pull.PullFailed, match=f"HTTP {status}.*mirror"):
        pull.pull(_entry(archive), tmp_path / "to", mirror.url, lambda *_: None)
    assert asked


def test_an_archive_that_reaches_out_of_its_folder_is_refused(
    mirror: Mirror, tmp_path: Path
) -> None:
    evil = tmp_path / "evil.tar.bz2"
    (tmp_path / "x").write_text("x")
    with tarfile.open(evil, "w:bz2") as tar:
        tar.add(tmp_path / "x", "../../x-escaped")
    mirror.content = evil.read_bytes()
    with pytest.raises(pull.PullFailed, match="cannot be unpacked"):
        pull.pull(_entry(mirror.content), tmp_path / "a" / "to", mirror.url, lambda *_: None)
    assert not list(tmp_path.rglob("x-escaped"))


def test_the_command_shows_the_licence_and_prints_the_folder(
    mirror: Mirror, archive: bytes, tmp_path: Path
) -> None:
    mirror.content = archive
    book = tmp_path / "catalogue.yaml"
    entry = _entry(archive).model_dump(mode="json", exclude_none=True)
    book.write_text(f"models: [{entry!r}]", encoding="utf-8")
    options = ["--catalogue", str(book), "--mirror", mirror.url, "--to", str(tmp_path / "to")]
    done = CliRunner().invoke(commands.pull, [NAME, *options], standalone_mode=False)
    assert done.exception is None, done.exception
    assert "Apache-2.0. Only a test's." in done.stderr
    assert done.stdout.strip() == str(tmp_path / "to" / NAME)
    unknown = CliRunner().invoke(commands.pull, ["a-smal-model", *options], standalone_mode=False)
    assert "did you mean a-small-model?" in str(unknown.exception)


def test_every_archive_of_the_shipped_catalogue_is_pinned() -> None:
    for each in catalogue.shipped().models:
        assert (each.archive is None) == (each.sha256 is None)
        assert each.archive or each.files
        assert each.licence
        assert each.note
    assert catalogue.shipped().named(catalogue.RECOMMENDED)
