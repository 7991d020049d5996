"""What recognizers find anew in a call that has moved to them is told to nobody twice."""

from collections.abc import Iterable

from callwarden.v1 import conversation_pb2 as conversation
from gateway.heard_so_far import HeardSoFar

_CERTAIN = conversation.FINDING_STATUS_CERTAIN
_SLOW = "response.slow"


def _found(start_s: float, name_s: float | None = None) -> conversation.Finding:
    """One about the agent's silence; its name tells where it began when it was first told."""
    at_s = start_s if name_s is None else name_s
    return conversation.Finding(
        finding_id=f"{_SLOW}/agent/{round(at_s * 1000)}",
        rule=_SLOW,
        leg=conversation.LEG_AGENT,
        start_s=start_s,
        status=_CERTAIN,
    )


def _news(so_far: HeardSoFar, findings: Iterable[conversation.Finding]) -> list[float]:
    return [each.start_s for each in findings if so_far.finding(each)]


def test_a_silence_that_words_have_ended_is_not_told_as_silence_again() -> None:
    so_far = HeardSoFar()
    silent, spoken = _found(41.4), _found(47.7, name_s=41.4)
    assert _news(so_far, [silent, spoken]) == [41.4, 47.7]
    for _ in range(2):
        so_far.go_on()
        again = [_found(41.4), _found(47.7, name_s=41.4)]
        assert _news(so_far, again) == []


def test_the_words_that_end_a_silence_are_told_by_the_recognizer_that_hears_them() -> None:
    so_far = HeardSoFar()
    assert _news(so_far, [_found(41.4)]) == [41.4]
    so_far.go_on()
    assert _news(so_far, [_found(41.5), _found(47.7, name_s=41.5)]) == [47.7]
    so_far.go_on()
    assert _news(so_far, [_found(41.3), _found(47.8, name_s=41.3)]) == []


def test_a_second_silence_is_another_finding() -> None:
    so_far = HeardSoFar()
    assert _news(so_far, [_found(41.4), _found(47.7, name_s=41.4)]) == [41.4, 47.7]
    so_far.go_on()
    later = [_found(41.4), _found(47.7, name_s=41.4), _found(95.0), _found(99.0, name_s=95.0)]
    assert _news(so_far, later) == [95.0, 99.0]
