"""Owns the attempts that the PBX is placing now, as its channels show them, and how they end.

Kept by `pbx`. An attempt is one allowed call from the moment a channel bears its nonce until the
agent's channel is gone; each channel belongs to one attempt at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.asterisk.answered_call import AnsweredCall
from policy.speech.utterance import Leg

_NORMAL_CLEARING: Final = 16
_NO_ANSWER: Final = 19
_BY_CAUSE: Final[Mapping[int, str]] = {
    17: "BUSY",
    18: "NOANSWER",
    19: "NOANSWER",
    21: "REJECTED",
    **dict.fromkeys((34, 38, 41, 42, 44, 47), "CONGESTION"),
    **dict.fromkeys((1, 2, 3, 20, 22, 27, 28), "CHANUNAVAIL"),
}
"""What a Q.850 cause says of a call that nobody answered. Dial's status is of one channel among
several, and calls a rejection NOANSWER."""


@dataclass
class Attempt:
    """`dialstatus` is Asterisk's of the last Dial; `q850_cause` that of the last dialled channel
    that ended. `agent_channel` is empty once it has gone on with another attempt. `answered` is set
    from the answer on."""

    call_id: str
    agent_channel: str
    customer_channel: str = ""
    dialstatus: str = ""
    customer_gone: bool = False
    q850_cause: int = 0
    answered: AnsweredCall | None = None

    def settled(self, q850_cause: int) -> tuple[str, int]:
        """Disposition and Q.850 cause to settle with, once its last channel ended with `q850_cause`
        (0: nobody saw it). ANSWER, or why not: BUSY, NOANSWER, REJECTED, CONGESTION, CHANUNAVAIL,
        CANCEL (given up by the caller, or never dialled)."""
        if self.answered:
            return "ANSWER", q850_cause or self.q850_cause
        if self.dialstatus in ("", "CANCEL"):
            return "CANCEL", q850_cause or self.q850_cause
        cause = self.q850_cause or q850_cause
        if self.dialstatus == "NOANSWER" and cause in (0, _NORMAL_CLEARING):
            cause = _NO_ANSWER  # Dial gave up ringing, and gives no cause
        return _BY_CAUSE.get(cause, self.dialstatus), cause

    @property
    def last_channel(self) -> str:
        """The channel with which the attempt is over: the customer's once he answered, or is all
        that is left."""
        customers = self.answered or not self.agent_channel
        return self.customer_channel if customers else self.agent_channel

    @property
    def channels(self) -> dict[Leg, str]:
        channels = {Leg.AGENT: self.agent_channel, Leg.CUSTOMER: self.customer_channel}
        return {leg: channel for leg, channel in channels.items() if channel}


class Attempts:
    """Found by call and by channel."""

    def __init__(self) -> None:
        self._by_call: dict[str, Attempt] = {}
        self._by_channel: dict[str, Attempt] = {}

    def add(self, attempt: Attempt) -> None:
        self._by_call[attempt.call_id] = attempt
        self._by_channel[attempt.agent_channel] = attempt

    def dialled(self, attempt: Attempt, channel: str) -> None:
        """The attempt dials (or dials again, over another trunk) by this channel."""
        attempt.customer_channel, attempt.customer_gone = channel, False
        self._by_channel[channel] = attempt

    def leave(self, attempt: Attempt) -> None:
        """The agent's channel is no longer this attempt's."""
        del self._by_channel[attempt.agent_channel]
        attempt.agent_channel = ""

    def remove(self, attempt: Attempt) -> None:
        del self._by_call[attempt.call_id]
        for channel, owner in tuple(self._by_channel.items()):
            if owner is attempt:
                del self._by_channel[channel]

    def of_call(self, call_id: str) -> Attempt | None:
        return self._by_call.get(call_id)

    def of_channel(self, channel: str) -> Attempt | None:
        return self._by_channel.get(channel)

    def all(self) -> tuple[Attempt, ...]:
        return tuple(self._by_call.values())
