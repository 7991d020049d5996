"""What leaves the ledger: chosen rows, in each form, in the same order however it is made."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from policy.exporting import pieces
from policy.exporting.headings import CHINESE
from policy.exporting.workbook import WorkbookFile
from policy.ledger import CallRecord, Ledger, LedgerReader
from policy.ledger.bulk import fill_findings
from policy.ledger.export import Chosen
from policy.ledger.export_kinds import KINDS, columns
from policy.speech.finding import Finding, FindingStatus, Severity
from tests.ledger.box import Box
from tests.ledger.conftest import NOW, NUMBER, WAIT_S
from tests.ledger.one_call import FINDING, record_one_call

MASKED = "+86138****8000"
EVIL = "=HYPERLINK(1)"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path, locale="zh")
    with Ledger.open(*made.files) as ledger:
        record_one_call(ledger)
        _another(ledger, "n2", EVIL, "collection.early", found=("threat.family", Severity.MAJOR))
        _another(
            ledger, "n3", "1003", "marketing.insurance", found=("threat.police", Severity.CRITICAL)
        )
    return made


def _another(
    ledger: Ledger, call_id: str, agent: str, scene: str, *, found: tuple[str, Severity]
) -> None:
    rule, severity = found
    at = NOW + timedelta(hours=int(call_id[1:]))
    call = CallRecord(call_id, "", "+8613900139000", agent, scene, "", "", at)
    ledger.begin_call(call).result(WAIT_S)
    changed = {
        "finding_id": f"{rule}-1",
        "rule": rule,
        "severity": severity,
        "status": FindingStatus.CERTAIN,
        "heard_text": 'says "no", twice',
    }
    ledger.add_finding(call_id, Finding(**{**vars(FINDING), **changed}), at).result(WAIT_S)


def _exported(box: Box, *words: str) -> list[dict[str, Any]]:
    done = box.run("log", "export", "--format", "jsonl", *words)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        ((), ["n1", "n2", "n3"]),
        (("--agent", "1001", "--agent", "1003"), ["n1", "n3"]),
        (("--scene", "marketing.*"), ["n1", "n3"]),
        (("--scene", "marketing"), []),
        (("--scene", "*"), ["n1", "n2", "n3"]),
        (("--rule", "threat.*"), ["n2", "n3"]),
        (("--rule", "threat.*", "--severity", "critical"), ["n3"]),
        (("--severity", "critical"), ["n1", "n3"]),
        (("--call", "n2"), ["n2"]),
        (("--since", (NOW + timedelta(hours=2)).isoformat()), ["n2", "n3"]),
        (("--until", (NOW + timedelta(hours=2)).isoformat(), "--rule", "threat.*"), []),
    ],
)
def test_violations_chosen(box: Box, words: tuple[str, ...], calls: list[str]) -> None:
    assert [each["call_id"] for each in _exported(box, *words)] == calls


def test_other_kinds_are_chosen_by_what_was_found_on_their_calls(box: Box) -> None:
    by_rule = _exported(box, "--kind", "calls", "--rule", "forbidden.*")
    assert [each["call_id"] for each in by_rule] == ["n1"]
    by_severity = _exported(box, "--kind", "calls", "--severity", "major")
    assert [each["call_id"] for each in by_severity] == ["n2"]
    assert len(_exported(box, "--kind", "coverage", "--rule", "forbidden.*")) == 1
    assert _exported(box, "--kind", "coverage", "--rule", "threat.*") == []
    denied = _exported(box, "--kind", "decisions", "--rule", "house.*")
    assert [each["verdict"] for each in denied] == ["DENY"]
    of_agent = _exported(box, "--kind", "suppressions", "--agent", "1001")
    assert [each["call_id"] for each in of_agent] == ["n1"]


def test_a_kind_that_has_none_of_it_says_so(box: Box) -> None:
    for kind, words in (("decisions", ("--severity", "major")), ("bypasses", ("--agent", "1"))):
        refused = box.run("log", "export", "--format", "jsonl", "--kind", kind, *words)
        assert refused.exit_code == 2
        assert f"{kind} cannot be chosen by {words[0][2:]}" in refused.output


def test_a_workbook_has_headings_filters_and_types(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "out.xlsx"
    assert box.run("log", "export", "--format", "xlsx", "-o", str(file)).exit_code == 0
    sheet = openpyxl.load_workbook(file).active
    assert sheet is not None
    rows = list(sheet.iter_rows())
    names = columns("violations")
    headings = [CHINESE[name] for name in names]
    headings[0] += " (UTC)"
    assert [each.value for each in rows[0]] == headings
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:{rows[-1][-1].coordinate}"
    cells = {name: [row[place] for row in rows[1:]] for place, name in enumerate(names)}
    assert cells["at"][1].value == (NOW + timedelta(hours=2)).replace(
        tzinfo=None, microsecond=890000
    )
    assert "ss.000" in cells["at"][0].number_format
    assert (cells["start_s"][0].value, cells["start_s"][0].number_format) == (3.25, "0.00")
    assert [(each.value, each.data_type) for each in cells["agent"]][1] == (EVIL, "s")
    assert cells["number"][0].value == MASKED
    assert not any(cell.data_type == "f" for row in rows for cell in row)


def test_a_workbook_goes_on_on_further_sheets(tmp_path: Path) -> None:
    names = list(columns("bypasses"))
    book = WorkbookFile("bypasses", names, "bypasses", sheet_rows=3)
    book.add([[at, f"id{at}", "+86", "PJSIP/a", "\x00broken", "dial"] for at in range(7)])
    file = tmp_path / "out.xlsx"
    with file.open("w+b") as sink:
        book.save(sink)
    made = openpyxl.load_workbook(file)
    assert made.sheetnames == ["bypasses", "bypasses 2", "bypasses 3"]
    sizes = [len(list(made[name].iter_rows())) for name in made.sheetnames]
    assert sizes == [4, 4, 2]
    assert all(made[name]["A1"].value == "at (UTC)" for name in made.sheetnames)
    assert made["bypasses 3"]["E2"].value == "\ufffdbroken"


@pytest.mark.parametrize("kind", list(KINDS))
def test_parquet_holds_the_same_as_json(box: Box, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "out.parquet"
    done = box.run("log", "export", "--kind", kind, "--format", "parquet", "-o", str(file))
    assert done.exit_code == 0, done.output
    told = pq.ParquetFile(file).read().to_pylist()
    for row in told:
        for name, value in row.items():
            if hasattr(value, "isoformat"):
                row[name] = value.isoformat()
    assert told == _exported(box, "--kind", kind)


def test_two_processes_make_the_same_file_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box(tmp_path)
    fill_findings(*box.files, findings=5000, now=NOW)
    made = []
    for few in (10_000, 0):
        monkeypatch.setattr(pieces, "_FEW", few)
        file = tmp_path / f"{few}.csv"
        done = box.run("log", "export", "--format", "csv", "-o", str(file))
        assert done.exit_code == 0, done.output
        made.append(file.read_bytes())
    assert made[0] == made[1]
    rows = list(csv.DictReader(io.StringIO(made[0].decode("utf-8-sig"))))
    assert len(rows) == 5000
    assert [each["at"] for each in rows] == sorted(each["at"] for each in rows)


def test_what_is_written_meanwhile_is_not_in_the_export(box: Box) -> None:
    """A finding that is withdrawn between two pieces is there as it stood at the beginning."""
    with Ledger.open(*box.files) as ledger, LedgerReader.open(*box.files) as reader:
        selection = reader.select("violations", Chosen())
        withdrawn = {**vars(FINDING), "status": FindingStatus.WITHDRAWN}
        ledger.add_finding("n1", Finding(**withdrawn), NOW).result(WAIT_S)
        rows = [row for piece in selection.pieces() for row in reader.selected(selection, piece)]
        status = KINDS["violations"].place("status")
        assert [row[status] for row in rows] == ["certain"] * 3


def test_numbers_in_full_only_where_asked(box: Box) -> None:
    with LedgerReader.open(*box.files) as reader:
        selection = reader.select("decisions", Chosen())
        (piece,) = selection.pieces()
        place = KINDS["decisions"].place("number")
        shown = {row[place] for row in reader.selected(selection, piece, reveal=True)}
        hidden = {row[place] for row in reader.selected(selection, piece)}
    assert (shown, hidden) == ({NUMBER}, {MASKED})


def test_the_bench_measures_both_sides(box: Box, tmp_path: Path) -> None:
    words = ["--rows", "1000", "--rounds", "1", "--keep", str(tmp_path / "kept"), "--json"]
    done = box.run("bench", "export", *words)
    assert done.exit_code in (0, 1), done.output
    figures = {each["name"].strip(): each for each in json.loads(done.stdout)["figures"]}
    assert figures["CSV against sqlite3 -csv"]["bar"] == 4.0
    assert figures["resident"]["value"] > 20
    assert figures["sqlite3 -csv"]["value"] > 0


def test_a_row_of_every_kind_begins_with_a_time() -> None:
    """What begins a row is not looked at for a formula, what follows a comma is."""
    begins = {kind: KINDS[kind].columns[0].name for kind in KINDS}
    times = {"at", "since", "started_at"}
    assert set(begins.values()) <= times, begins
