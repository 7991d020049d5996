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

from recognizer.models import catalogue, commands, folder, kinds, pull
from recognizer.models.catalogue import Entry
from tests.recognizer import onnx_files

NAME = "a-small-model"


def _silent(have: int, total: int | None) -> None:
    """Shows no progress."""


@dataclass
class Mirror:
    """Serves `content` under any path, or below `only`; of each answer at most `cut_after` bytes,
    if set. Below `other`'s path there is something else."""

    content: bytes = b""
    cut_after: int | None = None
    status: int = 200
    only: str = "/"
    other: tuple[str, bytes] = ("-", b"")
    ranges: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    state = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if state.status != 200 or not self.path.startswith(state.only):
                self.send_error(state.status if state.status != 200 else 404)
                return
            content = state.content
            if self.path.startswith(state.other[0]):
                content = state.other[1]
            wanted = self.headers.get("Range", "")
            state.ranges.append(wanted)
            match = re.fullmatch(r"bytes=(\d+)-", wanted)
            first = int(match[1]) if match else 0
            if first > len(content):
                self.send_error(416)
                return
            body = content[first:]
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
    inner = onnx_files.sense_voice_folder(tmp_path / NAME)
    packed = tmp_path / "packed.tar.bz2"
    with tarfile.open(packed, "w:bz2") as tar:
        tar.add(inner, NAME)
    return packed.read_bytes()


def _entry(content: bytes | None) -> Entry:
    return Entry(
        name=NAME,
        kind="sense-voice",
        streaming=False,
        languages=("zh",),
        sample_rate_hz=16_000,
        writes="characters",
        licence="Apache-2.0",
        note="Only a test's.",
        archive=f"https://models.invalid/{NAME}.tar.bz2",
        sha256=None if content is None else hashlib.sha256(content).hexdigest(),
    )


def _pull(content: bytes, to: Path, *mirrors: str, progress: pull.Progress = _silent) -> Path:
    model = pull.wanted(_entry(content), mirrors, upstream=False)
    return pull.pull(model, to, progress)[0]


def test_a_broken_transfer_is_taken_up_where_it_ended(
    mirror: Mirror, archive: bytes, tmp_path: Path
) -> None:
    mirror.content, mirror.cut_after = archive, len(archive) // 3
    seen: list[int] = []
    path = _pull(archive, tmp_path / "to", mirror.url, progress=lambda have, _: seen.append(have))
    assert mirror.ranges[0] == ""
    assert all(re.fullmatch(r"bytes=[1-9]\d*-", each) for each in mirror.ranges[1:])
    assert seen[-1] == len(archive)
    assert folder.load(path).name == NAME
    assert {each.name for each in (tmp_path / "to").iterdir()} == {NAME}
    (path / "model.int8.onnx").write_bytes(onnx_files.sense_voice("yue"))
    assert "should be" in str(folder.verify(path)[0])


def test_a_transfer_that_never_ends_keeps_its_part_for_the_next_try(
    mirror: Mirror, archive: bytes, tmp_path: Path
) -> None:
    mirror.content, mirror.cut_after = archive, 10
    with pytest.raises(pull.PullFailed, match=f"{10 * pull.ATTEMPTS} bytes are kept"):
        _pull(archive, tmp_path / "to", mirror.url)
    mirror.cut_after, mirror.ranges = None, []
    assert _pull(archive, tmp_path / "to", mirror.url).is_dir()
    assert mirror.ranges == [f"bytes={10 * pull.ATTEMPTS}-"]


def test_another_archive_than_the_pinned_one_is_thrown_away(
    mirror: Mirror, archive: bytes, tmp_path: Path
) -> None:
    mirror.content = archive + b"more"
    with pytest.raises(pull.PullFailed, match="is not the model"):
        _pull(archive, tmp_path / "to", mirror.url)
    assert not list((tmp_path / "to").iterdir())


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (503, pull.ATTEMPTS)])
def test_a_server_that_has_it_not_is_told(
    mirror: Mirror, archive: bytes, tmp_path: Path, status: int, asked: int
) -> None:
    mirror.status = status
    with pytest.raises(pull.PullFailed, match=f"HTTP {status}.*mirror"):
        _pull(archive, tmp_path / "to", mirror.url)
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
        _pull(mirror.content, tmp_path / "a" / "to", mirror.url)
    assert not list(tmp_path.rglob("x-escaped"))


def test_mirrors_are_asked_in_turn_and_share_what_was_fetched(
    mirror: Mirror, archive: bytes, tmp_path: Path
) -> None:
    mirror.content, mirror.cut_after = archive, len(archive) // 2
    mirror.only = "/good/"
    places = [f"{mirror.url}/gone", f"{mirror.url}/good"]
    assert _pull(archive, tmp_path / "to", *places).name == NAME
    assert mirror.ranges[0] == ""
    assert f"bytes={mirror.cut_after}-" in mirror.ranges


def test_a_mirror_with_another_archive_is_passed_over(
    mirror: Mirror, archive: bytes, tmp_path: Path
) -> None:
    mirror.content, mirror.other = archive, ("/stale/", b"last year's")
    places = [f"{mirror.url}/stale", f"{mirror.url}/good"]
    assert _pull(archive, tmp_path / "to", *places).name == NAME


def test_without_a_known_hash_its_user_must_say_so(
    mirror: Mirror, archive: bytes, tmp_path: Path
) -> None:
    mirror.content = archive
    entry = _entry(None)
    with pytest.raises(pull.PullFailed, match=r"--sha256.*--unverified"):
        pull.wanted(entry, [mirror.url])
    with pytest.raises(pull.PullFailed, match="leave it out"):
        pull.wanted(_entry(archive), [mirror.url], "0" * 64)
    sha256 = hashlib.sha256(archive).hexdigest()
    stale = pull.wanted(entry, [mirror.url], "0" * 64, upstream=False)
    with pytest.raises(pull.PullFailed, match="is not the model"):
        pull.pull(stale, tmp_path / "to", _silent)
    for number, model in enumerate(
        (
            pull.wanted(entry, [mirror.url], sha256, upstream=False),
            pull.wanted(entry, [mirror.url], unverified=True, upstream=False),
        )
    ):
        path, actual = pull.pull(model, tmp_path / str(number), _silent)
        assert (path.name, actual) == (NAME, sha256)


def test_every_shipped_entry_with_an_archive_is_pinned_or_says_that_it_is_not() -> None:
    listed = CliRunner().invoke(commands.list_models, [], standalone_mode=False).output
    shipped = catalogue.shipped().models
    assert {each.kind for each in shipped} >= {*(each.name for each in kinds.ALL), "vad"}
    for each in shipped:
        shown = listed.partition(f"{each.name}\n")[2].partition("\n")[2].split("\n")[0]
        assert ("sha256 not known" in shown) == (each.archive is not None and not each.sha256)


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
