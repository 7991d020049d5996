"""Whose turn it is in a worker: live streams first, errands in between."""

from recognizer.turns import STREAMS_BEFORE_ERRAND, Turns


def test_others_are_those_that_are_ready_in_their_order_and_count_against_errands() -> None:
    turns: Turns[str, int] = Turns()
    for each in "abcdefghij":
        turns.put_stream(each)
    turns.put_errand(1)
    assert turns.next() == "a"
    assert turns.others(7) == list("bcdefgh")
    assert turns.next() == 1
    assert turns.next() == "i"
    assert turns.others(7) == ["j"]
    assert turns.others(7) == []
    assert turns.empty


def test_an_errand_has_one_turn_in_nine_while_streams_wait() -> None:
    turns: Turns[str, int] = Turns()
    for at in range(3):
        turns.put_errand(at)
    taken = []
    for _ in range(3 * STREAMS_BEFORE_ERRAND + 3):
        turns.put_stream("stream")
        taken.append(turns.next())
    assert [each for each in taken if each != "stream"] == [0, 1, 2]
    assert taken[:STREAMS_BEFORE_ERRAND] == ["stream"] * STREAMS_BEFORE_ERRAND
