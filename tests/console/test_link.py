"""An old view never looks fresh."""

from tui.link import STALE_S, Link, State


def test_before_anything_is_heard_the_view_has_no_age() -> None:
    link = Link()
    link.lose("refused", 3.0)
    assert link.age_s(10.0) is None
    assert not link.fresh(10.0)


def test_the_present_state_alone_is_not_yet_live() -> None:
    link = Link()
    link.begin()
    link.hear(5.0, 5.0, live=False)
    assert link.state is State.CONNECTING


def test_silence_makes_a_live_view_old() -> None:
    link = Link()
    link.begin()
    link.hear(5.0, 5.0, live=True)
    assert link.fresh(5.0 + STALE_S - 0.1)
    assert not link.fresh(5.0 + STALE_S)
    assert link.age_s(25.0) == 20.0


def test_the_floors_time_stands_still_while_the_gateway_is_lost() -> None:
    link = Link()
    link.begin()
    link.hear(100.0, 130.0, live=True)
    assert link.floor_time(101.0) == 131.0
    link.lose("refused", 102.0)
    assert link.floor_time(900.0) == 130.0


def test_the_event_that_travelled_least_sets_the_clock() -> None:
    link = Link()
    link.begin()
    for received, sent in ((10.0, 12.0), (11.0, 10.0), (12.0, 14.5)):
        link.hear(received, sent, live=True)
    assert link.ahead_s == 2.5
    link.begin()
    link.hear(20.0, 20.0, live=True)
    assert link.ahead_s == 0.0
