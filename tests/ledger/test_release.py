"""An entry ended before its time stays: who ended it, when and why; and a minimum term holds on."""

import csv
import hashlib
import io
import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from sqlite3 import connect

import pytest

from policy.dialling.facts import Facts
from policy.ledger import Ledger, LedgerReader
from tests.ledger.box import Box
from tests.ledger.conftest import CUSTOMER, NOW, NUMBER, WAIT_S, asked, looks_into


@pytest.fixture
def box(tmp_path: Path) -> Box:
    box = Box(tmp_path)
    with Ledger.open(*box.files) as ledger:
        ledger.suppress(NUMBER, source="refusal", now=NOW, customer=CUSTOMER, note="=1+1").result(
            WAIT_S
        )
        ledger.suppress("+8613900139000", source="manual", now=NOW).result(WAIT_S)
    return box


def test_removed_it_is_there_with_its_end(box: Box) -> None:
    removed = box.run("suppress", "remove", "138-0013-8000", "--why", "form 12", "--who", "Li Na")
    assert removed.exit_code == 0, removed.output
    assert "+86138****8000" in removed.output
    assert "minimum term" in removed.output
    listed = [
        json.loads(each) for each in box.run("suppress", "list", "--json").output.splitlines()
    ]
    assert [each["released_by"] for each in listed] == ["Li Na", None]
    assert "released" in box.run("suppress", "list").output
    with LedgerReader.open(*box.files) as reader:
        entry = reader.suppressions_of(NUMBER)[0]
        (known,) = reader.facts(NUMBER, "", NOW).suppressions
    assert entry.release is not None
    assert entry.release.why == "form 12"
    assert (known.since, known.until) == (NOW, entry.release.at)


def test_one_entry_by_its_id_and_what_was_removed_is_not_removed_again(box: Box) -> None:
    with LedgerReader.open(*box.files) as reader:
        entry = reader.suppressions_of(NUMBER)[0].suppression.suppression_id
    assert box.run("suppress", "remove", entry, "--why", "form 12").exit_code == 0
    again = box.run("suppress", "remove", entry, "--why", "form 13")
    assert again.exit_code == 1
    assert "no do-not-call entry to remove" in again.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([NUMBER], "--why"),
        ([NUMBER, "--why", " "], "say why"),
        (["12", "--why", "form 12"], "no telephone number"),
    ],
)
def test_a_mistake_removes_nothing(box: Box, words: list[str], told: str) -> None:
    refused = box.run("suppress", "remove", *words)
    assert refused.exit_code == 2
    assert told in refused.output
    with LedgerReader.open(*box.files) as reader:
        assert all(each.release is None for each in reader.suppressions())


def test_a_clock_set_back_holds_the_entry_again(box: Box) -> None:
    seen: list[Facts] = []
    with Ledger.open(*box.files) as ledger:
        with LedgerReader.open(*box.files) as reader:
            entry = reader.suppressions_of(NUMBER)[0].suppression.suppression_id
        later = NOW + timedelta(hours=1)
        ledger.release(entry, who="Li", why="form 12", now=later).result(WAIT_S)
        ledger.release(entry, who="Li", why="again", now=NOW).result(WAIT_S)
        with pytest.raises(ValueError, match="no do-not-call entry"):
            ledger.release("0" * 32, who="Li", why="form 12", now=NOW).result(WAIT_S)
        ledger.decide(asked("n1"), looks_into(seen), NOW).result(WAIT_S)
    assert [each.until for each in seen[0].suppressions] == [later]


def test_exported_they_are_masked_unless_asked(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    assert box.run("suppress", "export", "-o", str(file)).exit_code == 0
    masked = file.read_text("utf-8-sig")
    assert "'+86138****8000" in masked
    assert NUMBER[3:] not in masked
    assert CUSTOMER not in masked
    assert file.stat().st_mode & 0o077 == 0
    assert "say which with -o" in box.run("suppress", "export", "--unmasked").output
    assert box.run("suppress", "export", "--unmasked", "-o", str(file)).exit_code == 0
    first, second = csv.DictReader(io.StringIO(file.read_text("utf-8-sig")))
    assert (first["number"], first["customer"], first["note"]) == ("'" + NUMBER, CUSTOMER, "'=1+1")
    assert second["source"] == "manual"
    with closing(connect(box.files[0])) as db:
        made = db.execute("SELECT kind, unmasked, rows, sha256 FROM exports").fetchall()
    assert made == [("suppressions", 1, 2, hashlib.sha256(file.read_bytes()).hexdigest())]


def test_in_chinese(tmp_path: Path, box: Box) -> None:
    Box(tmp_path, locale="zh")
    assert "最短期限" in box.run("suppress", "remove", NUMBER, "--why", "来函").output
    assert "已解除" in box.run("suppress", "list").output
    assert "解除时间" in box.run("suppress", "export").output
