"""Owns what a dialled number is: its one canonical form, the zones its owner may be in, whether it
calls for help, and the form in which a screen may show it.

Called by the gate before facts are gathered, by `evaluate`, and by whatever shows a number. The
same subscriber always has the same canonical form, however he was dialled: facts hang on it.
"""

import re
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult, timezone

_DIALLABLE = re.compile(r"[+＋]?[\d \u00a0\u3000()./\-‐–－]{2,40}")
_FILLING = re.compile(r"[ \u00a0\u3000()./\-‐–－]+")
_CANONICAL = re.compile(r"\+[1-9][0-9]{4,14}")
_UNKNOWN_ZONE = "Etc/Unknown"

# Besides what phonenumbers knows of a region: 120 ambulance, 122 road accidents (both in use across
# mainland China) and 112, which every GSM phone calls for help.
_EMERGENCY_TOO = {"CN": frozenset({"110", "112", "119", "120", "122"})}


def canonical(number: str, region: str) -> str:
    """The number in E.164, or, when it is none, the input without blanks, dashes and brackets.

    `region` (two letters) is the country of numbers without an international prefix. An emergency
    number, a local number without its area code and a service's short number are no E.164 numbers.
    """
    digits = bare(number)
    if not _DIALLABLE.fullmatch(number) or is_emergency(digits, region):
        return digits
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return digits
    if phonenumbers.is_possible_number_with_reason(parsed) != ValidationResult.IS_POSSIBLE:
        return digits
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def bare(number: str) -> str:
    """What was dialled without blanks, dashes and brackets."""
    return _FILLING.sub("", number)


def is_canonical(number: str) -> bool:
    """Whether `canonical` could make an E.164 number of what was dialled."""
    return _CANONICAL.fullmatch(number) is not None


@lru_cache(maxsize=4096)
def zones(number: str) -> tuple[str, ...]:
    """IANA zones the owner of an E.164 number may be in; empty when nothing is known of it.

    A number that is not tied to a place (a mobile in a country of several zones, freephone) has
    every zone of its country. A number outside the ranges known to be assigned has the zones of
    its longest known prefix.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    found = timezone.time_zones_for_number(parsed)
    if found == (_UNKNOWN_ZONE,):
        found = timezone.time_zones_for_geographical_number(parsed)
    return () if _UNKNOWN_ZONE in found else tuple(found)


def is_emergency(number: str, region: str) -> bool:
    """Whether this, dialled in `region`, calls for help. Such a call always passes."""
    if number in _EMERGENCY_TOO.get(region, ()):
        return True
    return bool(phonenumbers.is_emergency_number(number, region))


def masked(number: str) -> str:
    """The number as screens and logs may show it: `+86138****8000`.

    At least four digits are hidden, at most four at the end are shown, and whatever is neither a
    digit nor the leading plus shows as a star.
    """
    plus = "+" if number.startswith("+") else ""
    shown = "".join(each if "0" <= each <= "9" else "*" for each in number.removeprefix("+"))
    tail = min(4, max(0, len(shown) - 4))
    head = min(5, max(0, len(shown) - 8))
    return plus + shown[:head] + "*" * (len(shown) - head - tail) + shown[len(shown) - tail :]


def warm(region: str) -> None:
    """Loads what the first decision would wait for: metadata of `region`, zones by prefix."""
    example = phonenumbers.example_number(region)
    if example is not None:
        number = phonenumbers.format_number(example, PhoneNumberFormat.E164)
        for zone in zones(canonical(number, region)):
            ZoneInfo(zone)
    is_emergency("112", region)
