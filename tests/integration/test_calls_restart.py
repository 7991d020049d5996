"""What outlives what: calls that are up when the gateway, the recognizer or Asterisk goes."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab import Lab
from deploy.lab.numbers import open_now
from tests.calls.recording_recognizer import LEGS, RecordingRecognizer, serving
from tests.integration.calls_stack import Stack, stack

HEARD, UNHEARD = oversight.CALL_STATE_LISTENED, oversight.CALL_STATE_UNHEARD


def _sections(folder: Path) -> dict[str, Any]:
    return {"rules": {"speech": []}, "state": str(folder / "state")}


async def _ours(made: Stack) -> list[str]:
    """Ids of the channels and bridges that forks made."""
    found = [*await made.in_asterisk("channels"), *await made.in_asterisk("bridges")]
    return sorted(each["id"] for each in found if each["id"].startswith("callwarden."))


async def _until_forked(made: Stack, count: int, besides: list[str]) -> list[str]:
    async with asyncio.timeout(10):
        while len(new := [each for each in await _ours(made) if each not in besides]) != count:  # noqa: ASYNC110 Asterisk's
            await asyncio.sleep(0.05)
    return new


def test_a_restarted_gateway_hears_the_call_on_and_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    async def play() -> None:
        at = f"127.0.0.1:{lab.addresses.recognizer}"
        async with serving(at) as (recognizer, _), stack(lab, **_sections(tmp_path)) as made:
            placed = await made.call(open_now(81), talk_s=40)
            call = await made.call_is(HEARD)
            before = await _until_forked(made, 6, [])
            for how in (signal.SIGKILL, signal.SIGTERM):
                await made.end("gateway", how)
                assert bool(await _ours(made)) is (how is signal.SIGKILL)
                since = len(made.events)
                made.start("gateway")
                again = await made.call_is(HEARD, since=since)
                assert again.call_id == call.call_id
                assert again.number_masked == call.number_masked
                assert abs(again.answered_at - call.answered_at) < 0.01
                new = await _until_forked(made, 6, before)
                assert await _ours(made) == sorted(new)
                before = new
            await asyncio.to_thread(placed.hang_up)
            outcome = await made.outcome(placed)
            await made.call_is(oversight.CALL_STATE_ENDED)
            await made.nothing_left_in_asterisk()
            await made.end("gateway")
            settled = made.rows("SELECT * FROM settlements WHERE nonce = ?", call.call_id)
            assert [(each["disposition"], each["connected"]) for each in settled] == [("ANSWER", 1)]
            assert settled[0]["talk_seconds"] == pytest.approx(outcome.talk_s, abs=0.5)
            _places_go_on(recognizer)

    asyncio.run(play())


def _places_go_on(recognizer: RecordingRecognizer) -> None:
    """Each gateway's audio lies on the same clock of the call, after that of the one before."""
    assert len(recognizer.streams) == 3
    for leg in LEGS:
        places = [
            each.first_sample
            for stream in recognizer.streams
            for each in stream.audio
            if each.leg == leg
        ]
        assert places == sorted(places)


def test_a_call_goes_on_without_a_recognizer_and_is_heard_in_full_by_the_next(
    lab: Lab, tmp_path: Path
) -> None:
    async def play() -> None:
        at = f"127.0.0.1:{lab.addresses.recognizer}"
        async with stack(lab, **_sections(tmp_path)) as made:
            never = await made.call(open_now(82), talk_s=1.5)
            placed = await made.call(open_now(83), talk_s=40)
            unheard = await made.seen(
                lambda each: "unreachable" in each.call.unheard_cause, "cause"
            )
            assert "callwarden recognizer run" in unheard.call.unheard_cause
            assert (await made.outcome(never)).answered
            for row in (await made.coverage_of(unheard.call.call_id)).values():
                assert row["received_s"] > 1
                assert row["analysed_s"] == 0
                assert row["causes"] == ["recognizer-unreachable"]
            async with serving(at) as (recognizer, _):
                await made.call_is(HEARD)
                await _some_audio(recognizer, 1.0)
            since = len(made.events)
            await made.seen(lambda each: each.call.state == UNHEARD, "unheard", since=since)
            await made.seen(_some_seconds_are_missing, "coverage", bound_s=15, since=since)
            since = len(made.events)
            async with serving(at) as (recognizer, _):
                call = await made.call_is(HEARD, since=since)
                await _some_audio(recognizer, 0.5)
                await asyncio.to_thread(placed.hang_up)
                assert (await made.outcome(placed)).answered
                coverage = await made.coverage_of(call.call_id)
            for row in coverage.values():
                assert row["call_seconds"] - row["received_s"] < 1.0
                assert row["analysed_s"] == pytest.approx(row["received_s"], abs=0.3)
                assert not row["causes"]
            await made.nothing_left_in_asterisk()

    asyncio.run(play())


def _some_seconds_are_missing(event: oversight.Event) -> bool:
    return any(each.received_s - each.analysed_s > 5 for each in event.call.coverage)


async def _some_audio(recognizer: RecordingRecognizer, seconds: float) -> None:
    async with asyncio.timeout(10):
        while not (  # noqa: ASYNC110 the server's
            recognizer.streams and recognizer.streams[-1].seconds(conversation.LEG_AGENT) >= seconds
        ):
            await asyncio.sleep(0.05)


def test_a_restarted_asterisk_is_found_again(tmp_path: Path) -> None:
    async def play(lab: Lab) -> None:
        at = f"127.0.0.1:{lab.addresses.recognizer}"
        async with serving(at), stack(lab, **_sections(tmp_path)) as made:
            await made.call(open_now(85), talk_s=20)
            call = await made.call_is(HEARD)
            since = len(made.events)
            await asyncio.to_thread(lab.restart_asterisk)
            ended = await made.call_is(oversight.CALL_STATE_ENDED, since=since)
            assert ended.call_id == call.call_id
            assert len(await made.coverage_of(call.call_id)) == 2
            since = len(made.events)
            placed = await made.call(open_now(86), talk_s=1.5)
            again = await made.call_is(HEARD, since=since)
            assert again.call_id != call.call_id
            assert (await made.outcome(placed)).answered
            await made.nothing_left_in_asterisk()

    with Lab.start() as lab:
        asyncio.run(play(lab))
