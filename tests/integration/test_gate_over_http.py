"""The dialplan asks the real gateway by CURL(): what is allowed passes, what is not does not, nor
does anything without the token or without a gateway."""

from collections.abc import Iterator

import pytest

from deploy.lab import Lab
from deploy.lab.appliance import Appliance
from deploy.lab.numbers import open_now, shut_now
from tests.integration.refusals import assert_refused

_TOKEN = "0123456789abcdef/+&="  # noqa: S105 - the test's own


@pytest.fixture(scope="module")
def appliance(lab: Lab) -> Iterator[Appliance]:
    started = Appliance.start(lab, recognizer=False, gate={"http_token": _TOKEN})
    lab.set_global("CALLWARDEN_GATE_URL", f"http://127.0.0.1:{lab.addresses.gate_http}/gate")
    lab.set_global("CALLWARDEN_GATE_TOKEN", _TOKEN)
    # The other way is shut, so that nothing can pass by it.
    lab.set_global("CALLWARDEN_GATE", "127.0.0.1:1")
    yield started
    started.gateway.terminate()
    started.gateway.wait(10)


def test_what_is_allowed_passes_and_counts(lab: Lab, appliance: Appliance) -> None:
    number = open_now(31)
    for _ in range(3):
        call = lab.call(number, talk_s=0.1)
        assert call.wait(15).answered
        assert [invite.number for invite in call.invites()] == [number]
    assert_refused(lab.call(number))
    assert_refused(lab.call(shut_now(31)))


def test_all_there_is_to_tell_is_understood(lab: Lab, appliance: Appliance) -> None:
    headers = {
        "X-Lab-Debt": "D-2026/7",
        "X-Lab-Product": "贷款.a",
        "X-Lab-Campaign": "spring@north",
        "X-Lab-Agency": "agency:7",
        "X-Lab-Party": "third-party",
        "X-Lab-Caller-Id": "+8695588",
    }
    told = lab.call(open_now(32), talk_s=0.1, context="agents-tell-all", headers=headers)
    assert told.wait(15).answered
    headers["X-Lab-Party"] = "nobody"
    assert_refused(lab.call(open_now(33), context="agents-tell-all", headers=headers))


def test_without_the_token_and_without_a_gateway_nothing_passes(
    lab: Lab, appliance: Appliance
) -> None:
    lab.set_global("CALLWARDEN_GATE_TOKEN", "another")
    assert_refused(lab.call(open_now(34)))
    lab.set_global("CALLWARDEN_GATE_TOKEN", _TOKEN)
    passed = lab.call(open_now(34), talk_s=0.1)
    assert passed.wait(15).answered
    appliance.gateway.kill()
    appliance.gateway.wait(10)
    assert_refused(lab.call(open_now(35)))
