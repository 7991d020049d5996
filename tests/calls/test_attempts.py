"""Two attempts over one agent's channel: each is settled by what its own customer's channel tells,
in whatever order Asterisk tells it."""

from gateway.asterisk.attempts import Attempt, Attempts


def test_an_attempt_whose_agent_dials_on_is_over_with_its_customers_channel() -> None:
    attempts = Attempts()
    first = Attempt("n1", "agent")
    attempts.add(first)
    attempts.dialled(first, "trunk1")
    first.dialstatus = "CONGESTION"
    assert first.last_channel == "agent"

    attempts.leave(first)
    second = Attempt("n2", "agent")
    attempts.add(second)
    attempts.dialled(second, "trunk2")
    assert attempts.of_channel("agent") is attempts.of_channel("trunk2") is second
    assert attempts.of_channel("trunk1") is first
    assert (first.last_channel, second.last_channel) == ("trunk1", "agent")

    first.q850_cause = 34
    assert first.settled(34) == ("CONGESTION", 34)
    attempts.remove(first)
    assert attempts.of_channel("trunk1") is None
    assert attempts.all() == (second,)


def test_another_trunk_of_the_same_attempt_is_still_to_end() -> None:
    attempts = Attempts()
    attempt = Attempt("n1", "agent")
    attempts.add(attempt)
    attempts.dialled(attempt, "trunk1")
    attempt.customer_gone = True
    attempts.dialled(attempt, "trunk2")
    assert not attempt.customer_gone
