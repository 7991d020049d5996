"""A supervisor's phone in a live call, over a real Asterisk: who hears whom, and that nothing is
left of it."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import pytest

from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab import Lab
from deploy.lab.numbers import open_now
from tests.gate.waiting import until
from tests.integration.calls_stack import Stack, stack
from tests.integration.phone import Phone

AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ = 440.0, 1000.0, 2100.0
LOUD, SILENT = 1000, 60
LISTEN, WHISPER, BARGE = (
    oversight.LISTEN_IN_MODE_LISTEN,
    oversight.LISTEN_IN_MODE_WHISPER,
    oversight.LISTEN_IN_MODE_BARGE,
)


@dataclass
class Call:
    call_id: str
    agent: Phone
    customer: Phone


@asynccontextmanager
async def talking(made: Stack, seed: int) -> AsyncIterator[Call]:
    """A call that the gate allowed, with an agent and a customer who can be heard."""
    lab, number = made.lab, open_now(seed)
    async with Phone(CUSTOMER_HZ) as customer, Phone(AGENT_HZ) as agent:
        headers = {
            "X-Lab-Scene": "marketing.loan",
            "X-Lab-Agent": "1001",
            "X-Lab-Carrier-Port": str(customer.port),
        }
        since = len(made.events)
        agent.dial(number, lab.addresses.sip, headers)
        async with asyncio.timeout(10):
            await agent.up.wait()
        event = await made.seen(lambda each: bool(each.call.answered_at), "the answer", since=since)
        yield Call(event.call.call_id, agent, customer)


async def hears(phone: Phone, hertz: float, *, loud: bool = True) -> None:
    """Raises TimeoutError unless the phone comes to hear this tone, or to hear no more of it."""

    def so() -> bool:
        heard = phone.heard(hertz, last_s=0.5)
        return heard > LOUD if loud else heard < SILENT

    await until(lambda: phone.received_s() > 0.5 and so())


async def listen(
    made: Stack, call: Call, mode: "oversight.ListenInMode.ValueType", extension: str = "8001"
) -> str:
    request = oversight.ListenInRequest(call_id=call.call_id, mode=mode, extension=extension)
    return (await made.oversight.ListenIn(request)).listening_id


async def nothing_listens(made: Stack) -> None:
    """No phone, snoop or bridge of a listening is left, within 5 s."""
    async with asyncio.timeout(5):
        while [  # noqa: ASYNC110  # Asterisk's
            each["id"]
            for kind in ("channels", "bridges")
            for each in await made.in_asterisk(kind)
            if "listen." in each["id"]
        ]:
            await asyncio.sleep(0.05)


def run(lab: Lab, tmp_path: Path, story: Callable[[Stack], Awaitable[None]]) -> None:
    """Runs a story over a gateway of its own, after which nothing is left in Asterisk."""

    async def told() -> None:
        async with stack(
            lab,
            rules={"speech": []},
            state=str(tmp_path / "state"),
            oversight={"browser": "127.0.0.1:0"},
        ) as made:
            await story(made)
            await made.nothing_left_in_asterisk()

    asyncio.run(told())


def acts(made: Stack) -> list[tuple[str, str, str]]:
    return [
        (row["act"], row["subject"], row["outcome"])
        for row in made.rows("SELECT * FROM acts ORDER BY seq")
    ]


def test_each_hears_whom_he_is_meant_to(lab: Lab, tmp_path: Path) -> None:
    async def story(made: Stack) -> None:
        async with talking(made, 301) as call:
            for mode, agent_hears, customer_hears in (
                (LISTEN, False, False),
                (WHISPER, True, False),
                (BARGE, True, True),
            ):
                async with Phone(SUPERVISOR_HZ, lab.addresses.supervisors["8001"]) as supervisor:
                    listening_id = await listen(made, call, mode)
                    await hears(supervisor, AGENT_HZ)
                    await hears(supervisor, CUSTOMER_HZ)
                    await hears(call.agent, SUPERVISOR_HZ, loud=agent_hears)
                    await hears(call.customer, SUPERVISOR_HZ, loud=customer_hears)
                    await hears(call.agent, CUSTOMER_HZ)
                    await hears(call.customer, AGENT_HZ)
                    end = oversight.EndListenInRequest(listening_id=listening_id)
                    await made.oversight.EndListenIn(end)
                    await until(supervisor.over.is_set)
                    await nothing_listens(made)
                    await hears(call.agent, SUPERVISOR_HZ, loud=False)
            assert not call.agent.over.is_set()
            assert acts(made) == [(mode, "8001", "done") for mode in ("listen", "whisper", "barge")]

    run(lab, tmp_path, story)


def test_whatever_ends_it_nothing_is_left_and_no_customer_is_rung(lab: Lab, tmp_path: Path) -> None:
    ports = lab.addresses.supervisors

    async def refused(made: Stack, call: Call, extension: str) -> grpc.StatusCode:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await listen(made, call, BARGE, extension)
        return error.value.code()

    async def story(made: Stack) -> None:
        async with talking(made, 302) as call:
            invalid = grpc.StatusCode.INVALID_ARGUMENT
            for extension in ("trunk1", "TRUNK2", "carrier", "8001@trunk1", "8001/sip:x", ""):
                assert await refused(made, call, extension) is invalid
            names = [str(each["name"]) for each in await made.in_asterisk("channels")]
            trunks = [each for each in names if re.match("PJSIP/(carrier|trunk)", each)]
            assert len(trunks) == 1, "the customer's own channel"

            async with Phone(SUPERVISOR_HZ, ports["8002"], declines=True) as busy:
                await listen(made, call, LISTEN, "8002")
                await until(busy.over.is_set)
                await nothing_listens(made)

            async with Phone(SUPERVISOR_HZ, ports["8002"], rings=True) as ringing:
                listening_id = await listen(made, call, LISTEN, "8002")
                await until(ringing.ringing.is_set)
                end = oversight.EndListenInRequest(listening_id=listening_id)
                await made.oversight.EndListenIn(end)
                await until(ringing.over.is_set)
                await nothing_listens(made)
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await made.oversight.EndListenIn(end)
                assert error.value.code() is grpc.StatusCode.NOT_FOUND

            async with Phone(SUPERVISOR_HZ, ports["8001"]) as supervisor:
                await listen(made, call, LISTEN)
                await hears(supervisor, AGENT_HZ)
                supervisor.hang_up()
                await nothing_listens(made)
                assert not call.agent.over.is_set()

            async with Phone(SUPERVISOR_HZ, ports["8001"]) as supervisor:
                await listen(made, call, BARGE)
                await hears(call.customer, SUPERVISOR_HZ)
                await made.end("gateway", signal.SIGKILL)
                since = len(made.events)
                made.start("gateway")
                await made.part_is("asterisk-ari", oversight.HEALTH_STATUS_OK, since)
                await until(supervisor.over.is_set)
                await nothing_listens(made)
                await hears(call.customer, SUPERVISOR_HZ, loud=False)
                assert not call.agent.over.is_set()

            async with (
                Phone(SUPERVISOR_HZ, ports["8001"]) as supervisor,
                Phone(SUPERVISOR_HZ, ports["8002"]) as second,
            ):
                await listen(made, call, LISTEN)
                await listen(made, call, WHISPER, "8002")
                await hears(supervisor, AGENT_HZ)
                await hears(second, AGENT_HZ)
                call.agent.hang_up()
                await until(lambda: supervisor.over.is_set() and second.over.is_set())
                await nothing_listens(made)

        assert await refused(made, call, "8001") is grpc.StatusCode.NOT_FOUND
        assert not [each for each in made.events if each.HasField("bypass")]
        assert [each for each in acts(made) if each[2] == "failed"] == [
            ("barge", extension, "failed")
            for extension in ("trunk1", "TRUNK2", "carrier", "8001@trunk1", "8001/sip:x")
        ]

    run(lab, tmp_path, story)
