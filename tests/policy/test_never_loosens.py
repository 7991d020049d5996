"""What makes a rulebook or a customer's facts stricter never turns a denial into an allowance, and
never lets a call pass earlier."""

import copy
from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.dialling.decision import Decision
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Attempt, Facts, Suppression
from policy.dialling.pack import DiallingPack
from policy.dialling.request import DialRequest
from tests.policy import generated
from tests.policy.written import compiled, rules_against

Question = tuple[dict[str, Any], DialRequest, Facts, datetime]
_unhurried = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _decide(pack: dict[str, Any], request: DialRequest, facts: Facts, now: datetime) -> Decision:
    return evaluate(request, facts, compiled(DiallingPack.model_validate(pack)), now)


def _is_no_looser(before: Decision, after: Decision) -> None:
    assert set(rules_against(before)) <= set(rules_against(after))
    assert before.allowed or not after.allowed
    if after.earliest is not None:
        assert before.earliest is not None
        assert before.earliest <= after.earliest


@given(generated.questions(), st.data())
@_unhurried
def test_adding_a_suppression(question: Question, data: st.DataObject) -> None:
    pack, request, facts, now = question
    entry = Suppression(
        "added",
        data.draw(st.sampled_from(generated.SOURCES)),
        since=now,
        until=data.draw(st.one_of(st.none(), st.datetimes(now.replace(tzinfo=None)))),
        channel=data.draw(st.sampled_from(["voice", "*", "sms"])),
        purpose=data.draw(st.sampled_from(generated.PATTERNS)),
        provisional=data.draw(st.booleans()),
    )
    if entry.until is not None:
        entry = replace(entry, until=entry.until.replace(tzinfo=now.tzinfo))
    place = data.draw(st.integers(0, len(facts.suppressions)))
    entries = (*facts.suppressions[:place], entry, *facts.suppressions[place:])
    stricter = replace(facts, suppressions=entries)
    _is_no_looser(_decide(pack, request, facts, now), _decide(pack, request, stricter, now))


@given(generated.questions(), st.data())
@_unhurried
def test_adding_an_attempt(question: Question, data: st.DataObject) -> None:
    pack, request, facts, now = question
    made = Attempt(
        now + data.draw(st.integers(-400, 4)) * generated.GRID,
        data.draw(st.sampled_from(generated.LINKEDIDS)),
        data.draw(st.sampled_from([None, True, False])),
        # Another call to the debtor in vain may be what lets a third party be called.
        party=data.draw(st.sampled_from(["unknown", "third-party"])),
    )
    stricter = replace(facts, attempts=(*facts.attempts, made))
    _is_no_looser(_decide(pack, request, facts, now), _decide(pack, request, stricter, now))


@given(generated.questions(), st.data())
@_unhurried
def test_narrowing_a_window(question: Question, data: st.DataObject) -> None:
    pack, request, facts, now = question
    narrower = copy.deepcopy(pack)
    shut = [window for rule in narrower["dialling"] for window in rule.get("windows", ())]
    if not shut:
        return
    window = data.draw(st.sampled_from(shut))
    clocks = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 15, 30, 45)]
    inside = [clock for clock in clocks if window["from"] < clock < window["to"]]
    if len(window["days"]) > 1 and (not inside or data.draw(st.booleans())):
        window["days"] = window["days"][1:]
    elif inside:
        window[data.draw(st.sampled_from(["from", "to"]))] = data.draw(st.sampled_from(inside))
    _is_no_looser(_decide(pack, request, facts, now), _decide(narrower, request, facts, now))


@given(generated.questions())
@_unhurried
def test_lowering_a_limit(question: Question) -> None:
    pack, request, facts, now = question
    lower = copy.deepcopy(pack)
    for rule in lower["dialling"]:
        if rule["kind"] == "limit":
            rule["at_most"] = max(1, rule["at_most"] - 1)
    _is_no_looser(_decide(pack, request, facts, now), _decide(lower, request, facts, now))


@given(generated.questions(), st.data())
@_unhurried
def test_taking_a_consent_away(question: Question, data: st.DataObject) -> None:
    pack, request, facts, now = question
    more = replace(facts, waivers=(*facts.waivers, data.draw(generated.waivers(now))))
    _is_no_looser(_decide(pack, request, more, now), _decide(pack, request, facts, now))


@given(generated.questions())
@_unhurried
def test_asking_for_more_of_everything_else(question: Question) -> None:
    """Longer terms, longer unsettled, shorter talk, fewer parties and numbers shown, no waivers."""
    pack, request, facts, now = question
    more = copy.deepcopy(pack)
    for rule in more["dialling"]:
        rule["waivable"] = rule["kind"] == "consent"
        for term in (rule.get("for"), rule.get("at_least")):
            for unit in ("days", "months", "hours") if term else ():
                if unit in term:
                    term[unit] += 1
        for part in (rule, rule.get("third_party_when", {})):
            part.pop("unsettled_after_h", None)
        if "talk_s" in rule:
            rule["talk_s"] = 0
        if "at_most_days" in rule:
            rule["at_most_days"] = max(0, rule["at_most_days"] - 1)
        if "unsuccessful" in rule.get("third_party_when", {}):
            rule["third_party_when"]["unsuccessful"] += 1
        for words in ("may_be", "may_show"):
            if len(rule.get(words, ())) > 1:
                rule[words] = rule[words][1:]
    _is_no_looser(_decide(pack, request, facts, now), _decide(more, request, facts, now))


@given(generated.questions(), st.data())
@_unhurried
def test_adding_a_rule(question: Question, data: st.DataObject) -> None:
    pack, request, facts, now = question
    place = data.draw(st.integers(0, len(pack["dialling"])))
    more = copy.deepcopy(pack)
    more["dialling"].insert(place, data.draw(generated.rules(now, "added")))
    _is_no_looser(_decide(pack, request, facts, now), _decide(more, request, facts, now))
