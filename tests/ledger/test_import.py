"""A list of people who do not want to be called, as sites export it, and as it goes wrong."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import connect

import openpyxl
import pytest

from policy.ledger import Ledger, LedgerReader, RecordedSuppression
from tests.ledger.box import Box
from tests.ledger.conftest import NOW, NUMBER, WAIT_S, asked, at_most

MIXED = (
    "姓名,手机号,截止日期,用途\n"
    "甲,13800138000,,\n"
    "乙,12345,,\n"
    "丙,138-0013-8001,2099-12-31,marketing.*\n"
    "丁,120,,\n"
    "戊,13800138002,someday,\n"
    "己,13800138003,2020-01-01,\n"
    "庚,13800138004,,Marketing\n"
    "辛,,,\n"
)
WRONG = ("3:2: number", "5:2: number", "6:3: until", "7:3: until", "8:4: purpose", "9:2: number")


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def entries(box: Box) -> list[RecordedSuppression]:
    with LedgerReader.open(*box.files) as reader:
        return list(reader.suppressions())


def lists(box: Box) -> dict[str, datetime]:
    with LedgerReader.open(*box.files) as reader:
        return dict(reader.facts(NUMBER, "", datetime.now(UTC)).lists)


def workbook(file: Path, rows: list[list[str] | list[int]]) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(file)


@pytest.mark.parametrize(
    "write",
    [
        lambda file: file.write_text("phone\n13800138000\n13800138001\n"),
        lambda file: file.write_text("13800138000\n+86 138 0013 8001"),
        lambda file: file.write_text("号码;客户\n13800138000;甲\n13800138001;", "utf-8-sig"),
        lambda file: file.write_text("手机号码\t备注\n13800138000\t投诉\n13800138001\t", "gb18030"),
        lambda file: workbook(file, [["手机号"], [13800138000], ["138-0013-8001"]]),
    ],
    ids=["utf-8", "no header", "byte order mark", "gb18030", "xlsx"],
)
def test_however_the_list_is_written(
    box: Box, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    file = tmp_path / "list"
    write(file)
    done = box.run("suppress", "import", str(file), "--complete")
    assert done.exit_code == 0, done.output
    assert [each.number for each in entries(box)] == ["+8613800138000", "+8613800138001"]
    assert list(lists(box)) == ["list"]
    with Ledger.open(*box.files) as ledger:
        refused = ledger.decide(asked("n1", "+8613800138001"), at_most(9), NOW).result(WAIT_S)
    assert not refused.decision.allowed


def test_one_wrong_row_and_none_is_taken(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(MIXED)
    refused = box.run("suppress", "import", str(file), "--complete")
    assert refused.exit_code == 2
    assert "6 of 8 rows are wrong: none was taken" in refused.stderr
    for wrong in WRONG:
        assert f"{file}:{wrong} " not in refused.stdout
        assert f"{file}:{wrong}: " in refused.stderr
    assert not box.files[0].exists()


def test_the_good_rows_are_taken_where_asked(box: Box, tmp_path: Path) -> None:
    file, kept = tmp_path / "list.csv", tmp_path / "kept.csv"
    file.write_text(MIXED)
    options = ["--take-good", "--complete", "--rejected", str(kept), "--source", "complaint"]
    taken = box.run("suppress", "import", str(file), "--json", *options)
    assert taken.exit_code == 1
    assert json.loads(taken.stdout) == {
        "list": "list", "rows": 8, "added": 2, "rejected": 6, "known": 0, "complete": False,
    }  # fmt: skip
    first, second = (each.suppression for each in entries(box))
    assert (first.source, first.list_name, first.until) == ("complaint", "list", None)
    assert second.purpose == "marketing.*"
    assert second.until is not None
    assert second.until.year >= 2099
    assert lists(box) == {}, "a list with rows missing is not as new as this"
    rows = list(csv.reader(io.StringIO(kept.read_text("utf-8-sig"))))
    assert [row[0] for row in rows] == ["line", "3", "5", "6", "7", "8", "9"]
    assert rows[1][2:4] == ["乙", "12345"]
    assert kept.stat().st_mode & 0o077 == 0
    assert "12345" not in taken.stderr


def test_the_same_list_again_adds_what_is_new(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "registry.csv"
    file.write_text("13800138000\n13800138001\n13800138000\n")
    words = ["suppress", "import", str(file), "--complete"]
    assert "2 new entries, 1 already there" in box.run(*words).output
    before = entries(box)
    file.write_text("13800138000\n13800138001\n13800138002\n")
    assert "1 new entries, 2 already there" in box.run(*words).output
    assert entries(box)[:2] == before
    file.write_text("13800138001\n")
    assert box.run(*words, "--term", "30").exit_code == 0
    assert len(entries(box)) == 3, "an entry for good is not followed by one for a month"
    assert box.run(*words, "--list", "another").exit_code == 0
    assert [each.suppression.list_name for each in entries(box)] == ["registry"] * 3 + ["another"]
    assert sorted(lists(box)) == ["another", "registry"]


def test_a_list_is_as_new_as_it_was_obtained(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "registry.csv"
    file.write_text("13800138000\n")
    day = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)
    words = ["suppress", "import", str(file), "--complete"]
    assert box.run(*words, "--as-of", day.isoformat()).exit_code == 0
    assert lists(box) == {"registry": day}
    assert box.run("suppress", "import", str(file)).exit_code == 0
    assert lists(box) == {"registry": day}, "an addition to the list does not renew it"
    older = day - timedelta(days=9)
    assert box.run(*words, "--as-of", older.isoformat()).exit_code == 0
    assert lists(box) == {"registry": day}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--until", "2020-01-01T00:00:00Z"], "passed already"),
        (["--until", "2099-01-01T00:00:00Z", "--term", "3"], "give one"),
        (["--as-of", "2099-01-01T00:00:00Z"], "future"),
        (["--purpose", "Loans!"], "no scene"),
        (["--number-column", "tel"], "no column tel"),
    ],
)
def test_a_mistake_imports_nothing(
    box: Box, tmp_path: Path, words: Sequence[str], told: str
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("phone\n13800138000\n")
    refused = box.run("suppress", "import", str(file), *words)
    assert refused.exit_code != 0
    assert told in refused.output
    assert not box.files[0].exists()


def test_cut_short_it_leaves_entries_and_no_list(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text("".join(f"139{each:08}\n" for each in range(60_000)))
    Ledger.open(*box.files).close()
    command = [sys.executable, "-m", "callwarden.command", "suppress", "import", str(file)]
    importing = subprocess.Popen(
        [*command, "--complete", "--take-good", "--config", str(box.config)],
        stderr=subprocess.DEVNULL,
    )
    with closing(connect(box.files[0])) as db:
        while not db.execute("SELECT 1 FROM suppressions LIMIT 1").fetchone():
            assert importing.poll() is None
    importing.send_signal(signal.SIGKILL)
    importing.wait()
    assert 0 < len(entries(box)) < 60_000
    assert lists(box) == {}


def test_the_gate_decides_while_a_list_is_imported(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text("".join(f"139{each:08}\n" for each in range(3_000)))
    command = [sys.executable, "-m", "callwarden.command", "suppress", "import", str(file)]
    decided = 0
    with Ledger.open(*box.files, busy_ms=250) as ledger:
        importing = subprocess.Popen(
            [*command, "--complete", "--take-good", "--config", str(box.config)],
            stderr=subprocess.DEVNULL,
        )
        while importing.poll() is None:
            number = f"+86137{decided:08}"
            ledger.decide(asked(f"n{decided}", number), at_most(1), NOW).result(WAIT_S)
            decided += 1
    assert importing.returncode == 0
    assert decided > 20
    assert len(entries(box)) == 3_000


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_million_rows_in_flat_memory(box: Box, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"million.{kind}"
    if kind == "csv":
        with file.open("w") as written:
            written.writelines(f"139{each:08},C{each}\n" for each in range(1_000_000))
    else:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        for each in range(1_000_000):
            sheet.append([13_900_000_000 + each])
        book.save(file)
    command = [sys.executable, "-m", "callwarden.command", "suppress", "import", str(file)]
    importing = subprocess.Popen([*command, "--complete", "--config", str(box.config)])
    _, status, used = os.wait4(importing.pid, 0)
    importing.returncode = os.waitstatus_to_exitcode(status)
    assert importing.returncode == 0
    assert used.ru_maxrss < 200 * 1024, "KiB"
    with closing(connect(box.files[0])) as db:
        assert db.execute("SELECT count(*) FROM suppressions").fetchone() == (1_000_000,)
