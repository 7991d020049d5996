"""Packs as an officer writes them, turned into what is evaluated; and the words of these tests."""

from datetime import UTC, datetime
from typing import Any

from callwarden import located_yaml
from policy.dialling import number, public_holidays
from policy.dialling.decision import Decision
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Attempt, Facts, Suppression
from policy.dialling.pack import DiallingPack
from policy.dialling.request import DialRequest
from policy.dialling.rulebook import DiallingRulebook
from policy.identity import RulebookIdentity

IDENTITY = RulebookIdentity("test@1", "0" * 64)
CUSTOMER = "+8613800138000"

_HEAD = "pack: test\nversion: '1'\ntitle: {zh: 测试, en: Test}\ndialling:\n"
_COMMON = "title: {zh: 规则, en: Rule}, severity: major, citation: house rule"


def rule(kind: str, rest: str = "", *, id: str = "test.rule") -> str:
    """One rule in YAML's flow style; `rest` is what the kind needs."""
    return f"  - {{id: {id}, kind: {kind}, {_COMMON}{', ' + rest if rest else ''}}}\n"


def rulebook(*rules: str) -> DiallingRulebook:
    document = located_yaml.read(_HEAD + "".join(rules), "test.yaml")
    return compiled(located_yaml.validate(document, DiallingPack))


def compiled(pack: DiallingPack) -> DiallingRulebook:
    calendars = {country: public_holidays.calendar(country) for country in pack.countries}
    return DiallingRulebook.compile((pack,), IDENTITY, calendars)


def decide(
    rules: DiallingRulebook,
    now: str,
    *,
    facts: Facts | None = None,
    dialled: str = CUSTOMER,
    **request: Any,
) -> Decision:
    asked = DialRequest("n", number.canonical(dialled, "CN"), **request)
    return evaluate(asked, facts or Facts(), rules, at(now))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def attempts(*times: str, linkedid: str = "", connected: bool | None = None) -> Facts:
    return Facts(attempts=tuple(Attempt(at(each), linkedid, connected) for each in times))


def suppressed(**fields: Any) -> Facts:
    entry = {"suppression_id": "s", "source": "test", "since": at("2026-01-01T00:00Z"), **fields}
    return Facts(suppressions=(Suppression(**entry),))


def rules_against(decision: Decision) -> list[str]:
    return [reason.rule for reason in decision.reasons]
