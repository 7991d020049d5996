"""`callwarden log reconcile` on files of CDRs, as Asterisk and others write them."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from policy.ledger import CallRecord, Ledger, LegCoverage
from policy.speech.utterance import Leg
from tests.ledger.box import Box
from tests.ledger.conftest import NOW, NUMBER, WAIT_S, asked, at_most

SHANGHAI = ZoneInfo("Asia/Shanghai")
TRUNK = ("--trunk", "PJSIP/trunk*")
MASKED = "+86138****8000"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A call that was allowed, answered and heard; one denied; and one allowed and never placed."""
    made = Box(tmp_path)
    with Ledger.open(*made.files) as ledger:
        decided = ledger.decide(asked("pbx-1.1-77"), at_most(9), NOW).result(WAIT_S)
        call = CallRecord("pbx-1.1-77", decided.decision_id, NUMBER, "1001", "", "", "", NOW)
        ledger.begin_call(call).result(WAIT_S)
        for leg in Leg:
            heard = LegCoverage(leg, 30.4, 30.2, 30.2)
            ledger.add_coverage("pbx-1.1-77", heard, NOW).result(WAIT_S)
        ledger.settle(
            "pbx-1.1-77",
            disposition="ANSWER",
            q850_cause=16,
            connected=True,
            talk_seconds=30.0,
            now=NOW,
        ).result(WAIT_S)
        ledger.decide(asked("pbx-1.2-78"), at_most(0), NOW).result(WAIT_S)
    return made


def _row(uniqueid: str = "pbx-1.1", *, zone: ZoneInfo = SHANGHAI, **changed: str) -> dict[str, str]:
    start = NOW.astimezone(zone)
    return {
        "accountcode": "",
        "src": "1001",
        "dst": "13800138000",
        "dcontext": "outbound",
        "clid": '"Li, Lei" <1001>',
        "channel": "PJSIP/1001-00000001",
        "dstchannel": "PJSIP/trunk1-00000002",
        "lastapp": "Dial",
        "lastdata": "PJSIP/13800138000@trunk1,30",
        "start": f"{start:%Y-%m-%d %H:%M:%S}",
        "answer": f"{start + timedelta(seconds=5):%Y-%m-%d %H:%M:%S}",
        "end": f"{start + timedelta(seconds=35):%Y-%m-%d %H:%M:%S}",
        "duration": "35",
        "billsec": "30",
        "disposition": "ANSWERED",
        "amaflags": "DOCUMENTATION",
        "uniqueid": uniqueid,
        "userfield": "",
        **changed,
    }


def _line(cells: Any) -> str:
    return ",".join('"' + each.replace('"', '""') + '"' for each in cells) + "\n"


def _cdrs(box: Box, *rows: dict[str, str], headings: bool = False) -> str:
    file = box.config.with_name("Master.csv")
    text = _line(rows[0]) if headings else ""
    file.write_text(text + "".join(_line(row.values()) for row in rows))
    return str(file)


def _told(box: Box, *words: str) -> tuple[int, dict[str, Any]]:
    done = box.run("log", "reconcile", "--json", *TRUNK, *words)
    assert done.exit_code in (0, 1), done.output
    return done.exit_code, json.loads(done.stdout)


def test_master_csv_adds_up(box: Box) -> None:
    internal = _row("pbx-1.9", dstchannel="PJSIP/1002-00000003", lastdata="PJSIP/1002")
    cdrs = _cdrs(box, _row(), internal)
    code, told = _told(box, "--cdr", cdrs, "--zone", "Asia/Shanghai")
    assert code == 0
    assert (told["cdrs"], told["calls_placed"], told["decided"]) == (2, 1, 1)
    assert told["found_by"] == {"uniqueid": 1}
    assert (told["talk_s"], told["analysed_s"], told["adds_up"]) == (60.0, 60.0, True)


def test_what_does_not_add_up(box: Box) -> None:
    unknown = _row("pbx-9.9", lastdata="PJSIP/13900139000@trunk1")
    denied = _row("pbx-1.2")
    code, told = _told(
        box, "--cdr", _cdrs(box, unknown, denied), "--day", "2026-03-04", "--zone", "Asia/Shanghai"
    )
    assert code == 1
    assert (told["without-a-decision"], told["after-a-denial"], told["undialled"]) == (1, 1, 1)
    classes = [each["class"] for each in told["found"]]
    assert classes[:3] == ["without-a-decision", "after-a-denial", "decision-without-a-call"]
    assert told["missing_s"] == 120.0
    assert sum(told["missing_s_by_cause"].values()) == told["missing_s"]
    assert all("13900139000" not in json.dumps(each) for each in told["found"])


@pytest.mark.parametrize("columns", [16, 17, 18])
def test_a_plain_master_csv_is_met_by_number_and_time(box: Box, columns: int) -> None:
    row = dict(list(_row("").items())[:columns])
    code, told = _told(box, "--cdr", _cdrs(box, row), "--zone", "Asia/Shanghai")
    assert (code, told["found_by"]) == (0, {"number and time": 1})


def test_another_zone_is_another_time(box: Box) -> None:
    row = dict(list(_row().items())[:16])
    code, told = _told(box, "--cdr", _cdrs(box, row), "--zone", "UTC")
    assert (code, told["without-a-decision"]) == (1, 1)


def test_headings_and_an_order_of_ones_own(box: Box) -> None:
    shuffled = dict(sorted(_row().items()))
    shuffled["calldate"] = shuffled.pop("start")
    with_headings = _cdrs(box, shuffled, headings=True)
    assert _told(box, "--cdr", with_headings, "--zone", "Asia/Shanghai")[0] == 0
    bare = _cdrs(box, shuffled)
    named = ("--columns", ",".join(shuffled))
    assert _told(box, "--cdr", bare, "--zone", "Asia/Shanghai", *named)[0] == 0


def test_a_line_that_cannot_be_read_is_named_and_nothing_is_said(box: Box) -> None:
    cdrs = _cdrs(box, _row(), _row(start="yesterday"), _row(billsec="many"))
    done = box.run("log", "reconcile", "--cdr", cdrs, *TRUNK)
    assert done.exit_code == 2
    assert f"{cdrs}:2:1: cdr: its start is no time" in done.output
    assert f"{cdrs}:3:1: cdr: its billed seconds are no number" in done.output
    assert "13800138000" not in done.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--cdr FILE or --ami"),
        (("--ami", "--cdr", "FILE"), "--cdr FILE or --ami"),
        (("--cdr", "FILE", "--zone", "Beijing"), "no time zone"),
        (("--cdr", "FILE", "--columns", "src,dest"), "'dest' is no column (did you mean dst?)"),
        (("--cdr", "FILE", "--columns", "src,dst"), "channel, dstchannel"),
        (("--cdr", "FILE", "--day", "2026-03-02", "--since", "2026-03-02"), "leave out"),
        (("--cdr", "FILE"), "asterisk.trunks"),
    ],
)
def test_a_mistake_says_what_to_do(box: Box, words: tuple[str, ...], told: str) -> None:
    cdrs = _cdrs(box, _row())
    trunks = () if "trunks" in told else TRUNK
    given = [cdrs if each == "FILE" else each for each in words]
    done = box.run("log", "reconcile", *given, *trunks)
    assert done.exit_code == 2
    assert told in done.output


@pytest.mark.parametrize(("language", "verdict"), [("zh", "账实不符"), ("en", "does not add up")])
def test_a_table_for_people(box: Box, language: str, verdict: str) -> None:
    box.config.write_text(f"state: {box.state}\nlocale: {language}\n")
    cdrs = _cdrs(box, _row("pbx-9.9", dst="1", lastdata="PJSIP/13900139000@trunk1"))
    done = box.run("log", "reconcile", "--cdr", cdrs, *TRUNK, "--zone", "Asia/Shanghai")
    assert done.exit_code == 1
    assert done.output.splitlines()[-1].endswith(verdict)
    assert "+86139****9000" in done.output
    as_csv = box.run(
        "log", "reconcile", "--cdr", cdrs, *TRUNK, "--zone", "Asia/Shanghai", "--format", "csv"
    )
    assert as_csv.output.splitlines()[0].startswith("class,at,call_id")
    assert as_csv.output.splitlines()[1].startswith("without-a-decision,")
    assert datetime.fromisoformat(as_csv.output.splitlines()[1].split(",")[1]) <= NOW
