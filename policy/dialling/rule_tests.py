"""Owns the tests that stand beside a dialling pack (`house_test.yaml` beside `house.yaml`): their
shape, and running them. Called by `callwarden rules check` and `rules test`.

Each fixes its own instant, so a test tells the same on every day.
"""

from datetime import UTC
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument
from callwarden.problems import did_you_mean
from policy.dialling import facts, number
from policy.dialling.decision import Decision
from policy.dialling.evaluate import evaluate
from policy.dialling.pack import Source
from policy.dialling.request import DialRequest, Party
from policy.dialling.rulebook import DiallingRulebook
from policy.outcome import Outcome
from policy.rule import Name, Part, ScenePattern, Text

Instant = Annotated[AwareDatetime, AfterValidator(lambda instant: instant.astimezone(UTC))]
RulePattern = ScenePattern
"""Rules are named by the same kind of pattern as scenes: an id, `pack.*` or `*`."""


class CallText(Part):
    """The call that is asked for. `number` as dialled."""

    number: Text
    scene: str = "*"
    customer: str = ""
    linkedid: str = ""
    region: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "CN"
    agent: str = ""
    debt: str = ""
    product: str = ""
    campaign: str = ""
    agency: str = ""
    party: Party = "unknown"
    caller_id: str = ""


class AttemptText(Part):
    """`same_number` and the others: what the attempt has in common with the call that is asked for.
    What it says when nothing is said: all of it."""

    at: Instant
    linkedid: str = ""
    connected: bool | None = None
    talk_s: Annotated[float, Field(ge=0)] | None = None
    ended_at: Instant | None = None
    party: Party = "unknown"
    same_number: bool = True
    same_person: bool = True
    same_debt: bool = True
    same_product: bool = True


class SuppressionText(Part):
    since: Instant
    until: Instant | None = None
    channel: str = "voice"
    purpose: ScenePattern = "*"
    provisional: bool = False
    source: Source = "refusal"
    list_name: str = Field("", alias="list")


class WaiverText(Part):
    """A consent; `proof` is where it can be shown."""

    rules: tuple[RulePattern, ...] = Field(min_length=1)
    since: Instant
    until: Instant | None = None
    purpose: ScenePattern = "*"
    proof: Text = "recording 1"


class FactsText(Part):
    """`lists`: when each list was imported last."""

    attempts: tuple[AttemptText, ...] = ()
    suppressions: tuple[SuppressionText, ...] = ()
    waivers: tuple[WaiverText, ...] = ()
    lists: dict[str, Instant] = Field(default_factory=dict)


class Expected(Part):
    """`rules` are the ids of all reasons, in the rulebook's order; `earliest` is compared where it
    is given."""

    verdict: Literal["ALLOW", "DENY"]
    rules: tuple[Name, ...] = ()
    earliest: Instant | None = None


class RuleTest(Part):
    """`about` names the rule whose boundary the call is on the allowed side of."""

    name: Text
    about: Name | None = None
    now: Instant
    call: CallText
    facts: FactsText = FactsText()
    expect: Expected


class RuleTests(Part):
    """One file of tests of one pack."""

    pack: Name
    tests: tuple[RuleTest, ...] = Field(min_length=1)


def run(document: LocatedDocument, rulebook: DiallingRulebook) -> Outcome:
    """Runs one file of tests. Raises ProblemsFound when it is not such a file."""
    tests = located_yaml.validate(document, RuleTests).tests
    failures = tuple(
        document.problem(("tests", index), f"{test.name}: {wrong}")
        for index, test in enumerate(tests)
        if (wrong := _unknown_rule(test, rulebook) or difference(test, rulebook))
    )
    return Outcome(len(tests), failures)


def _unknown_rule(test: RuleTest, rulebook: DiallingRulebook) -> str:
    ids = [rule.reason.rule for rule in rulebook.rules]
    if test.about is None or test.about in ids:
        return ""
    return f"about: no rule is {test.about}{did_you_mean(test.about, ids)}"


def difference(test: RuleTest, rulebook: DiallingRulebook) -> str:
    """What the test expected and what came out; empty when they agree."""
    decision = evaluate(_request(test.call), _facts(test.facts), rulebook, test.now)
    expected, found = _text(test.expect), _told(decision)
    if expected != found:
        return f"expected {expected}, got {found}"
    earliest = test.expect.earliest
    if earliest is not None and earliest != decision.earliest:
        got = decision.earliest.isoformat() if decision.earliest else "never"
        return f"expected earliest {earliest.isoformat()}, got {got}"
    return ""


def _text(expected: Expected) -> str:
    return " by ".join(filter(None, (expected.verdict, ", ".join(expected.rules))))


def _told(decision: Decision) -> str:
    rules = ", ".join(reason.rule for reason in decision.reasons)
    return " by ".join(filter(None, (decision.verdict.value, rules)))


def _request(call: CallText) -> DialRequest:
    return DialRequest(
        nonce="",
        number=number.canonical(call.number, call.region),
        scene=call.scene,
        agent=call.agent,
        customer=call.customer,
        linkedid=call.linkedid,
        region=call.region,
        debt=call.debt,
        product=call.product,
        campaign=call.campaign,
        agency=call.agency,
        party=call.party,
        caller_id=call.caller_id,
    )


def _facts(text: FactsText) -> facts.Facts:
    return facts.Facts(
        attempts=tuple(
            facts.Attempt(
                reserved_at=each.at,
                linkedid=each.linkedid,
                connected=each.connected,
                talk_seconds=each.talk_s,
                ended_at=each.ended_at,
                party=each.party,
                same_number=each.same_number,
                same_person=each.same_person,
                same_debt=each.same_debt,
                same_product=each.same_product,
            )
            for each in text.attempts
        ),
        suppressions=tuple(
            facts.Suppression(
                suppression_id=str(index),
                source=each.source,
                since=each.since,
                until=each.until,
                channel=each.channel,
                purpose=each.purpose,
                provisional=each.provisional,
                list_name=each.list_name,
            )
            for index, each in enumerate(text.suppressions)
        ),
        waivers=tuple(
            facts.Waiver(
                waiver_id=str(index),
                rules=each.rules,
                proof=each.proof,
                since=each.since,
                until=each.until,
                purpose=each.purpose,
            )
            for index, each in enumerate(text.waivers)
        ),
        lists=text.lists,
    )
