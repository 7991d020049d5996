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
from phonenumbers.tzdata import TIMEZONE_DATA

_DIALLABLE = re.compile(r"[+＋]?[\d \u00a0\u3000()./\-‐–－]{2,40}")
_FILLING = re.compile(r"[ \u00a0\u3000()./\-‐–－]+")
_CANONICAL = re.compile(r"\+[1-9][0-9]{4,14}")
_UNKNOWN_ZONE = "Etc/Unknown"

# What a dialler in mainland China mostly dials: a mobile, with or without its country. 179 is left
# out, which is a mobile's prefix and a carrier's. Parsing it the long way gives the same.
_CHINESE_MOBILE = re.compile(r"(?:\+86|0086)?(1(?:[3-689][0-9]|7[0-8])[0-9]{8})")

SAME_DIGITS = 8
"""Digits at the end by which a number dialled over a trunk, with or without prefixes, is the one
decided on: a subscriber's number without its area."""

_LONGEST_EMERGENCY = 8
"""No country's emergency number has more digits; the longest known to phonenumbers has 6."""

# Besides what phonenumbers knows of a region: 120 ambulance, 122 road accidents (both in use across
# mainland China) and 112, which every GSM phone calls for help.
_EMERGENCY_TOO = {"CN": frozenset({"110", "112", "119", "120", "122"})}


def canonical(number: str, region: str) -> str:
    """The number in E.164, or, when it is none, the input without blanks, dashes and brackets.

    `region` (two letters) is the country of numbers without an international prefix. An emergency
    number, a local number without its area code and a service's short number are no E.164 numbers.
    """
    if region == "CN" and (mobile := _CHINESE_MOBILE.fullmatch(number)):
        return "+86" + mobile[1]
    if is_canonical(number) and _stays(number):
        return number
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


def _stays(number: str) -> bool:
    """Whether a number in the form of E.164 is one as it stands: it has a country's code, no prefix
    that is dialled within that country alone, and one of its lengths. Parsing it the long way gives
    the same at twenty times the cost."""
    for digits in (1, 2, 3):
        country = _country(number[1 : 1 + digits])
        if country is not None:
            lengths, prefix = country
            rest = number[1 + digits :]
            return len(rest) in lengths and not (prefix and prefix.match(rest))
    return False


@lru_cache(maxsize=2048)
def _country(code: str) -> tuple[frozenset[int], re.Pattern[str] | None] | None:
    """How many digits follow a country's code, and what is dialled before them within the country;
    None where the code is none."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))
    if not regions:
        return None
    known = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), regions[0])
    if known is None or known.general_desc is None:
        return None
    general, prefix = known.general_desc, known.national_prefix_for_parsing
    lengths = frozenset(general.possible_length) - frozenset(general.possible_length_local_only)
    return lengths, re.compile(prefix) if prefix else None


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
    single = is_canonical(number) and _single_zone_of_code(number)
    if single:
        return single
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    found = timezone.time_zones_for_number(parsed)
    if found == (_UNKNOWN_ZONE,):
        found = timezone.time_zones_for_geographical_number(parsed)
    return () if _UNKNOWN_ZONE in found else tuple(found)


def _single_zone_of_code(number: str) -> tuple[str, ...]:
    """The zones of a country's numbers where all of them have the same; else empty."""
    codes = _codes_of_one_zone()
    return codes.get(number[1:2]) or codes.get(number[1:3]) or codes.get(number[1:4]) or ()


@lru_cache(maxsize=1)
def _codes_of_one_zone() -> dict[str, tuple[str, ...]]:
    """Country codes whose numbers have the same zones whatever digits follow."""
    of_code: dict[str, set[tuple[str, ...]]] = {
        str(code): set() for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    }
    for prefix, zones_of_prefix in TIMEZONE_DATA.items():
        code = next((prefix[:length] for length in (1, 2, 3) if prefix[:length] in of_code), "")
        if code:
            of_code[code].add(tuple(zones_of_prefix))
    return {
        code: found.pop()
        for code, found in of_code.items()
        if len(found) == 1 and code in TIMEZONE_DATA
    }


def is_emergency(number: str, region: str) -> bool:
    """Whether this, dialled in `region`, calls for help. Such a call always passes."""
    if number.startswith("+") or (number.isdigit() and len(number) > _LONGEST_EMERGENCY):
        return False
    if number in _EMERGENCY_TOO.get(region, ()):
        return True
    return bool(phonenumbers.is_emergency_number(number, region))


def masked(number: str) -> str:
    """The number as screens and logs may show it: `+86138****8000`.

    At least four digits are hidden, at most four at the end are shown, and whatever is neither a
    digit nor the leading plus shows as a star.
    """
    plus = "+" if number.startswith("+") else ""
    shown = number.removeprefix("+")
    if not (shown.isascii() and shown.isdecimal()):
        shown = "".join(each if "0" <= each <= "9" else "*" for each in shown)
    tail = min(4, max(0, len(shown) - 4))
    head = min(5, max(0, len(shown) - 8))
    return plus + shown[:head] + "*" * (len(shown) - head - tail) + shown[len(shown) - tail :]


def same_number(sent: str, decided: str) -> bool:
    """Whether the digits sent over a trunk, with or without prefixes, are those of the number
    decided on."""
    one, other = (re.sub(r"\D", "", each) for each in (sent, decided))
    tail = min(len(one), len(other), SAME_DIGITS)
    return one == other or (tail == SAME_DIGITS and one[-tail:] == other[-tail:])


def warm(region: str) -> None:
    """Loads what the first decision would wait for: metadata of `region`, zones by prefix."""
    example = phonenumbers.example_number(region)
    if example is not None:
        number = phonenumbers.format_number(example, PhoneNumberFormat.E164)
        for zone in zones(canonical(number, region)):
            ZoneInfo(zone)
    is_emergency("112", region)
