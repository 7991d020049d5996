"""Owns one call in the lab: an agent's phone and a carrier of its own, both sipp.

Called through `Lab.call`. The call goes agent, Asterisk, gate, carrier; both parties' audio starts
at the answer.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import soundfile

from deploy.lab import scenarios
from deploy.lab.process import hand_over
from deploy.lab.rootfs import LabError
from deploy.lab.scenarios import Sound
from deploy.lab.sipp import Message, Phones, Sipp

RATE = 8000  # samples a second, mu-law, one byte a sample
_SILENCE = b"\xff"


@dataclass(frozen=True)
class Invite:
    """An INVITE that reached a carrier. `number` is what was dialled."""

    number: str
    at: datetime
    carrier_port: int


@dataclass(frozen=True)
class Outcome:
    """How a call ended, as the agent's phone saw it.

    `sip_status`: final response to its INVITE (0: none came). `q850_cause`: from the Reason header
    of the refusal, or of the BYE that Asterisk sent. `talk_s`: answer to hang-up, 0 if never
    answered. `hung_up_by`: "agent", "pbx" (which may pass on the carrier's hang-up), or "" if never
    answered. `decided_s`: INVITE to the final response, or to the ringing before it.
    """

    sip_status: int
    q850_cause: int | None
    talk_s: float
    hung_up_by: str
    decided_s: float

    @property
    def answered(self) -> bool:
        return self.sip_status == 200


def mu_law(audio: Path, into: Path, *, lead_s: float, seconds: float | None) -> float:
    """Writes the raw mu-law samples of a mono 8 kHz sound file, after `lead_s` of silence, padded
    with silence to `seconds` where given. Returns its length in seconds. Raises LabError."""
    try:
        samples, rate = soundfile.read(audio, dtype="int16")
    except soundfile.LibsndfileError as error:
        raise LabError(f"{audio}: not a sound file: {error}") from None
    if rate != RATE or samples.ndim != 1:
        raise LabError(f"{audio}: {rate} Hz, {samples.ndim} channels; phones speak mono 8000 Hz")
    lead = _SILENCE * round(lead_s * RATE)
    soundfile.write(into, samples, RATE, format="RAW", subtype="ULAW")
    speech = into.read_bytes()
    into.write_bytes((lead + speech).ljust(round((seconds or 0) * RATE), _SILENCE))
    return (len(lead) + len(speech)) / RATE


def length_s(audio: Path | None) -> float:
    """Length of a sound file in seconds; 0 without one. Raises LabError."""
    if audio is None:
        return 0.0
    try:
        return float(soundfile.info(audio).duration)
    except (soundfile.LibsndfileError, OSError) as error:
        raise LabError(f"{audio}: not a sound file: {error}") from None


class PlacedCall:
    """A call on its way. `wait` for its outcome; `hang_up` ends it from the agent's side."""

    def __init__(self, agent: Sipp, carrier: Sipp, call_id: str) -> None:
        self._agent = agent
        self._carrier = carrier
        self._call_id = call_id
        self._outcome: Outcome | None = None

    @property
    def carrier_port(self) -> int:
        return self._carrier.port

    def answered(self) -> bool:
        """Whether the agent's phone has been told that the customer answered."""
        return self._has_heard(200)

    def wait_answered(self, timeout_s: float = 5) -> None:
        """Returns at the answer. Raises TimeoutError, at once if the call ended without one."""
        self._wait_heard(200, timeout_s)

    def wait_ringing(self, timeout_s: float = 5) -> None:
        """Returns when the carrier rings. Raises TimeoutError as `wait_answered` does."""
        self._wait_heard(180, timeout_s)

    def answer_gap_s(self) -> float:
        """Seconds between the two parties' audio starting: each starts at an ACK. NaN where the
        call was not answered."""
        agent, customer = (
            next((each.at for each in party.messages() if each.method == "ACK"), None)
            for party in (self._agent, self._carrier)
        )
        return abs((agent - customer).total_seconds()) if agent and customer else math.nan

    def _has_heard(self, status: int) -> bool:
        return any(each.status == status and _of(each, "INVITE") for each in self._agent.messages())

    def _wait_heard(self, status: int, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while self._agent.running and time.monotonic() < deadline:
            if self._has_heard(status):
                return
            time.sleep(0.01)
        if not self._has_heard(status):
            why = "in time" if self._agent.running else "before the call ended"
            raise TimeoutError(f"no {status} {why}: {self._agent.problems()}")

    def hang_up(self) -> None:
        """The agent hangs up: BYE once answered, CANCEL before. Does nothing after the end."""
        self._agent.send(
            f"INFO sip:agent@127.0.0.1:{self._agent.port} SIP/2.0\n"
            "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKlab\n"
            "From: <sip:lab@127.0.0.1>;tag=lab\n"
            f"To: <sip:agent@127.0.0.1>\nCall-ID: {self._call_id}\n"
            "CSeq: 1 INFO\nContent-Length: 0\n\n"
        )

    def wait(self, timeout_s: float) -> Outcome:
        """The outcome; raises TimeoutError when the call has not ended by then. Afterwards nothing
        of the call is running, and all its INVITEs are in the log."""
        if self._outcome is None:
            self._agent.wait(timeout_s)
            self._outcome = _outcome(self._agent.messages())
            self._wait_carrier_hung_up()
            self.stop()
        return self._outcome

    def _wait_carrier_hung_up(self, timeout_s: float = 2) -> None:
        deadline = time.monotonic() + timeout_s
        reached = bool(self.invites())
        while reached and self._outcome and self._outcome.answered and time.monotonic() < deadline:
            if any(each.status and _of(each, "BYE") for each in self._carrier.messages()):
                return
            time.sleep(0.01)

    def stop(self) -> None:
        """Ends both sipps, whatever the call does."""
        self._agent.stop()
        self._carrier.stop()

    def invites(self) -> list[Invite]:
        """What reached this call's carrier; an INVITE that was sent again counts once."""
        return _invites(self._carrier)


class Carrier:
    """A carrier by itself, for calls that no phone of the lab's places, or that try a second one.
    Takes calls, and does with each the same, until it is stopped."""

    def __init__(self, carrier: Sipp) -> None:
        self._carrier = carrier

    @property
    def port(self) -> int:
        return self._carrier.port

    def stop(self) -> None:
        self._carrier.stop()

    def invites(self) -> list[Invite]:
        """What reached it; an INVITE that was sent again counts once."""
        return _invites(self._carrier)


def carrier(
    phones: Phones, *, port: int | None, status: int, ring_s: float, hangs_up_s: float | None
) -> Carrier:
    """Starts one. See `Lab.carrier` for the parameters. Raises LabError."""
    scenario = scenarios.carrier(
        ring_ms=round(ring_s * 1000),
        status=status,
        audio=None,
        talk_ms=None if hangs_up_s is None else round(hangs_up_s * 1000),
    )
    started = phones.start(scenario, name=f"{phones.next_name()}-carrier", port=port)
    try:
        started.wait_listening()
    except BaseException:  # whatever it was, it must not stay behind
        started.stop()
        raise
    return Carrier(started)


def _invites(carrier: Sipp) -> list[Invite]:
    carrier.drain()
    first = {
        each.transaction: each
        for each in reversed(carrier.messages())
        if each.method == "INVITE" and not each.sent
    }
    return [
        Invite(each.user, each.at, carrier.port)
        for each in sorted(first.values(), key=lambda each: each.at)
    ]


def _of(message: Message, method: str) -> bool:
    return message.header("CSeq").endswith(method)


def _outcome(messages: list[Message]) -> Outcome:
    about_invite = [each for each in messages if each.status > 100 and _of(each, "INVITE")]
    final = next((each for each in about_invite if each.status >= 200), None)
    sent = next((each.at for each in messages if each.method == "INVITE"), None)
    decided_s = (about_invite[0].at - sent).total_seconds() if about_invite and sent else 0.0
    bye = next((each for each in messages if each.method == "BYE"), None)
    if final is None or final.status != 200 or bye is None:
        return Outcome(
            final.status if final else 0, final.q850_cause if final else None, 0.0, "", decided_s
        )
    return Outcome(
        200,
        None if bye.sent else bye.q850_cause,
        (bye.at - final.at).total_seconds(),
        "agent" if bye.sent else "pbx",
        decided_s,
    )


def place(
    phones: Phones,
    sip_port: int,
    number: str,
    *,
    scene: str,
    agent: str,
    customer: str,
    agent_audio: Path | None,
    customer_audio: Path | None,
    lead_s: float,
    ring_s: float,
    talk_s: float | None,
    carrier_status: int,
    carrier_hangs_up_s: float | None,
    headers: Mapping[str, str],
) -> PlacedCall:
    """Starts the carrier, then the agent's phone. See `Lab.call` for the parameters."""
    longest_s = max(length_s(agent_audio), length_s(customer_audio))
    talking_s = talk_s if talk_s is not None else (longest_s + lead_s if longest_s else 2.0)
    name = phones.next_name()

    def sound(audio: Path | None, leg: str) -> Sound:
        raw = phones.folder / f"{name}-{leg}.ulaw"
        if audio is None:
            raw.write_bytes(_SILENCE * RATE)
        else:
            mu_law(audio, raw, lead_s=lead_s, seconds=talking_s)
        hand_over(raw)
        return Sound(raw, loops=1 if audio else -1)

    carrier = phones.start(
        scenarios.carrier(
            ring_ms=round(ring_s * 1000),
            status=carrier_status,
            audio=sound(customer_audio, "customer"),
            talk_ms=None if carrier_hangs_up_s is None else round(carrier_hangs_up_s * 1000),
        ),
        name=f"{name}-carrier",
    )
    try:
        carrier.wait_listening()
        call_id = f"{name}-{time.time_ns():x}"
        phone = phones.start(
            scenarios.agent_phone(
                number=scenarios.sip_user(number),
                agent=scenarios.sip_user(agent) or "agent",
                headers={
                    "X-Lab-Scene": scenarios.header_value(scene),
                    "X-Lab-Agent": scenarios.header_value(agent),
                    "X-Lab-Customer": scenarios.header_value(customer),
                    "X-Lab-Carrier-Port": str(carrier.port),
                    **{name: scenarios.header_value(text) for name, text in headers.items()},
                },
                audio=sound(agent_audio, "agent"),
                talk_ms=round(talking_s * 1000),
            ),
            f"127.0.0.1:{sip_port}",
            "-m",
            "1",
            "-cid_str",
            call_id,
            name=f"{name}-agent",
        )
    except BaseException:  # whatever it was, the carrier must not stay behind
        carrier.stop()
        raise
    return PlacedCall(phone, carrier, call_id)
