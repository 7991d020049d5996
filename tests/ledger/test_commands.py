"""`callwarden suppress` and `callwarden log export`, as a person at the terminal meets them."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from callwarden.command import root
from policy.dialling.decision import Verdict
from policy.exporting.headings import CHINESE
from policy.ledger import Ledger, LedgerReader
from policy.ledger.export_kinds import KINDS, columns
from tests.ledger.box import Box
from tests.ledger.conftest import NOW, NUMBER, RULEBOOK, WAIT_S, asked, at_most
from tests.ledger.one_call import FINDING, HEARD, record_one_call

MASKED = "+86138****8000"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_an_entry_stops_the_next_call(box: Box) -> None:
    with Ledger.open(*box.files) as ledger:
        added = box.run("suppress", "add", "138-0013-8000", "--source", "complaint")
        assert added.exit_code == 0, added.output
        assert MASKED in added.output
        assert NUMBER[3:] not in added.output
        refused = ledger.decide(asked("n1"), at_most(99), NOW).result(WAIT_S)
    assert not refused.decision.allowed


def test_on_a_fresh_machine_it_makes_the_ledger(box: Box) -> None:
    assert box.run("suppress", "add", NUMBER, "--customer", "4711", "--note", "wife").exit_code == 0
    with LedgerReader.open(*box.files) as reader:
        (entry,) = reader.suppressions()
    assert (entry.number, entry.customer, entry.note) == (NUMBER, "4711", "wife")
    assert (entry.suppression.source, entry.suppression.until) == ("manual", None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["12"], "no telephone number of region CN"),
        (["not a number"], "no telephone number"),
        (["120"], "calls for help"),
        ([NUMBER, "--until", "2020-01-01T00:00:00Z"], "passed already"),
        ([NUMBER, "--until", "tomorrow"], "ISO 8601"),
        ([NUMBER, "--source", "rumour"], "'manual', 'complaint'"),
        ([NUMBER, "--purpose", "Marketing loan"], "no scene"),
        ([], "NUMBER"),
    ],
)
def test_a_mistake_adds_nothing(box: Box, words: Sequence[str], told: str) -> None:
    refused = box.run("suppress", "add", *words)
    assert refused.exit_code == 2
    assert told in refused.output
    assert not box.files[0].exists()


def test_list_shows_numbers_masked(box: Box) -> None:
    with Ledger.open(*box.files) as ledger:
        record_one_call(ledger)
        ledger.suppress(
            "+8613900139000", source="manual", now=NOW, until=NOW + timedelta(days=1)
        ).result(WAIT_S)
    listed = box.run("suppress", "list")
    assert listed.exit_code == 0
    assert NUMBER[3:] not in listed.output
    heading, first, second = listed.output.splitlines()
    assert heading.split("\t")[:3] == ["number", "since", "until"]
    assert first.split("\t")[0] == MASKED
    assert second.split("\t")[2] == "2026-03-05T05:06:07Z"
    as_json = [
        json.loads(line)
        for line in box.run("suppress", "list", "--json").output.split("\n")
        if line
    ]
    assert [each["number"] for each in as_json] == [MASKED, "+86139****9000"]
    assert (as_json[0]["source"], as_json[0]["call"], as_json[0]["until"]) == (
        "refusal",
        "n1",
        None,
    )


def test_a_command_without_a_ledger_says_so(box: Box) -> None:
    for words in (["suppress", "list"], ["log", "export", "--format", "csv"]):
        told = CliRunner().invoke(root, [*words, "--config", str(box.config)])
        assert told.exit_code != 0
        assert "there is no ledger; start the gateway once" in told.output


def _csv(text: bytes) -> list[dict[str, str]]:
    assert text.startswith(b"\xef\xbb\xbf"), "a spreadsheet takes it for another encoding"
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))


def test_violations_as_csv(box: Box) -> None:
    with Ledger.open(*box.files) as ledger:
        record_one_call(ledger)
    exported = box.run("log", "export", "--format", "csv")
    assert exported.exit_code == 0
    (row,) = _csv(exported.stdout_bytes)
    assert tuple(row) == columns("violations")
    assert (row["rule"], row["status"], row["severity"]) == (FINDING.rule, "certain", "critical")
    assert (row["number"], row["agent"], row["scene"]) == ("'" + MASKED, "1001", "marketing.loan")
    assert row["heard_text"] == HEARD
    assert row["at"] == "2026-03-04T05:06:16.890123+00:00"
    assert (row["rulebook_version"], row["rulebook_digest"]) == (RULEBOOK.version, RULEBOOK.digest)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_in_both_formats_with_chinese_headings(tmp_path: Path, kind: str) -> None:
    box = Box(tmp_path, locale="zh")
    with Ledger.open(*box.files) as ledger:
        record_one_call(ledger)
    words = ["log", "export", "--kind", kind]
    as_csv, as_jsonl = tmp_path / "out.csv", tmp_path / "out.jsonl"
    assert box.run(*words, "--format", "csv", "-o", str(as_csv)).exit_code == 0
    assert box.run(*words, "--format", "jsonl", "-o", str(as_jsonl)).exit_code == 0
    rows = _csv(as_csv.read_bytes())
    objects = [json.loads(line) for line in as_jsonl.read_text().splitlines()]
    assert len(rows) == len(objects) >= 1
    assert tuple(rows[0]) == tuple(CHINESE[name] for name in columns(kind))
    assert tuple(objects[0]) == columns(kind)
    assert NUMBER[3:] not in as_csv.read_text() + as_jsonl.read_text()
    assert all(each["number"] == MASKED for each in objects)
    assert as_csv.stat().st_mode & 0o077 == 0
    assert sorted(each.name for each in tmp_path.iterdir() if "out" in each.name) == [
        "out.csv",
        "out.csv.manifest.json",
        "out.jsonl",
        "out.jsonl.manifest.json",
    ]


def test_decisions_name_their_rules(box: Box) -> None:
    with Ledger.open(*box.files) as ledger:
        record_one_call(ledger)
    exported = box.run("log", "export", "--format", "jsonl", "--kind", "decisions").output
    denied, allowed = map(json.loads, exported.splitlines())
    assert (denied["verdict"], denied["rules"]) == (Verdict.DENY.value, "house.limit")
    assert (allowed["verdict"], allowed["rules"], allowed["earliest"]) == ("ALLOW", "", None)


def test_what_lies_between_two_times(box: Box) -> None:
    with Ledger.open(*box.files) as ledger:
        for minutes in range(4):
            at = NOW + timedelta(minutes=minutes)
            ledger.decide(asked(f"n{minutes}"), at_most(99), at).result(WAIT_S)
    between = [
        "--since",
        (NOW + timedelta(minutes=1)).isoformat(),
        "--until",
        (NOW + timedelta(minutes=3)).isoformat(),
    ]
    words = ["log", "export", "--format", "jsonl", "--kind", "decisions"]
    exported = box.run(*words, *between).output
    assert [json.loads(line)["nonce"] for line in exported.splitlines()] == ["n1", "n2"]


@pytest.mark.parametrize(
    ("agent", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ('a,"b"\nc', 'a,"b"\nc'),
    ],
)
def test_no_cell_is_a_formula(box: Box, agent: str, cell: str) -> None:
    request = asked("n1")
    with Ledger.open(*box.files) as ledger:
        ledger.decide(type(request)(**{**vars(request), "agent": agent}), at_most(1), NOW).result(
            WAIT_S
        )
    (row,) = _csv(box.run("log", "export", "--format", "csv", "--kind", "decisions").stdout_bytes)
    assert row["agent"] == cell


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--format", "xlsx"], "goes to a file: say which with -o"),
        (["--format", "pdf"], "is none of csv, xlsx, jsonl, parquet"),
        (["--format", "cvs"], "did you mean csv?"),
        (["--format", "csv", "--kind", "violation"], "did you mean violations?"),
        (
            ["--format", "csv", "--since", "2026-03-02T00:00Z", "--until", "2026-03-01T00:00Z"],
            "nothing lies between",
        ),
        ([], "--format"),
    ],
)
def test_a_mistake_exports_nothing(box: Box, words: Sequence[str], told: str) -> None:
    with Ledger.open(*box.files) as ledger:
        record_one_call(ledger)
    refused = box.run("log", "export", *words)
    assert refused.exit_code == 2
    assert told in refused.output


def test_a_file_that_cannot_be_written(box: Box, tmp_path: Path) -> None:
    with Ledger.open(*box.files) as ledger:
        record_one_call(ledger)
    told = box.run("log", "export", "--format", "csv", "-o", str(tmp_path / "absent" / "out.csv"))
    assert told.exit_code != 0
    assert "absent" in told.output


def test_more_rows_than_a_page_and_a_reader_who_has_seen_enough(box: Box) -> None:
    with Ledger.open(*box.files) as ledger:
        for future in [
            ledger.decide(asked(f"n{each}", f"+861380{each:07}"), at_most(1), NOW)
            for each in range(1201)
        ]:
            future.result(WAIT_S)
    words = ["log", "export", "--format", "jsonl", "--kind", "decisions"]
    exported = box.run(*words).output.splitlines()
    assert [json.loads(line)["nonce"] for line in exported] == [f"n{each}" for each in range(1201)]
    command = [sys.executable, "-m", "callwarden.command", *words, "--config", str(box.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as piped:
        assert piped.stdout is not None
        assert piped.stderr is not None
        os.read(piped.stdout.fileno(), 10)
        piped.stdout.close()
        complaint = piped.stderr.read()
    assert complaint == b""
