"""Each export is in the log with who made it, and a file's manifest proves what it was."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from policy.ledger import Ledger, LedgerReader, signing
from tests.ledger.box import Box
from tests.ledger.conftest import NUMBER, RULEBOOK
from tests.ledger.one_call import record_one_call

TOKENS = {"auditor": "of-the-auditor", "supervisor": "of-the-supervisor", "admin": "of-the-admin"}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path)
    with Ledger.open(*made.files) as ledger:
        record_one_call(ledger)
    return made


@pytest.fixture
def staffed(box: Box, tmp_path: Path) -> Box:
    """A box whose people are known by their tokens."""
    people = [
        f"  - {{name: {role} Wang, role: {role}, token_sha256: '{_sha(token.encode())}'}}"
        for role, token in TOKENS.items()
    ]
    file = tmp_path / "people.yaml"
    file.write_text("\n".join(["people:", *people]) + "\n")
    box.config.write_text(box.config.read_text() + f"oversight: {{people: {file}}}\n")
    for role, token in TOKENS.items():
        (tmp_path / role).write_text(f"{token}\n")
    return box


def _sha(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _exported(box: Box, file: Path, *words: str, form: str = "csv") -> Result:
    return box.run("log", "export", "--format", form, "-o", str(file), *words)


def _exports(box: Box) -> Iterator[dict[str, Any]]:
    """But for the one that `record_one_call` tells of."""
    with LedgerReader.open(*box.files) as reader:
        yield from reader.exports.every()[1:]


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx", "parquet"])
def test_a_file_and_its_manifest_and_the_log_agree(box: Box, tmp_path: Path, form: str) -> None:
    file = tmp_path / "out"
    assert _exported(box, file, "--agent", "1001", form=form).exit_code == 0
    whole = json.loads((tmp_path / "out.manifest.json").read_text())
    said = whole["manifest"]
    (row,) = _exports(box)
    assert said["sha256"] == row["sha256"] == _sha(file.read_bytes())
    assert said["rows"] == row["rows"] == 1
    assert (said["kind"], said["form"], said["file"]) == ("violations", form, "out")
    assert said["chosen"] == json.loads(row["chosen"]) == {"agent": ["1001"]}
    assert said["rulebooks"] == [{"version": RULEBOOK.version, "digest": RULEBOOK.digest}]
    assert (said["role"], row["role"], said["unmasked"]) == ("admin", "admin", False)
    assert said["who"] == row["who"] != ""
    checked = box.run("log", "verify-export", str(file))
    assert checked.exit_code == 0, checked.output
    assert "as it was exported: 1 rows of violations" in checked.output
    assert "the ledger tells of this export" in checked.output


def test_what_was_changed_is_found_out(box: Box, tmp_path: Path) -> None:
    file, manifest = tmp_path / "out.csv", tmp_path / "out.csv.manifest.json"
    assert _exported(box, file).exit_code == 0
    whole, text = json.loads(manifest.read_text()), file.read_bytes()

    def wrong() -> list[str]:
        told = box.run("log", "verify-export", str(file), "--json")
        assert told.exit_code == 1
        found: list[str] = json.loads(told.stdout)["wrong"]
        return found

    file.write_bytes(text.replace(b"1001", b"1002"))
    assert wrong() == ["changed"]
    file.write_bytes(text[: len(text) // 2])
    assert wrong() == ["changed"]
    file.write_bytes(text)
    changes: tuple[dict[str, Any], ...] = (
        {"rows": 7},
        {"who": "nobody"},
        {"rulebooks": []},
        {"more": 1},
    )
    for changed in changes:
        manifest.write_text(json.dumps(whole | {"manifest": whole["manifest"] | changed}))
        assert "signature" in wrong()
    # A file and a manifest that fit each other, under a key of somebody else's.
    file.write_bytes(b"mine")
    said = whole["manifest"] | {"sha256": _sha(b"mine")}
    (tmp_path / "other").mkdir()
    other = signing.load(tmp_path / "other" / "ledger.key")
    forged = {"manifest": said, "key": whole["key"], "signature": other.signed("x").hex()}
    manifest.write_text(json.dumps(forged))
    assert wrong() == ["signature", "ledger"]


def test_away_from_the_ledger_the_public_key_is_enough(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    assert _exported(box, file).exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Box(tmp_path / "elsewhere")
    told = elsewhere.run("log", "verify-export", str(file))
    assert told.exit_code == 2
    assert "--public-key" in told.output
    key = signing.public_file(box.files[1])
    told = elsewhere.run("log", "verify-export", str(file), "--public-key", str(key))
    assert told.exit_code == 0, told.output
    assert "the ledger tells" not in told.output


def test_numbers_in_full_are_for_a_role_and_in_the_log(staffed: Box, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    words = ("--unmasked", "--kind", "decisions")
    for token in ((), ("--token-file", str(tmp_path / "people.yaml"))):
        refused = _exported(staffed, file, *words, *token)
        assert refused.exit_code == 2
        assert "--token-file" in refused.output
    refused = _exported(staffed, file, *words, "--token-file", str(tmp_path / "supervisor"))
    assert refused.exit_code == 2
    assert "for auditors and admins" in refused.output
    assert not file.exists()
    assert list(_exports(staffed)) == []
    for role in ("auditor", "admin"):
        done = _exported(staffed, file, *words, "--token-file", str(tmp_path / role))
        assert done.exit_code == 0, done.output
        assert NUMBER in file.read_text()
    masked = _exported(staffed, file, "--token-file", str(tmp_path / "supervisor"))
    assert masked.exit_code == 0, masked.output
    assert NUMBER[3:] not in file.read_text()
    told = [(each["who"], each["role"], each["unmasked"]) for each in _exports(staffed)]
    assert told == [
        ("auditor Wang", "auditor", 1),
        ("admin Wang", "admin", 1),
        ("supervisor Wang", "supervisor", 0),
    ]


def test_numbers_in_full_never_go_to_a_terminal(box: Box) -> None:
    refused = box.run("log", "export", "--format", "csv", "--unmasked")
    assert refused.exit_code == 2
    assert "say which with -o" in refused.output


def test_what_goes_to_stdout_is_in_the_log_as_well(box: Box) -> None:
    done = box.run("log", "export", "--format", "jsonl", "--kind", "calls")
    (row,) = _exports(box)
    assert (row["kind"], row["rows"], row["whole"]) == ("calls", 1, 1)
    assert row["sha256"] == _sha(done.stdout_bytes)


def test_a_ledger_that_takes_no_row_gives_out_no_file(box: Box, tmp_path: Path) -> None:
    box.files[0].chmod(0o400)
    file = tmp_path / "out.csv"
    refused = _exported(box, file)
    box.files[0].chmod(0o600)
    assert refused.exit_code == 2
    assert "read-only" in refused.output
    assert [each.name for each in tmp_path.iterdir() if "out" in each.name] == []
