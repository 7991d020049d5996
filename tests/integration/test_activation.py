"""A rulebook is activated while a call is up: the call goes on by the rulebook it began with, the
next one is decided and judged by the new one, within a second, in every process."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import grpc.aio

from callwarden.settings import Tls
from callwarden.transport import channel_to
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1 import recognition_pb2 as recognition
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from deploy.lab import Lab
from deploy.lab.numbers import open_now
from policy import rulebook
from tests.integration.calls_stack import Stack, stack

UP, REFUSED = (open_now(seed) for seed in (71, 72))

_NOBODY = """
pack: nobody
version: "7"
title: {zh: 不外呼, en: Nobody}
dialling:
  - id: nobody.consents
    kind: consent
    title: {zh: 须有授权, en: Only with consent}
    severity: major
    citation: house rule
"""


def _callwarden(made: Stack, *words: str) -> None:
    command = [sys.executable, "-m", "callwarden.command", "rules", *words]
    command += ["--config", str(made.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


async def _learnt(made: Stack, digest: str) -> float:
    """When the recognizer knew the rulebook of that digest."""
    async with (
        channel_to(made.settings.recognizer.addresses[0], Tls()) as channel,
        asyncio.timeout(10),
    ):
        stub = RecognitionStub(channel)
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                if digest in (await stub.Describe(recognition.DescribeRequest())).learnt:
                    return time.time()
            await asyncio.sleep(0.02)


async def test_a_rulebook_is_activated_under_a_running_call(
    lab: Lab, model_folder: Path, calls_folder: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(rulebook.shipped(), rules)
    (rules / "nobody.yaml").write_text(_NOBODY, encoding="utf-8")
    for each in (rules / "speech").rglob("*_test.yaml"):
        each.unlink()  # each activation would run all of them first
    folder = calls_folder / "collection-threat"
    async with stack(lab, model=model_folder) as made:
        up = await made.call(
            UP,
            scene="collection.reminder",
            agent_audio=folder / "agent.wav",
            customer_audio=folder / "customer.wav",
        )
        await made.call_is(oversight.CALL_STATE_LISTENED)
        before = (await made.seen(lambda each: each.HasField("decision"), "a decision")).decision
        new = rulebook.read(rules, ("house", "nobody"), ("base",)).identity
        await asyncio.to_thread(
            _callwarden, made, "activate", str(rules), "--pack", "house", "--pack", "nobody"
        )
        with made.reader() as reader:
            activation = reader.activation("active")
        assert activation is not None
        assert activation.rulebook == new
        learnt_s = await _learnt(made, new.digest) - activation.at.timestamp()

        placed = await made.call(REFUSED)
        assert (await made.outcome(placed)).q850_cause == 21
        assert not placed.invites()
        decision = await made.seen(
            lambda each: each.decision.rulebook.digest == new.digest, "a decision by it"
        )
        assert [each.rule for each in decision.decision.reasons] == ["nobody.consents"]

        ended = await made.outcome(up)
        assert ended.talk_s > 10
        threat = await made.seen(
            lambda each: each.finding.finding.rule == "collection.threat", "the threat"
        )
        assert threat.finding.finding.rulebook.digest == before.rulebook.digest != new.digest

        # A second on a box that does nothing else; other tests run beside this one.
        assert learnt_s < 3.0, f"the recognizer knew it after {learnt_s:.2f} s"
