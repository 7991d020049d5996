"""The shipped packs are held by their tests: each rule on both sides of each of its boundaries."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument
from policy import rulebook
from policy.dialling import rule_tests
from policy.dialling.pack import WEEKDAYS, DiallingPack
from policy.dialling.rule_tests import RuleTest, RuleTests
from tests.policy.written import compiled

PACKS = (
    "cn-collection",
    "cn-insurance",
    "cn-marketing",
    "fr-2022-1313",
    "house",
    "us-reg-f",
    "us-tcpa",
)
Pack = dict[str, Any]


def test_these_packs_are_shipped() -> None:
    assert tuple(rulebook.dialling_packs(rulebook.shipped())) == PACKS


@pytest.mark.parametrize("name", PACKS)
def test_every_rule_has_a_case_it_denies_and_one_it_lets_pass(name: str) -> None:
    tests = located_yaml.validate(_tests(name), RuleTests).tests
    rules = {rule["id"] for rule in _pack(name)["dialling"]}
    denying = {rule for test in tests for rule in test.expect.rules if rule in rules}
    allowing = {test.about for test in tests if test.expect.verdict == "ALLOW" and test.about}
    assert (denying, allowing) == (rules, rules)


@pytest.mark.parametrize("name", PACKS)
def test_whatever_is_moved_by_the_least_a_case_tells(name: str) -> None:
    tests = located_yaml.validate(_tests(name), RuleTests).tests
    untold = [what for what, moved in _moved(_pack(name)) if not _told(moved, tests)]
    assert untold == []


@pytest.mark.parametrize("name", PACKS)
def test_every_rule_cites_its_source_and_says_from_when(name: str) -> None:
    for rule in rulebook.read(None, (name,), ()).dialling[0].dialling:
        assert rule.id.startswith(f"{name}.")
        assert (rule.citation == "house rule") == (name == "house")
        assert (rule.effective_from is None) == (name == "house")


def _pack(name: str) -> Pack:
    text = (rulebook.shipped() / f"{name}.yaml").read_text(encoding="utf-8")
    return copy.deepcopy(_plain(located_yaml.read(text, f"{name}.yaml").value))


def _plain(value: Any) -> Any:
    """Without the places of a file that is read."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _tests(name: str) -> LocatedDocument:
    text = (rulebook.shipped() / f"{name}_test.yaml").read_text(encoding="utf-8")
    return located_yaml.read(text, f"{name}_test.yaml")


def _told(pack: DiallingPack, tests: Iterable[RuleTest]) -> bool:
    rules = compiled(pack)
    return any(rule_tests.difference(test, rules) for test in tests)


def _moved(pack: Pack) -> Iterator[tuple[str, DiallingPack]]:
    """The pack with one of its figures moved by one, one of its words taken away or changed; said
    what. Versions that cannot be are left out."""
    for index, rule in enumerate(pack["dialling"]):
        for what, moved in _moved_rule(rule):
            changed = copy.deepcopy(pack)
            changed["dialling"][index] = moved
            try:
                yield f"{rule['id']}: {what}", DiallingPack.model_validate(changed)
            except ValueError:
                continue


def _moved_rule(rule: Pack) -> Iterator[tuple[str, Pack]]:
    for path, value in _leaves(rule):
        for other in _others(path, value):
            changed = copy.deepcopy(rule)
            part: Any = changed
            for step in path[:-1]:
                part = part[step]
            part[path[-1]] = other
            yield f"{'.'.join(map(str, path))} {value} -> {other}", changed
    if "effective_from" in rule:
        changed = dict(rule)
        del changed["effective_from"]
        yield "effective_from taken away", changed
    for window, text in enumerate(rule.get("windows", ())):
        for day in text.get("days", WEEKDAYS):
            if "days" in text:
                changed = copy.deepcopy(rule)
                changed["windows"][window]["days"].remove(day)
                yield f"windows.{window} without {day}", changed


def _leaves(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key not in ("id", "title", "severity", "citation", "kind", "effective_from", "days"):
                yield from _leaves(value, (*path, key))
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from _leaves(value, (*path, index))
    else:
        yield path, part


def _others(path: tuple[Any, ...], value: Any) -> list[Any]:
    """Values next to `value`, for the key at the end of `path`."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value - 1, value + 1]
    words: dict[str, list[Any]] = {
        "unit": ["attempt", "connected"],
        "key": ["number", "customer", "debt"],
        "scenes": ["*", "marketing.wealth", "collection.other"],
        "holidays": ["US", None],
        "list": ["another-list"],
        "lists": ["another-list"],
        "except_lists": ["another-list"],
        "channels": ["sms"],
        "sources": ["complaint"],
        "may_be": ["third-party"],
    }
    if path[-1] in ("from", "to"):
        return _clocks_next_to(value)
    named = next(step for step in reversed(path) if isinstance(step, str))
    return [other for other in words.get(named, ()) if other != value]


def _clocks_next_to(clock: str) -> list[str]:
    minutes = int(clock[:2]) * 60 + int(clock[3:])
    return [f"{each // 60:02}:{each % 60:02}" for each in (minutes - 1, minutes + 1)]


def test_a_test_about_no_rule_fails_with_the_nearest() -> None:
    text = (rulebook.shipped() / "house_test.yaml").read_text(encoding="utf-8")
    document = located_yaml.read(text.replace("about: house.hours", "about: house.hour", 1), "t")
    rules = rulebook.load(None, ("house",), ()).dialling
    (failure,) = rule_tests.run(document, rules).failures
    assert "about: no rule is house.hour (did you mean house.hours?)" in failure.message


def test_packs_combine_and_the_earliest_is_that_of_all() -> None:
    both = rulebook.load(None, ("house", "cn-collection"), ()).dialling
    document = located_yaml.read(
        """
        pack: any
        tests:
          - name: both have a reason, and the stricter opens last
            now: 2026-03-02T07:00:00+08:00
            call: {number: "+8613800138000", scene: collection.reminder}
            facts:
              attempts:
                - {at: 2026-03-02T00:00:01+08:00, connected: true}
                - {at: 2026-03-02T00:00:02+08:00, connected: true}
                - {at: 2026-03-02T00:00:03+08:00, connected: true}
            expect:
              verdict: DENY
              rules:
                - house.hours
                - house.daily-attempts
                - cn-collection.hours
                - cn-collection.daily-connected
              earliest: 2026-03-03T08:00:00+08:00
          - name: what one allows the other still denies
            now: 2026-03-02T21:00:00+08:00
            call: {number: "+8613800138000", scene: collection.reminder}
            expect: {verdict: DENY, rules: [house.hours]}
        """,
        "t",
    )
    assert rule_tests.run(document, both).failures == ()
