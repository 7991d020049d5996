"""Real calls through a real Asterisk and the real gateway: what is allowed reaches the carrier,
what is refused does not, and is refused within two seconds."""

import sqlite3
from collections.abc import Iterator

import pytest

from deploy.lab import Lab, PlacedCall
from deploy.lab.appliance import Appliance
from deploy.lab.numbers import open_now, shut_now
from tests.integration.refusals import assert_refused


@pytest.fixture(scope="module")
def appliance(lab: Lab) -> Iterator[Appliance]:
    started = Appliance.start(lab, recognizer=False)
    yield started
    started.gateway.terminate()
    assert started.gateway.wait(10) == 0


def passed(call: PlacedCall) -> bool:
    """Whether the call reached its carrier and was answered."""
    answered = call.wait(15).answered
    assert len(call.invites()) == answered
    return answered


def test_an_allowed_call_reaches_the_carrier(lab: Lab, appliance: Appliance) -> None:
    number = open_now(1)
    call = lab.call(number, talk_s=0.2)
    outcome = call.wait(15)
    assert (outcome.sip_status, outcome.hung_up_by) == (200, "agent")
    assert [invite.number for invite in call.invites()] == [number]


def test_a_closed_window_is_refused(lab: Lab, appliance: Appliance) -> None:
    assert_refused(lab.call(shut_now(1)))


def test_a_used_up_limit_is_refused(lab: Lab, appliance: Appliance) -> None:
    number = open_now(2)
    assert [passed(lab.call(number, talk_s=0.1)) for _ in range(3)] == [True, True, True]
    assert_refused(lab.call(number))


def test_two_calls_at_once_on_the_last_attempt_one_passes(lab: Lab, appliance: Appliance) -> None:
    number = open_now(3)
    assert [passed(lab.call(number, talk_s=0.1)) for _ in range(2)] == [True, True]
    placed = [lab.call(number, talk_s=0.1) for _ in range(2)]
    assert sorted(passed(call) for call in placed) == [False, True]


def test_a_suppression_is_refused(lab: Lab, appliance: Appliance) -> None:
    number = open_now(4)
    assert passed(lab.call(number, talk_s=0.1))
    added = appliance.run("suppress", "add", number)
    assert added.returncode == 0, added.stderr
    assert_refused(lab.call(number))


def test_what_is_no_number_is_refused(lab: Lab, appliance: Appliance) -> None:
    assert_refused(lab.call("8001"))


def test_an_unanswered_call_counts_as_well(lab: Lab, appliance: Appliance) -> None:
    number = open_now(5)
    for _ in range(3):
        call = lab.call(number, carrier_status=486)
        assert call.wait(15).sip_status == 486
        assert len(call.invites()) == 1
    assert_refused(lab.call(number))


def test_neither_log_nor_ledger_holds_a_number_in_the_clear(lab: Lab, appliance: Appliance) -> None:
    number = open_now(6)
    assert passed(lab.call(number, talk_s=0.1))
    digits = number.lstrip("+")
    assert digits not in appliance.log("gateway")
    state = appliance.settings.ledger_file.parent
    with sqlite3.connect(appliance.settings.ledger_file) as ledger:
        assert ledger.execute("SELECT count(*) FROM decisions").fetchone()[0] >= 1
    for file in state.rglob("*"):
        assert not file.is_file() or digits.encode() not in file.read_bytes()
