"""`callwarden scrub`: a dial list in, its verdicts out, whatever the list looks like."""

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from callwarden import settings
from callwarden.problems import ProblemsFound
from policy.commands import list_file
from policy.ledger import Ledger
from tests.policy.conftest import Said

NIGHT, NOON = "2026-03-02T07:59:00+08:00", "2026-03-02T12:00:00+08:00"
SUPPRESSED = "13900139000"
Callwarden = Callable[..., Said]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """One number suppressed, one customer as well."""
    configured = settings.Settings(state=tmp_path / "state")
    with Ledger.open(configured.ledger_file, configured.ledger_key_file) as ledger:
        now = datetime.now(UTC)
        ledger.suppress(f"+86{SUPPRESSED}", source="refusal", now=now).result(10)
        ledger.suppress("+8613700137000", source="refusal", now=now, customer="C-9").result(10)
    return configured.ledger_file


def written(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(out.splitlines()))


def test_each_row_gets_its_verdict_its_reasons_and_its_hour(
    callwarden: Callwarden, tmp_path: Path, ledger: Path
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(
        "姓名,手机号,客户编号\n甲,13800138000,C-1\n"
        f"乙,{SUPPRESSED},C-2\n丙,138-0013-8001,C-9\n丁,12345,\n\n戊,,C-3\n",
        encoding="utf-8-sig",
    )
    said = callwarden("scrub", listed, "--at", NOON)
    rows = written(said.out)
    assert said.code == 1
    assert [row["verdict"] for row in rows] == ["ALLOW", "DENY", "DENY", "DENY", "DENY"]
    assert rows[0] == {
        "姓名": "甲", "手机号": "13800138000", "客户编号": "C-1", "verdict": "ALLOW",
        "reasons": "", "earliest": "",
    }  # fmt: skip
    assert rows[1]["reasons"] == rows[2]["reasons"] == "house.refused"
    assert rows[3]["reasons"] == "number.unparsable"
    assert "5 numbers: 1 allowed, 4 refused" in said.err
    assert f"from rules and the ledger {ledger}" in said.err
    assert "the numbers are in column 2" in said.err
    night = callwarden("scrub", listed, "--at", NIGHT, locale="zh")
    assert written(night.out)[0]["earliest"] == "2026-03-02T00:00:00+00:00"
    assert "5 个号码：允许 0，拒绝 5" in night.err


def test_all_allowed_is_exit_code_0(callwarden: Callwarden, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("13800138000\n13800138001\n")
    said = callwarden("scrub", tmp_path / "list.csv", "--at", NOON)
    assert (said.code, said.out) == (0, "13800138000,ALLOW,,\n13800138001,ALLOW,,\n")
    assert "as for people who were never called" in said.err


def test_order_stays_over_many_batches(
    callwarden: Callwarden, tmp_path: Path, ledger: Path
) -> None:
    numbers = [SUPPRESSED if at % 700 == 0 else f"138{at:08d}" for at in range(3500)]
    (tmp_path / "list.csv").write_text("number\n" + "\n".join(numbers) + "\n")
    output = tmp_path / "scrubbed.csv"
    said = callwarden("scrub", tmp_path / "list.csv", "--at", NOON, "-o", output)
    assert (said.code, said.out) == (1, "")
    rows = written(output.read_text(encoding="utf-8"))
    assert [row["number"] for row in rows] == numbers
    refused = [at for at, row in enumerate(rows) if row["verdict"] == "DENY"]
    assert refused == list(range(0, 3500, 700))
    assert sorted(each.name for each in tmp_path.glob("scrubbed*")) == ["scrubbed.csv"]


def test_a_spreadsheet_keeps_its_numbers(callwarden: Callwarden, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["客户", "电话"], ["C-1", 13800138000], ["C-2", "+8613800138001"], [None, None],
                ["C-3", 13800138002.0]):  # fmt: skip
        sheet.append(row)
    book.save(tmp_path / "list.xlsx")
    said = callwarden("scrub", tmp_path / "list.xlsx", "--at", NOON)
    assert [row["电话"] for row in written(said.out)] == [
        "13800138000", "+8613800138001", "13800138002",
    ]  # fmt: skip
    assert said.code == 0


@pytest.mark.parametrize(
    ("rows", "number", "customer"),
    [
        (["id;Telephone;x", "1;13800138000;2"], 1, None),
        (["a\tMobile\tClient ID", "1\t13800138000\tC"], 1, 2),
        (["C-1,13800138000", "C-2,13800138001"], 1, None),
        (["名单,来源", "13800138000,甲"], 0, None),
        (["Phone Number,customer_id", "1,2"], 0, 1),
    ],
)
def test_columns_are_found(
    tmp_path: Path, rows: Sequence[str], number: int, customer: int | None
) -> None:
    (tmp_path / "list.csv").write_text("\n".join(rows), encoding="utf-8")
    found = list_file.read(tmp_path / "list.csv", {})
    assert found.columns["number"] == number
    assert found.columns.get("customer") == customer
    assert len(list(found.rows())) == len(rows) - bool(found.header) == found.about_rows


def test_columns_are_named_by_header_or_place(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("tel,work,who\n1,13800138000,C\n")
    for named in ({"number": "Work", "customer": "3"}, {"number": "2", "customer": "who"}):
        found = list_file.read(tmp_path / "list.csv", named)
        assert (found.columns["number"], found.columns["customer"]) == (1, 2)
    with pytest.raises(ProblemsFound, match=r"no column wrok \(did you mean work\?\)"):
        list_file.read(tmp_path / "list.csv", {"number": "wrok"})


def test_the_encoding_of_chinese_spreadsheets_is_read(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes("客户编号,手机\n丙-1,13800138000\n".encode("gb18030"))
    found = list_file.read(tmp_path / "list.csv", {})
    ((line, row),) = found.rows()
    assert (line, found.cell(row, "customer"), found.cell(row, "number")) == (
        2, "丙-1", "13800138000",
    )  # fmt: skip


def test_what_is_no_list_says_so(callwarden: Callwarden, tmp_path: Path) -> None:
    for content, told in (
        (b"", "there is nothing in it"),
        (b"a,b\nx,y\n", "no column of telephone numbers; name it: --number-column NAME"),
        (b"PK\x03\x04nonsense", "no XLSX workbook"),
        (b"\xff\xff\xff\xff", "neither UTF-8 nor GB 18030"),
    ):
        (tmp_path / "list.csv").write_bytes(content)
        said = callwarden("scrub", tmp_path / "list.csv", "-o", tmp_path / "out.csv")
        assert (said.code, said.out) == (2, "")
        assert told in said.err
        assert not (tmp_path / "out.csv").exists()


def test_a_list_that_goes_bad_halfway_leaves_no_half_output(
    callwarden: Callwarden, tmp_path: Path
) -> None:
    rows = "".join(f"138{at:08d}\n" for at in range(3000))
    (tmp_path / "list.csv").write_text("number\n" + rows + '"' + "x" * 200_000 + '"\n')
    said = callwarden("scrub", tmp_path / "list.csv", "--at", NOON, "-o", tmp_path / "out.csv")
    assert said.code == 2
    assert "list.csv:3002:1: (list): no CSV" in said.err
    assert not list(tmp_path.glob("out*"))


def test_a_ledger_that_cannot_be_read_is_no_empty_one(
    callwarden: Callwarden, tmp_path: Path
) -> None:
    configured = settings.Settings(state=tmp_path / "state")
    configured.state.mkdir()
    configured.ledger_file.write_bytes(b"no database, " * 100)
    (tmp_path / "list.csv").write_text("13800138000\n")
    said = callwarden("scrub", tmp_path / "list.csv", "--at", NOON)
    assert (said.code, said.out) == (2, "")
    assert str(configured.state) in said.err
