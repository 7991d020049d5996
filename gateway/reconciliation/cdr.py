"""Owns what a CDR tells of a call that was placed, from wherever the CDR comes.

Used by the file's reader and by AMI's. Both give a CDR under the names of AMI's event `Cdr`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from callwarden.settings import Settings
from gateway.asterisk.ami import AmiEvent
from gateway.asterisk.trunk_call import trunk_call
from policy.dialling import number as numbers
from policy.reconciling import PlacedCall

_ANSWERED: Final = "ANSWERED"
_TIMES: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")


class BadCdr(Exception):
    """A CDR that cannot be read; says which field and why. Never holds a number."""


def placed_call(
    headers: Mapping[str, str], settings: Settings, trunks: Sequence[str], zone: ZoneInfo
) -> PlacedCall | None:
    """The call towards a customer that a CDR tells of; None for any other CDR. Times without a zone
    are read in `zone`. Raises BadCdr."""
    call = trunk_call(AmiEvent("Cdr", dict(headers), {}), trunks)
    if call is None:
        return None
    answered = headers.get("Disposition", "").upper() == _ANSWERED
    return PlacedCall(
        instant(headers.get("StartTime", ""), zone),
        numbers.canonical(call.number, settings.gate.region),
        call.asked_on,
        headers.get("Linkedid", ""),
        headers.get("UserField", "").strip(),
        call.trunk,
        answered,
        _seconds(headers.get("BillableSeconds", "")) if answered else 0.0,
        for_help=numbers.is_emergency(call.number, settings.gate.region),
    )


def instant(text: str, zone: ZoneInfo) -> datetime:
    """A time as Asterisk writes it, or seconds since 1970, or ISO 8601. Raises BadCdr."""
    text = text.strip()
    if re.fullmatch(r"\d{9,10}(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            continue
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadCdr("its start is no time: is the order of columns right?") from None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        raise BadCdr("its billed seconds are no number: is the order of columns right?") from None
