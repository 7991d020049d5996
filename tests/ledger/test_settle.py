"""How an attempt ended is known to the next decision; an attempt never stops counting."""

from datetime import timedelta

from policy.dialling.facts import Facts
from policy.ledger import Ledger
from tests.ledger.conftest import NOW, WAIT_S, asked, looks_into


def _settle(ledger: Ledger, connected: bool, talk_seconds: float) -> None:
    ledger.settle(
        "n1",
        disposition="ANSWER" if connected else "NOANSWER",
        q850_cause=16,
        connected=connected,
        talk_seconds=talk_seconds,
        now=NOW,
    ).result(WAIT_S)


def _attempt_seen_by_the_next(ledger: Ledger) -> tuple[bool | None, float | None]:
    seen: list[Facts] = []
    ledger.decide(asked("probe"), looks_into(seen), NOW).result(WAIT_S)
    (attempt,) = seen[0].attempts
    return attempt.connected, attempt.talk_seconds


def test_until_it_is_settled_nothing_is_known_of_it(ledger: Ledger) -> None:
    ledger.decide(asked("n1"), looks_into([]), NOW).result(WAIT_S)
    assert _attempt_seen_by_the_next(ledger) == (None, None)


def test_unanswered(ledger: Ledger) -> None:
    ledger.decide(asked("n1"), looks_into([]), NOW).result(WAIT_S)
    _settle(ledger, connected=False, talk_seconds=0)
    assert _attempt_seen_by_the_next(ledger) == (False, 0)


def test_settled_twice_it_counts_as_the_fuller_of_both(ledger: Ledger) -> None:
    ledger.decide(asked("n1"), looks_into([]), NOW).result(WAIT_S)
    _settle(ledger, connected=True, talk_seconds=61.5)
    _settle(ledger, connected=False, talk_seconds=0)
    assert _attempt_seen_by_the_next(ledger) == (True, 61.5)


def test_the_same_end_said_again_moves_nothing(ledger: Ledger) -> None:
    seen: list[Facts] = []
    ledger.decide(asked("n1"), looks_into([]), NOW).result(WAIT_S)
    for minutes in (1, 9):
        ledger.settle(
            "n1",
            disposition="ANSWER",
            q850_cause=16,
            connected=True,
            talk_seconds=30,
            now=NOW + timedelta(minutes=minutes),
        ).result(WAIT_S)
    ledger.decide(asked("n2"), looks_into(seen), NOW).result(WAIT_S)
    assert seen[0].attempts[0].ended_at == NOW + timedelta(minutes=1)
