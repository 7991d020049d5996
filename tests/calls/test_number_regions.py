"""The dialect to expect on a call: the campaign's, the number's region's, or the site's."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from callwarden.problems import ProblemsFound
from callwarden.settings import Speech
from gateway.asterisk import number_regions
from gateway.asterisk.known_before import KnownBefore
from gateway.floor import LiveCall

_CALL = LiveCall(
    call_id="n-1",
    number="",
    number_masked="",
    agent="1001",
    scene="",
    customer="",
    linkedid="1.1",
    decision_id="d",
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def known() -> KnownBefore:
    return KnownBefore.read(
        Speech(
            dialect="cmn",
            campaign_dialects={"hk": "yue", "anywhere": ""},
            region_dialects={"广东": "yue", "四川": "cmn-sichuan", "HK": "yue"},
        )
    )


@pytest.mark.parametrize(
    ("number", "campaign", "dialect"),
    [
        ("+862085550199", "", "yue"),  # a line in Guangzhou
        ("+862885550199", "", "cmn-sichuan"),  # and one in Chengdu
        ("+861085550199", "", "cmn"),  # Beijing has none of its own
        ("+85221550199", "", "yue"),
        ("+8617012345678", "", "cmn"),  # of no place
        ("+861085550199", "hk", "yue"),
        ("+862085550199", "anywhere", ""),
        ("", "", "cmn"),
    ],
)
def test_the_dialect_to_expect(
    known: KnownBefore, number: str, campaign: str, dialect: str
) -> None:
    assert known.dialect(replace(_CALL, number=number, campaign=campaign)) == dialect


def test_a_region_that_no_number_has_is_told() -> None:
    with pytest.raises(ProblemsFound, match=r"Guandong.*did you mean Guangdong"):
        number_regions.read({"Guandong": "yue"})
