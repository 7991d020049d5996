"""The hooks for FreePBX 16 and 17, VICIdial and Wazo, called as those systems call them, before a
real gateway: what is allowed passes, what is denied is hung up with its cause and no INVITE leaves,
with the gateway down nothing passes, and a route that tries two trunks counts once.

Asterisk 22 has no app_macro. There the hook for FreePBX 16 and the macros around it run as
subroutines, made of them line by line; `test_freepbx_16_on_an_asterisk_that_has_macro` runs them as
they are, on the Asterisk 16 of Debian 11, which FreePBX 16 was made for.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.lab import Lab
from deploy.lab.appliance import Appliance
from deploy.lab.calls import PlacedCall
from deploy.lab.numbers import open_now, shut_now
from deploy.lab.rootfs import ASTERISK_16
from tests.integration import other_pbx
from tests.lab.ami import logged_in

_SEEDS = itertools.count(500)
_GLOBALS = {"TRUNK_1": "trunk1", "TRUNK_2": "trunk2", "CALLWARDEN_SCENE": "marketing.loan"}


@dataclass(frozen=True)
class _System:
    """`dialplan` is what is added to the lab's, `context` where an agent's call enters it."""

    name: str
    dialplan: Callable[[], str]
    context: str

    def __str__(self) -> str:
        return self.name


_FREEPBX_16 = _System(
    "freepbx-16",
    lambda: other_pbx.as_gosub(other_pbx.freepbx("freepbx16.conf", macro=True)),
    "from-internal",
)
_SYSTEMS = (
    _FREEPBX_16,
    _System(
        "freepbx-17", lambda: other_pbx.freepbx("freepbx17.conf", macro=False), "from-internal"
    ),
    _System("wazo", lambda: other_pbx.wazo("WAZO_TRUNKEXTEN"), "wazo-internal"),
    _System("wazo-earlier", lambda: other_pbx.wazo("XIVO_TRUNKEXTEN"), "wazo-internal"),
)


def _prepared(lab: Lab, dialplan: str) -> None:
    lab.replace_dialplan(dialplan)
    for name, value in _GLOBALS.items():
        lab.set_global(name, value)


def _call(lab: Lab, system: _System, number: str) -> PlacedCall:
    return lab.call(number, agent="1001", talk_s=0.1, context=system.context)


@pytest.fixture(scope="module")
def appliance(lab: Lab) -> Iterator[Appliance]:
    started = Appliance.start(lab, recognizer=False)
    yield started
    started.gateway.terminate()
    started.gateway.wait(10)


def _passes_denies_and_counts_once(lab: Lab, system: _System) -> None:
    """Two trunks, the first of which is always congested; the limit is three attempts a day."""
    number, shut = open_now(next(_SEEDS)), shut_now(next(_SEEDS))
    first, second = lab.carrier(trunk="trunk1", status=503), lab.carrier(trunk="trunk2")
    try:
        for _ in range(3):
            assert _call(lab, system, number).wait(15).answered
        assert [each.number for each in first.invites()] == [number] * 3
        assert [each.number for each in second.invites()] == [number] * 3
        for refused in (number, shut):
            outcome = _call(lab, system, refused).wait(15)
            assert (outcome.sip_status, outcome.q850_cause) == (403, 21)
        assert len(first.invites()) == len(second.invites()) == 3
    finally:
        first.stop()
        second.stop()


@pytest.mark.parametrize("system", _SYSTEMS, ids=str)
def test_a_route_of_two_trunks(lab: Lab, appliance: Appliance, system: _System) -> None:
    _prepared(lab, system.dialplan())
    _passes_denies_and_counts_once(lab, system)


def test_freepbx_dials_the_trunks_prefix_and_tells_agent_and_shown_number(
    lab: Lab, appliance: Appliance
) -> None:
    _prepared(lab, _FREEPBX_16.dialplan())
    number, carrier = open_now(next(_SEEDS)), lab.carrier(trunk="trunk1")
    lab.set_global("OUTPREFIX_1", "99")
    lab.set_global("TRUNKCID_1", "+8695588")
    try:
        assert _call(lab, _FREEPBX_16, number).wait(15).answered
        assert [each.number for each in carrier.invites()] == [f"99{number}"]
    finally:
        carrier.stop()
        lab.set_global("OUTPREFIX_1", "")
    (asked,) = [line for line in lab.asterisk_log().splitlines() if "caller_id=+8695588" in line]
    assert ",marketing.loan,1001," in asked


async def test_vicidial_auto_dials_through_its_carrier_entry(
    lab: Lab, appliance: Appliance
) -> None:
    """VICIdial originates Local/9NUMBER@default; the call_log AGI is its own server, which is not
    there, and whose absence it survives."""
    _prepared(lab, other_pbx.vicidial())
    number = open_now(next(_SEEDS)).replace("+", "00")
    carrier = lab.carrier(trunk="trunk1", hangs_up_s=0.1)
    try:
        async with logged_in(lab) as ami:
            for place, allowed in enumerate((True, True, True, False)):
                caller = f'"V1123{place}04210000004711" <8695588>'
                channel = f"vici.{place}"
                await ami.originate(
                    f"Local/9{number}@default/n", CallerID=caller, ChannelId=channel
                )
                ended = await ami.seen("Hangup", Uniqueid=channel)
                assert ended["Cause"] == ("16" if allowed else "21")
        assert [each.number for each in carrier.invites()] == [number] * 3
    finally:
        carrier.stop()
    asked = [line for line in lab.asterisk_log().splitlines() if ",lead-0000004711," in line]
    assert len(asked) == 4


def test_with_the_gateway_down_every_hook_refuses(lab: Lab, appliance: Appliance) -> None:
    appliance.gateway.kill()
    appliance.gateway.wait(10)
    first, second = lab.carrier(trunk="trunk1"), lab.carrier(trunk="trunk2")
    try:
        for system in _SYSTEMS:
            _prepared(lab, system.dialplan())
            outcome = _call(lab, system, open_now(next(_SEEDS))).wait(15)
            assert (outcome.sip_status, outcome.q850_cause) == (403, 21), system
            assert outcome.decided_s < 2
        _prepared(lab, other_pbx.vicidial())
        asyncio.run(_refused_originate(lab))
        assert first.invites() == second.invites() == []
    finally:
        first.stop()
        second.stop()


async def _refused_originate(lab: Lab) -> None:
    async with logged_in(lab) as ami:
        number = open_now(next(_SEEDS)).replace("+", "00")
        await ami.originate(f"Local/9{number}@default/n", ChannelId="vici.down")
        assert (await ami.seen("Hangup", Uniqueid="vici.down"))["Cause"] == "21"


@pytest.mark.soak
def test_freepbx_16_on_an_asterisk_that_has_macro(tmp_path: Path) -> None:
    system = _System(
        "freepbx-16-macro",
        lambda: other_pbx.freepbx("freepbx16.conf", macro=True),
        "from-internal",
    )
    with Lab.start(ASTERISK_16) as lab:
        assert "Macro Implementation" in lab.cli("core show application Macro")
        appliance = Appliance.start(lab, recognizer=False, media={"transport": "rtp"})
        _prepared(lab, system.dialplan())
        _passes_denies_and_counts_once(lab, system)
        appliance.gateway.kill()
        appliance.gateway.wait(10)
        carrier = lab.carrier(trunk="trunk1")
        assert _call(lab, system, open_now(next(_SEEDS))).wait(15).sip_status == 403
        assert carrier.invites() == []
