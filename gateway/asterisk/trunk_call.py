"""Owns reading, out of AMI's events, that a call was sent to a trunk: which, by whom, to whom.

Used by `bypass`. Pure. Inbound calls come from a trunk and are never sent to one: they begin
ringing with a number dialled in, and no Dial leads to them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import unquote

from gateway.asterisk.ami import AmiEvent

NONCE: Final = "CALLWARDEN_NONCE"
EMERGENCY: Final = "CALLWARDEN_EMERGENCY_CALL"
"""What the dialplan leaves on the channels of a call for help, which it asks nobody: the number."""
_UNKNOWN: Final = "<unknown>"


@dataclass(frozen=True)
class TrunkCall:
    """A channel towards `trunk` (TECHNOLOGY/NAME). `asked_on` is the channel whose dialplan sent
    it there; `number` are the digits sent, empty where nobody tells them."""

    channel_id: str
    name: str
    trunk: str
    linkedid: str
    asked_on: str
    number: str = field(repr=False)
    source: str
    nonce: str = ""
    emergency: str = field(default="", repr=False)


def trunk_call(event: AmiEvent, trunks: Sequence[str]) -> TrunkCall | None:
    """What the event tells of a call sent to one of `trunks`; None where it tells of none."""
    match event.name:
        case "DialBegin":
            return _dialled(event.headers, trunks)
        case "Status":
            return _up(event, trunks)
        case "Cdr":
            return _accounted(event.headers, trunks)
    return None


def filters(trunks: Sequence[str]) -> list[str]:
    """POSIX expressions that find the events `trunk_call` reads, and few others."""
    if not trunks:
        return []
    names = "|".join(
        "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in trunk)
        for trunk in trunks
    )
    return [f"Event: DialBegin.*DestChannel: ({names})-", f"Event: Cdr.*Channel: ({names})-"]


def _trunk_of(name: str, trunks: Sequence[str]) -> str:
    """The endpoint of a channel's name where it is a trunk's, else empty."""
    endpoint = name.rpartition("-")[0]
    return endpoint if any(fnmatchcase(endpoint, each) for each in trunks) else ""


def _dialled(headers: dict[str, str], trunks: Sequence[str]) -> TrunkCall | None:
    name = headers.get("DestChannel", "")
    trunk = _trunk_of(name, trunks)
    if not trunk:
        return None
    channel_id = headers.get("DestUniqueid", "")
    number = _number_in(headers.get("DialString", ""), trunk)
    return TrunkCall(
        channel_id,
        name,
        trunk,
        headers.get("DestLinkedid", ""),
        headers.get("Uniqueid", channel_id),
        number or _digits(headers.get("DestCallerIDNum", "")),
        "dial",
    )


def _up(event: AmiEvent, trunks: Sequence[str]) -> TrunkCall | None:
    """A channel found up. One with a number dialled in (DNID) is inbound."""
    headers = event.headers
    name = headers.get("Channel", "")
    trunk = _trunk_of(name, trunks)
    if not trunk or headers.get("DNID"):
        return None
    channel_id, linkedid = headers.get("Uniqueid", ""), headers.get("Linkedid", "")
    return TrunkCall(
        channel_id,
        name,
        trunk,
        linkedid,
        linkedid,
        _digits(headers.get("CallerIDNum", "")),
        "up",
        event.variables.get(NONCE, ""),
        event.variables.get(EMERGENCY, ""),
    )


def _accounted(headers: dict[str, str], trunks: Sequence[str]) -> TrunkCall | None:
    """A CDR: the party called is a trunk's, or, of an originate that nobody answered, the only
    party is."""
    channel_id, data = headers.get("UniqueID", ""), headers.get("LastData", "")
    name = headers.get("DestinationChannel", "")
    if not name and headers.get("LastApplication") == "AppDial2":
        name, data = headers.get("Channel", ""), ""
    trunk = _trunk_of(name, trunks)
    if not trunk:
        return None
    number = _number_in(data.removeprefix(trunk.partition("/")[0]).lstrip("/"), trunk)
    called = f"{channel_id} {name}" if name != headers.get("Channel") else channel_id
    return TrunkCall(
        called,
        name,
        trunk,
        headers.get("Linkedid", "") or channel_id,
        channel_id,
        number or _digits(headers.get("Destination", "")),
        "cdr",
    )


def _number_in(dialled: str, trunk: str) -> str:
    """The number in what Dial was given after the technology: `trunk/NUMBER`, `NUMBER@trunk` or
    `trunk/sip:NUMBER@host`."""
    first = dialled.partition(",")[0]
    user = first.removeprefix(f"{trunk.partition('/')[2]}/")
    return _digits(unquote(re.sub(r"^sips?:", "", user).partition("@")[0]))


def _digits(text: str) -> str:
    return "" if text == _UNKNOWN else re.sub(r"[^0-9+*#]", "", text)
