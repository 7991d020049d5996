"""Owns the attempts that the PBX is placing now, as its channels show them.

Kept by `pbx`. An attempt is one allowed call from the moment a channel bears its nonce until the
agent's channel is gone; each channel belongs to one attempt at most.
"""

from dataclasses import dataclass

from gateway.asterisk.answered_call import AnsweredCall
from policy.speech.utterance import Leg


@dataclass
class Attempt:
    """`dialstatus` is Asterisk's of the last Dial; `q850_cause` that of the last dialled channel
    that ended. `answered` is set from the answer on."""

    call_id: str
    agent_channel: str
    customer_channel: str = ""
    dialstatus: str = ""
    q850_cause: int = 0
    answered: AnsweredCall | None = None

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
        attempt.customer_channel = channel
        self._by_channel[channel] = attempt

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
