"""How a call is spoken: shares, silences, the last word."""

import pytest

from callwarden.v1.conversation_pb2 import Utterance
from tests.console.sample_events import AGENT, CUSTOMER, say
from tui.pace import Pace, pace


def _said(leg: int, start_s: float, end_s: float, *, final: bool = True) -> Utterance:
    which = AGENT if leg == AGENT else CUSTOMER
    return say("c", int(start_s), which, start_s, end_s, "好", final=final).utterance


def test_nothing_said_has_no_shares() -> None:
    assert pace([]) == Pace()
    assert Pace().agent_share is None


def test_shares_are_of_what_both_said() -> None:
    spoken = pace([_said(AGENT, 0, 6), _said(CUSTOMER, 6.5, 8.5, final=False)])
    assert spoken.agent_share == pytest.approx(0.75)
    assert spoken.until_s == 8.5


def test_a_silence_is_one_of_both_and_a_breath_is_none() -> None:
    spoken = pace(
        [
            _said(AGENT, 2, 4),
            _said(CUSTOMER, 5, 6),
            _said(AGENT, 10, 11),
            _said(CUSTOMER, 10.5, 20),
            _said(AGENT, 22, 23),
        ]
    )
    assert (spoken.longest_s, spoken.longest_at_s, spoken.silences) == (4, 6, 2)


def test_the_order_of_arrival_does_not_matter() -> None:
    said = [_said(AGENT, 2, 4), _said(CUSTOMER, 9, 10), _said(AGENT, 11, 15)]
    assert pace(said) == pace(reversed(said))
