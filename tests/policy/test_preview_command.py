"""`callwarden rules preview`: past calls judged by another rulebook, each as things stood then."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from policy import rulebook
from policy.dialling import refusals
from policy.dialling.evaluate import evaluate
from policy.dialling.request import DialRequest
from policy.ledger import Ledger
from tests.policy.conftest import Said

Callwarden = Callable[..., Said]

NUMBER = "+8613800138000"
NOON = (datetime.now(UTC) - timedelta(days=2)).replace(hour=4, minute=0, second=0, microsecond=0)
"""12:00 in Shanghai."""


@pytest.fixture
def month(tmp_path: Path) -> None:
    """Four calls to one customer at noon, the fourth refused; one to another at 20:30, refused;
    one that the gate refused by itself."""
    state = tmp_path / "state"
    house = rulebook.load(None, ("house",), ()).dialling
    with Ledger.open(state / "ledger.sqlite3", state / "keys" / "ledger.key") as ledger:

        def call(nonce: str, number: str, at: datetime, campaign: str) -> bool:
            request = DialRequest(nonce, number, "marketing.loan", campaign=campaign)
            decided = ledger.decide(request, lambda facts: evaluate(request, facts, house, at), at)
            return decided.result().decision.allowed

        minutes = [NOON + timedelta(minutes=each) for each in range(4)]
        allowed = [call(f"n{at.minute}", NUMBER, at, "spring") for at in minutes]
        assert allowed == [True, True, True, False]
        late = NOON + timedelta(hours=8, minutes=30)
        assert not call("late", "+8613900139000", late, "summer")
        deadline = refusals.refused(refusals.GATE_DEADLINE, house.identity)
        ledger.record_decision(DialRequest("x", NUMBER), deadline, NOON).result()


def _changed(rules_folder: Path, old: str, new: str) -> None:
    house = rules_folder / "house.yaml"
    house.write_text(house.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.mark.usefixtures("month")
def test_the_rulebook_in_force_changes_nothing(callwarden: Callwarden) -> None:
    found = json.loads(callwarden("rules", "preview", "--json").out)
    assert (found["judged"], found["skipped"]) == (5, 1)
    assert found["more_refused"]["decisions"] == found["more_allowed"]["decisions"] == 0


@pytest.mark.usefixtures("month")
def test_a_stricter_one_refuses_more_and_says_which(
    callwarden: Callwarden, rules_folder: Path
) -> None:
    _changed(rules_folder, "at_most: 3", "at_most: 1")
    found = json.loads(callwarden("rules", "preview", rules_folder, "--json").out)["more_refused"]
    assert found["decisions"] == 2
    assert found["rules"] == {"house.daily-attempts": 2}
    assert found["campaigns"] == {"spring": 2}
    assert [each["number"] for each in found["examples"]] == ["+86138****8000"] * 2
    assert [each["at"] for each in found["examples"]] == [
        (NOON + timedelta(minutes=minute)).isoformat() for minute in (1, 2)
    ]


@pytest.mark.usefixtures("month")
def test_a_looser_one_allows_more(callwarden: Callwarden, rules_folder: Path) -> None:
    _changed(rules_folder, "to: 20:00", "to: 21:00")
    said = callwarden("rules", "preview", rules_folder, locale="zh")
    assert said.code == 0
    assert "将多放行 1 次" in said.out
    assert "house.hours 1" in said.out
    assert "summer 1" in said.out
    assert "13900139000" not in said.out


@pytest.mark.usefixtures("month")
def test_only_calls_since_then_are_judged(callwarden: Callwarden) -> None:
    since = (NOON + timedelta(minutes=3)).isoformat()
    assert json.loads(callwarden("rules", "preview", "--json", "--since", since).out)["judged"] == 2
    assert json.loads(callwarden("rules", "preview", "--json", "--since", "1h").out)["judged"] == 0
    assert callwarden("rules", "preview", "--since", "soon").code == 2
