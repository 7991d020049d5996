"""A ledger in a temporary folder, and the words most of its tests use."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from policy.dialling.decision import Decision, Reason, Verdict
from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from policy.identity import RulebookIdentity, Title
from policy.ledger import Ledger

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
NUMBER = "+8613800138000"
CUSTOMER = "customer-4711-Wang"
WAIT_S = 10.0

RULEBOOK = RulebookIdentity("2026.1", "ab" * 32)
LIMIT = Reason("house.limit", "house", Title("每日三次", "Three a day"), "house rule", 21)


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.sqlite3"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "ledger.key"


@pytest.fixture
def ledger(ledger_file: Path, key_file: Path) -> Iterator[Ledger]:
    with Ledger.open(ledger_file, key_file) as opened:
        yield opened


def asked(nonce: str, number: str = NUMBER, customer: str = "", linkedid: str = "") -> DialRequest:
    return DialRequest(nonce, number, "marketing.loan", "1001", customer, linkedid)


def at_most(calls: int) -> Callable[[Facts], Decision]:
    """Allows while fewer attempts are known and nothing is suppressed."""

    def evaluate(facts: Facts) -> Decision:
        if facts.suppressions or len(facts.attempts) >= calls:
            return Decision(Verdict.DENY, (LIMIT,), None, RULEBOOK)
        return Decision(Verdict.ALLOW, (), None, RULEBOOK)

    return evaluate


def looks_into(seen: list[Facts]) -> Callable[[Facts], Decision]:
    """Allows everything and keeps the facts it was shown."""

    def evaluate(facts: Facts) -> Decision:
        seen.append(facts)
        return Decision(Verdict.ALLOW, (), None, RULEBOOK)

    return evaluate
