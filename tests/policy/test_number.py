"""One subscriber has one canonical number, however he is dialled."""

import random

import phonenumbers
import pytest
from phonenumbers import timezone
from phonenumbers.phonemetadata import PhoneMetadata

from policy.dialling.number import canonical, is_canonical, is_emergency, masked, zones


@pytest.mark.parametrize(
    "dialled",
    [
        "13800138000",
        "+8613800138000",
        "008613800138000",
        "013800138000",
        "138 0013 8000",
        "138-0013-8000",
        "＋86 138 0013 8000",
    ],
)
def test_a_mobile_has_one_form_however_it_is_dialled(dialled: str) -> None:
    assert canonical(dialled, "CN") == "+8613800138000"


def test_a_number_without_prefix_is_of_the_region() -> None:
    assert canonical("(212) 555-1234", "US") == "+12125551234"


@pytest.mark.parametrize(
    "dialled",
    [
        "",
        "+",
        "sip:alice@example.com",
        "1-800-FLOWERS",
        "13800138000;ext=7",
        "138001380001380013800013800138000",
        "13800138000\n13800138001",
        "*72",
        "10086",
        "138\n00138000",
    ],
)
def test_what_is_no_subscriber_number_stays_what_it_is(dialled: str) -> None:
    assert not is_canonical(canonical(dialled, "CN"))


@pytest.mark.parametrize(("region", "dialled"), [("CN", "110"), ("DE", "112"), ("US", "911")])
def test_an_emergency_number_is_not_taken_for_a_subscriber(region: str, dialled: str) -> None:
    assert canonical(dialled, region) == dialled


@pytest.mark.parametrize("dialled", ["110", "112", "119", "120", "122"])
def test_emergency_numbers_of_china(dialled: str) -> None:
    assert is_emergency(dialled, "CN")


@pytest.mark.parametrize("dialled", ["1101", "911", "13800138000", "+86110", ""])
def test_other_numbers_are_no_emergency_there(dialled: str) -> None:
    assert not is_emergency(dialled, "CN")


def test_a_mobile_of_a_country_with_many_zones_has_all_of_them() -> None:
    assert {"Europe/Moscow", "Asia/Kamchatka"} <= set(zones("+79161234567"))


def test_a_number_outside_the_known_ranges_has_the_zones_of_its_prefix() -> None:
    assert zones("+447700900123") == ("Europe/Guernsey", "Europe/Isle_of_Man", "Europe/London")


@pytest.mark.parametrize("nowhere", ["+80012345678", "+999123456789", "nonsense", ""])
def test_a_number_of_no_country_has_no_zone(nowhere: str) -> None:
    assert zones(nowhere) == ()


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+8613800138000", "+86138****8000"),
        ("+33612345678", "+336****5678"),
        ("12345678", "****5678"),
        ("110", "***"),
        ("", ""),
    ],
)
def test_a_masked_number_hides_four_digits_at_least(number: str, shown: str) -> None:
    assert masked(number) == shown


def parsed_the_long_way(number: str) -> str:
    return phonenumbers.format_number(
        phonenumbers.parse(number, "CN"), phonenumbers.PhoneNumberFormat.E164
    )


def test_a_mobile_recognised_at_a_glance_is_what_parsing_makes_of_it() -> None:
    for prefix in range(100, 200):
        for rest in ("00138000", "99999999", "12345678"):
            for dialled in (f"{prefix}{rest}", f"+86{prefix}{rest}", f"0086{prefix}{rest}"):
                assert canonical(dialled, "CN") == parsed_the_long_way(dialled)


def test_a_number_that_stays_as_it_is_is_what_parsing_makes_of_it() -> None:
    digits = random.Random(11)
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        for length in range(4, 16 - len(str(code))):
            for first in "0189":
                number = f"+{code}{first}{digits.randrange(10 ** (length - 1), 10**length)}"
                assert canonical(number, "CN") == canonical(f"+ {number[1:]}", "CN"), number


def zones_the_long_way(number: str) -> tuple[str, ...]:
    parsed = phonenumbers.parse(number)
    found = timezone.time_zones_for_number(parsed)
    if found == ("Etc/Unknown",):
        found = timezone.time_zones_for_geographical_number(parsed)
    return () if "Etc/Unknown" in found else tuple(found)


def test_the_zones_of_a_country_known_at_a_glance_are_those_looked_up() -> None:
    digits = random.Random(7)
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        for _ in range(12):
            number = f"+{code}{digits.randrange(1, 10)}{digits.randrange(10**7, 10**8)}"
            assert zones(number) == zones_the_long_way(number), number


def test_no_country_has_a_longer_emergency_number_than_is_looked_at() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        for number in ("911", "112", "999", "110"):
            longer = number * 3
            assert not phonenumbers.is_emergency_number(longer, region)
            assert not is_emergency(longer, region)
        short = PhoneMetadata.short_metadata_for_region(region)
        emergency = short.emergency if short else None
        assert all(length <= 8 for length in (emergency and emergency.possible_length) or ())
