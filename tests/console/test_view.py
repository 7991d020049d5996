"""The state reduced from events keeps what was finally said, and knows when it has missed some."""

from hypothesis import given
from hypothesis import strategies as st

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from tests.console.sample_events import (
    AGENT,
    CUSTOMER,
    DIALLING,
    ENDED,
    LISTENED,
    NOW,
    PROVISIONAL,
    UNHEARD,
    WITHDRAWN,
    Recording,
    call,
    find,
    sample,
    say,
)
from tui.call import NEEDS_PERSON, Call, Heard
from tui.view import KEPT, Area, View, Watching


def _live(*events: oversight.Event) -> View:
    view = View()
    view.apply(oversight.Event(sequence=100, at=NOW, live=oversight.Live()))
    for event in events:
        view.apply(event)
    return view


def _event(sequence: int, **payload: object) -> oversight.Event:
    return oversight.Event(sequence=sequence, at=NOW, **payload)  # type: ignore[arg-type]  # one payload by its name


def _spoken(text: str, end_s: float, *, final: bool) -> conversation.Utterance:
    return say("c", 1, AGENT, 0.0, end_s, text, final=final).utterance


_UTTERANCES = [
    *(_spoken("您好请问"[:size], float(size), final=False) for size in range(1, 5)),
    _spoken("您好，请问。", 4.2, final=True),
]


@given(st.permutations(_UTTERANCES * 2))
def test_no_order_or_repetition_of_partials_loses_a_final(
    order: list[conversation.Utterance],
) -> None:
    heard = Call()
    for utterance in order:
        heard.hear(utterance)
    assert heard.utterances["agent-1"].final
    assert heard.utterances["agent-1"].text == "您好，请问。"


@given(st.permutations(_UTTERANCES[:-1]))
def test_partials_only_grow(order: list[conversation.Utterance]) -> None:
    heard = Call()
    for utterance in order:
        heard.hear(utterance)
    assert heard.utterances["agent-1"].text == "您好请问"


def test_a_gap_in_the_sequence_is_counted() -> None:
    health = oversight.HealthChanged()
    view = _live(_event(101, health=health), _event(102, health=health))
    assert view.missed == 0
    view.apply(_event(106, health=health))
    assert view.missed == 3


def test_a_gap_right_after_the_present_state_is_counted() -> None:
    assert _live(_event(103, health=oversight.HealthChanged())).missed == 2


def test_an_event_seen_before_changes_nothing() -> None:
    decision = oversight.DecisionMade(decision_id="d-1")
    view = _live(_event(101, decision=decision))
    assert view.apply(_event(101, decision=decision)) is Area.NOTHING
    assert len(view.decisions) == 1
    assert view.missed == 0


def test_refusals_that_the_ledger_could_not_number_are_all_shown() -> None:
    denied = oversight.DecisionMade(verdict=oversight.VERDICT_DENY)
    view = _live(_event(101, decision=denied), _event(102, decision=denied))
    assert len(view.decisions) == 2


def test_the_past_may_bear_any_sequence() -> None:
    view = View()
    for event in sample():
        event.sequence = 7
        view.apply(event)
    assert view.live
    assert view.missed == 0
    assert len(view.live_calls()) == 14


def test_what_needs_a_person_is_on_top_and_the_ended_below() -> None:
    view = View()
    for event in sample():
        view.apply(event)
    shown = view.shown_calls(NOW)
    attention = [each.attention(NOW) for each in shown]
    assert attention == sorted(attention, reverse=True)
    assert shown[0].change.agent == "1007"
    assert [each.live for each in shown] == [True] * 14 + [False] * 2
    unheard = next(each for each in shown if each.unheard)
    assert unheard.attention(NOW) >= NEEDS_PERSON


def _call(change: oversight.CallChanged) -> Call:
    view = View()
    view.apply(_event(1, call=change))
    return view.calls[change.call_id]


def test_a_call_is_heard_in_full_only_when_both_legs_were() -> None:
    whole = call("c", "1", "+86…", "*", ENDED, 60, ended_ago=5)
    assert _call(whole).analysed(NOW) == (Heard.FULL, 1.0)
    del whole.coverage[1]
    assert _call(whole).analysed(NOW) == (Heard.NONE, 0.0)


def test_a_part_is_never_called_the_whole() -> None:
    almost = call("c", "1", "+86…", "*", ENDED, 3600, analysed=0.9991, ended_ago=1)
    heard, share = _call(almost).analysed(NOW)
    assert heard is Heard.PARTIAL
    assert share <= 0.99


def test_an_unheard_call_is_never_full_and_without_coverage_none() -> None:
    change = call("c", "1", "+86…", "*", UNHEARD, 30)
    assert _call(change).analysed(NOW)[0] is Heard.PARTIAL
    del change.coverage[:]
    assert _call(change).analysed(NOW)[0] is Heard.NONE
    ended = call("c", "1", "+86…", "*", ENDED, 30)
    del ended.coverage[:]
    assert _call(ended).analysed(NOW)[0] is Heard.NONE


def test_a_live_call_may_lag_unless_a_cause_is_told() -> None:
    lagging = call("c", "1", "+86…", "*", LISTENED, 40, analysed=0.9)
    assert _call(lagging).analysed(NOW)[0] is Heard.FULL
    lagging.coverage[0].causes.append("worker-lost")
    assert _call(lagging).analysed(NOW)[0] is Heard.PARTIAL


def test_nothing_to_hear_yet_is_not_missing() -> None:
    ringing = _call(call("c", "1", "+86…", "*", DIALLING, 5))
    assert ringing.analysed(NOW)[0] is Heard.PENDING
    fresh = call("c", "1", "+86…", "*", LISTENED, 1)
    del fresh.coverage[:]
    assert _call(fresh).analysed(NOW)[0] is Heard.PENDING


def test_a_withdrawn_finding_no_longer_counts() -> None:
    change = call("c", "1", "+86…", "marketing.wealth", LISTENED, 30)
    doubtful = find(change, "forbidden.zero-risk", "零风险", "零风险", (1, 2), status=PROVISIONAL)
    back = find(change, "forbidden.zero-risk", "零风险", "零风险", (1, 2), status=WITHDRAWN)
    view = _live(_event(101, call=change), _event(102, finding=doubtful))
    assert view.calls["c"].attention(NOW) >= NEEDS_PERSON
    view.apply(_event(103, finding=back))
    assert view.calls["c"].attention(NOW) == 0
    assert view.calls["c"].standing() == []
    assert len(view.findings) == 1


def test_an_unknown_severity_is_not_taken_for_nothing() -> None:
    change = call("c", "1", "+86…", "*", LISTENED, 30)
    found = find(change, "forbidden.zero-risk", "", "", (1, 2))
    found.finding.severity = "catastrophic"
    view = _live(_event(101, call=change), _event(102, finding=found))
    assert view.calls["c"].attention(NOW) >= NEEDS_PERSON


def test_what_is_kept_is_bounded() -> None:
    view = _live()
    for number in range(KEPT + 50):
        decision = oversight.DecisionMade(decision_id=f"d-{number}")
        view.apply(_event(101 + number, decision=decision))
    assert len(view.decisions) == KEPT
    for number in range(300):
        change = call(f"c-{number}", "1", "+86…", "*", ENDED, 30, ended_ago=300 - number)
        view.apply(_event(2000 + number, call=change))
    assert len(view.calls) == 100
    assert "c-299" in view.calls


def test_watching_anew_keeps_words_and_marks_the_break() -> None:
    watching = Watching()
    watching.begin()
    change = call("c-1", "1007", "+86…", "*", LISTENED, 30)
    gone = call("c-2", "1008", "+86…", "*", LISTENED, 30, (CUSTOMER,))
    first = Recording()
    first.add("call", change)
    first.add("call", gone)
    first.add("live", oversight.Live())
    first.add("utterance", say("c-1", 1, AGENT, 1.0, 2.5, "您好。"))
    for event in first.events:
        watching.apply(event)
    before = watching.view

    watching.begin()
    watching.apply(_event(900, call=change))
    assert watching.view is before, "the old view stays until the new one is complete"
    assert not watching.complete
    watching.apply(_event(901, live=oversight.Live()))
    assert watching.complete
    kept = watching.view.calls["c-1"]
    assert kept.utterances["agent-1"].text == "您好。"
    assert kept.breaks_s == [2.5]
    ended = watching.view.calls["c-2"]
    assert not ended.live
    assert not ended.change.talking
