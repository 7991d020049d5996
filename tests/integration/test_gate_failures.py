"""The gateway fails in every way it can, and no call gets out: the carrier's log has no INVITE, and
each refusal comes within two seconds. Emergency numbers get out all the same."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from callwarden import settings
from deploy.lab import Lab
from deploy.lab.appliance import Appliance
from deploy.lab.numbers import open_now
from policy.ledger import Ledger, LedgerReader
from tests.integration.refusals import assert_refused
from tests.lab import agi_servers
from tests.lab.agi_servers import Handler, serving

EMERGENCY = "120"


@contextmanager
def running(lab: Lab, state: Path, **sections: Any) -> Iterator[Appliance]:
    """The gateway, gone afterwards however it was treated."""
    appliance = Appliance.start(lab, recognizer=False, state=str(state), **sections)
    try:
        yield appliance
    finally:
        appliance.gateway.kill()
        appliance.gateway.wait()


def assert_emergency_passes(lab: Lab) -> None:
    call = lab.call(EMERGENCY, talk_s=0.1)
    assert call.wait(15).answered
    assert [invite.number for invite in call.invites()] == [EMERGENCY]


def test_a_killed_and_a_stopped_gateway_let_no_call_out(lab: Lab, tmp_path: Path) -> None:
    with running(lab, tmp_path) as appliance:
        allowed = lab.call(open_now(1), talk_s=0.1)
        assert allowed.wait(15).answered

        appliance.gateway.send_signal(signal.SIGSTOP)
        assert_refused(lab.call(open_now(2)))
        assert_emergency_passes(lab)
        appliance.gateway.send_signal(signal.SIGCONT)

        appliance.gateway.send_signal(signal.SIGKILL)
        appliance.gateway.wait()
        assert_refused(lab.call(open_now(3)))
        assert_emergency_passes(lab)


def test_a_gateway_killed_while_a_call_is_decided_on_lets_nothing_out(
    lab: Lab, tmp_path: Path
) -> None:
    """Stopped so that the question waits, killed while it does."""
    with running(lab, tmp_path) as appliance:
        appliance.gateway.send_signal(signal.SIGSTOP)
        call = lab.call(open_now(4))
        appliance.gateway.kill()
        appliance.gateway.wait()
        assert_refused(call)


@pytest.mark.parametrize(
    "server",
    [agi_servers.garbage, agi_servers.other_nonce, agi_servers.hangs],
    ids=lambda server: server.__name__,
)
async def test_a_gateway_that_answers_garbage_lets_no_call_out(lab: Lab, server: Handler) -> None:
    async with serving(lab.addresses.gate, server):
        await asyncio.to_thread(lambda: assert_refused(lab.call(open_now(5))))


def test_a_read_only_ledger_lets_no_call_out(lab: Lab, tmp_path: Path) -> None:
    configured = settings.load(lab.write_settings(state=str(tmp_path)))
    Ledger.open(configured.ledger_file, configured.ledger_key_file).close()
    configured.ledger_file.chmod(0o444)
    with running(lab, tmp_path) as appliance:
        assert_refused(lab.call(open_now(6)))
        assert "read-only" in appliance.log("gateway")


def test_a_broken_rulebook_lets_no_call_out(lab: Lab, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "house.yaml").write_text("pack: house\nversion: 1\ndialing: []\n", encoding="utf-8")
    with running(lab, tmp_path, rules={"folder": str(rules), "speech": []}) as appliance:
        assert_refused(lab.call(open_now(7)))
        assert_emergency_passes(lab)
        assert f"{rules}/house.yaml:3:1: dialing" in appliance.log("gateway")


def test_an_attempt_counts_when_the_gateway_is_killed_between_decision_and_dial(
    lab: Lab, tmp_path: Path
) -> None:
    """The call is allowed and still rings when the gateway is killed: nobody settles it."""
    number = open_now(8)
    with running(lab, tmp_path) as appliance:
        call = lab.call(number, ring_s=2, talk_s=0.1)
        assert _attempts(appliance, number) == 1
        appliance.gateway.kill()
        appliance.gateway.wait()
        call.hang_up()
        call.wait(15)
    with running(lab, tmp_path):
        for _ in range(2):
            assert lab.call(number, talk_s=0.1).wait(15).answered
        assert_refused(lab.call(number))


def _attempts(appliance: Appliance, number: str) -> int:
    """How many attempts of a number the ledger holds, once it holds one."""
    configured = appliance.settings
    ends = time.monotonic() + 5
    with LedgerReader.open(configured.ledger_file, configured.ledger_key_file) as reader:
        while not (found := reader.facts(number, "", datetime.now(UTC)).attempts):
            assert time.monotonic() < ends, "nothing was reserved"
            time.sleep(0.005)  # between two looks at another process' ledger
    return len(found)
