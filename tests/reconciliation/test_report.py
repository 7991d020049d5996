"""The daily report: every whole is the sum of its parts, on any day and on a real ledger."""

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import daily
from policy.commands.report_page import page
from policy.daily import Day, shares
from policy.identity import Title
from policy.ledger import Ledger
from policy.ledger.accounts import CallAccount, CallEnd, DayCounts, JudgedFinding
from policy.ledger.acts import ActKind, DoneAct, Standing
from policy.ledger.records import LegCoverage
from policy.speech.utterance import Leg
from tests.ledger.box import Box
from tests.ledger.conftest import NOW, WAIT_S
from tests.ledger.one_call import FINDING, record_one_call

_SECONDS = st.floats(0, 4000, allow_nan=False)
_CAUSES = st.sampled_from([(), ("audio-lost",), ("audio-lost", "worker-lost")])


def _leg(leg: Leg, call_s: float, share: float, causes: tuple[str, ...]) -> LegCoverage:
    return LegCoverage(leg, call_s, call_s, call_s * share, causes)


_LEGS = st.lists(
    st.builds(_leg, st.sampled_from(list(Leg)), _SECONDS, st.floats(0, 1), _CAUSES), max_size=2
)
_END = st.builds(
    CallEnd, st.sampled_from(["ANSWER", "BUSY", "CANCEL", "NOANSWER"]), st.booleans(), _SECONDS
)
_CALL = st.builds(
    lambda allowed, rules, end, legs: CallAccount(
        "d",
        "c",
        NOW,
        allowed,
        () if allowed else tuple(rules),
        "+8613800138000",
        "1001",
        "",
        "",
        end if allowed else None,
        tuple({each.leg: each for each in legs}.values()) if allowed else (),
    ),
    st.booleans(),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=3),
    st.none() | _END,
    _LEGS,
)
_FINDING = st.builds(
    lambda rule, agent, withdrawn, standing: JudgedFinding(
        "c", "f", NOW, rule, Title("", ""), "minor", withdrawn, agent, standing, settled=False
    ),
    st.sampled_from(["r1", "r2"]),
    st.sampled_from(["", "1001", "1002"]),
    st.booleans(),
    st.none() | st.sampled_from(list(Standing)),
)


def _made(calls: list[CallAccount], findings: list[JudgedFinding], bypasses: int = 0) -> Day:
    counts = DayCounts(bypasses, 0, {}, 0, 0, {})
    return daily.day(calls, findings, counts, lambda agent: agent and "team")


@given(st.lists(_CALL, max_size=20), st.lists(_FINDING, max_size=20), st.integers(0, 3))
def test_every_whole_is_the_sum_of_its_parts(
    calls: list[CallAccount], findings: list[JudgedFinding], bypasses: int
) -> None:
    made = _made(calls, findings, bypasses)
    assert made.adds_up
    assert set(made.calls) <= set(daily.CLASSES)
    assert made.asked_or_placed == len(calls) + bypasses
    assert made.calls["refused"] == sum(not each.allowed for each in calls)
    assert made.talk_s == pytest.approx(made.analysed_s + sum(made.missing_s.values()))
    assert 0 <= made.analysed_s <= made.talk_s + 1e-6
    kept = [each for each in findings if not each.withdrawn]
    assert made.withdrawn == len(findings) - len(kept)
    for judged in (made.by_rule, made.by_agent, made.by_team):
        assert sum(each.total for each in judged.values()) == len(kept)
        for standing in Standing:
            counted = sum(each.counts[standing.value] for each in judged.values())
            assert counted == sum(each.standing is standing for each in kept)
    heard = {name: made.calls[name] for name in daily.CLASSES}
    if made.asked_or_placed:
        assert sum(round(each * 10) for each in shares(heard).values()) == 1000


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1e9), max_size=9))
def test_shares_add_up_to_a_hundred(parts: dict[str, float]) -> None:
    found = shares(parts)
    whole = sum(parts.values())
    assert sum(round(each * 10) for each in found.values()) == (1000 if whole else 0)
    for name, each in parts.items():
        assert not whole or abs(found[name] - each / whole * 100) <= 0.1 + 1e-6


@pytest.mark.parametrize(
    ("legs", "end", "kind"),
    [
        ([(10.0, 10.0), (10.0, 8.5)], None, "in-full"),
        ([(10.0, 10.0), (10.0, 7.0)], None, "in-part"),
        ([(10.0, 0.0), (10.0, 0.0)], None, "not-at-all"),
        ([(10.0, 10.0)], None, "in-part"),
        ([], CallEnd("ANSWER", True, 10.0), "not-at-all"),
        ([], CallEnd("BUSY", False, 0.0), "not-answered"),
        ([], None, "unsettled"),
    ],
)
def test_how_a_call_is_classed(
    legs: list[tuple[float, float]], end: CallEnd | None, kind: str
) -> None:
    known = tuple(
        LegCoverage(leg, seconds, seconds, analysed)
        for leg, (seconds, analysed) in zip(Leg, legs, strict=False)
    )
    call = CallAccount("d", "c", NOW, True, (), "+86", "1", "", "", end, known)
    made = _made([call], [])
    assert made.calls == {kind: 1}
    if len(legs) == 1:
        assert made.missing_s == {daily.NO_ACCOUNT: 10.0}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """One refused call and one of which the customer was heard in part, with a finding that was
    upheld, a suppression, a bypass, and a retraining."""
    made = Box(tmp_path)
    with Ledger.open(*made.files) as ledger:
        record_one_call(ledger)
        upheld = DoneAct(
            NOW,
            ActKind.REVIEW,
            "Li",
            "auditor",
            "n1",
            FINDING.finding_id,
            standing=Standing.UPHELD,
        )
        ledger.acts.review(upheld).result(WAIT_S)
        retrain = DoneAct(NOW, ActKind.ASSIGN_RETRAINING, "Li", "supervisor", subject="1001")
        ledger.acts.record(retrain).result(WAIT_S)
    people = tmp_path / "people.yaml"
    people.write_text(
        f"people: [{{name: Li, role: admin, token_sha256: '{'0' * 64}'}}]\n"
        "teams: {east: ['10*']}\n"
    )
    made.config.write_text(made.config.read_text() + f"oversight: {{people: {people}}}\n")
    return made


DAY = ("--day", "2026-03-04", "--zone", "Asia/Shanghai")


def test_the_figures_of_a_day(box: Box) -> None:
    done = box.run("report", *DAY, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["calls"] == {
        "all": 3,
        "in-full": 0,
        "in-part": 1,
        "not-at-all": 0,
        "not-answered": 0,
        "unsettled": 0,
        "bypassed": 1,
        "refused": 1,
    }
    assert told["seconds"]["talk"] == 64.0
    assert told["seconds"]["analysed"] == 12.0
    assert told["seconds"]["not_analysed"] == {"no-account": 32.0, "worker-lost": 20.0}
    assert sum(told["seconds_percent"].values()) == pytest.approx(100.0)
    assert told["refusals"]["by_first_reason"] == {"house.limit": 1}
    (rule,) = told["violations"]["by_rule"]
    assert (rule["rule"], rule["upheld"], rule["all"]) == (FINDING.rule, 1, 1)
    assert rule["precision"] == 1.0
    assert told["violations"]["by_team"][0]["team"] == "east"
    assert told["suppressions"]["by_source"] == {"refusal": 1}
    assert told["retraining"] == {"1001": 1}
    assert told["adds_up"]


def test_another_day_is_empty_and_adds_up(box: Box) -> None:
    told = json.loads(box.run("report", "--day", "2026-03-05", "--json").stdout)
    assert (told["calls"]["all"], told["seconds"]["talk"], told["adds_up"]) == (0, 0, True)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ["日报 2026-03-04", "承诺保本保收益", "各部分之和等于总数"]),
        ("en", ["Daily report 2026-03-04", "Promises principal or return", "sum of its parts"]),
    ],
)
@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_a_page_in_each_form_and_language(
    box: Box, tmp_path: Path, form: str, language: str, words: list[str]
) -> None:
    file = tmp_path / "page"
    done = box.run("report", *DAY, "--language", language, "--format", form, "-o", str(file))
    assert done.exit_code == 0, done.output
    text = file.read_text()
    for word in words:
        assert word in text
    assert "100.0 %" in text
    if form == "html":
        _Balanced().check(text)


def test_names_are_no_markup() -> None:
    evil = "<script>alert(1)</script>|*x*"
    found = JudgedFinding(
        "c", "f", datetime(2026, 3, 4, tzinfo=UTC) + timedelta(), "r", Title("", ""), "minor",
        withdrawn=False, agent=evil, standing=None, settled=False,
    )  # fmt: skip
    told = page(_made([], [found]), "2026-03-04", "en")
    assert "<script>" not in told.as_html()
    assert "|*x*" not in told.as_markdown()


class _Balanced(HTMLParser):
    """Every element that is opened is closed, in its order."""

    def check(self, text: str) -> None:
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
