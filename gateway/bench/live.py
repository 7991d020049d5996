"""Owns `callwarden bench live`: real calls through the lab, from the words to the console.

It starts the lab, the gateway and the recognizer itself, plays calls side by side, and watches the
oversight stream as a console does. Times are wall-clock: from the end of the phrase, as placed on
the call's audio by the finding itself, plus the moment of the answer.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
from tqdm import tqdm

from callwarden import transport
from callwarden.command import with_settings
from callwarden.figures import Figure, percentile, report
from callwarden.memory import resident_mib
from callwarden.settings import Settings
from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1 import oversight_pb2_grpc as oversight_grpc
from deploy.lab import Lab, LabError
from deploy.lab.appliance import Appliance
from deploy.lab.numbers import open_now

_FORBIDDEN = ("forbidden.", "collection.")
_UNSAID = ("opening.", "disclosure.", "suitability.", "response.", "conduct.")
"""What was not said, or said too late, has no words that end."""


@dataclass
class _Measured:
    """Seconds of wall clock from the end of the words, one a finding or suppression."""

    gateway_s: dict[str, list[float]] = field(default_factory=dict)
    """By rule, until the gateway had the finding; the others until the console had it."""
    findings_s: list[float] = field(default_factory=list)
    forbidden_s: list[float] = field(default_factory=list)
    suppressions_s: list[float] = field(default_factory=list)
    gateway_mib: float = 0.0
    recognizer_mib: float = 0.0
    legs: int = 0


@click.command()
@click.option(
    "--calls",
    "folder",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of calls: agent.wav, customer.wav and call.json each.",
)
@click.option("--rounds", default=2, show_default=True, help="How often each call is played.")
@click.option("--abreast", default=4, show_default=True, help="Calls at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def live(configured: Settings, folder: Path, rounds: int, abreast: int, as_json: bool) -> int:
    """Time from the words to the console, through a real Asterisk.

    Example: callwarden bench live --calls ../shared/calls
    """
    del configured  # the lab has a configuration of its own
    calls = sorted(each.parent for each in folder.glob("*/agent.wav")) * rounds
    if not calls:
        raise click.UsageError(f"{folder} holds no call (a folder with agent.wav)")
    try:
        with Lab.start() as lab:
            measured = asyncio.run(_measure(lab, Appliance.start(lab), calls, abreast))
    except LabError as error:
        raise click.ClickException(str(error)) from None
    return report("bench live", _figures(measured), as_json=as_json)


def _figures(measured: _Measured) -> list[Figure]:
    forbidden, suppressions = measured.forbidden_s, measured.suppressions_s
    at_gateway = [each for rule in measured.gateway_s.values() for each in rule]
    slowest = max(measured.gateway_s, key=lambda rule: max(measured.gateway_s[rule]), default="")
    return [
        Figure(
            "deciding words to finding at the gateway, p50", percentile(at_gateway, 0.5), "s",
            bar=0.6, how=f"{len(at_gateway)} findings",
        ),
        Figure(
            "deciding words to finding at the gateway, p95", percentile(at_gateway, 0.95), "s",
            bar=0.9, how=f"slowest: {slowest}",
        ),
        Figure("forbidden phrase to finding in the console, p50", percentile(forbidden, 0.5), "s"),
        Figure(
            "forbidden phrase to finding in the console, p95", percentile(forbidden, 0.95), "s",
            bar=1.2, how=f"{len(forbidden)} findings",
        ),
        Figure(
            "any phrase to finding in the console, p95", percentile(measured.findings_s, 0.95), "s",
            how=f"{len(measured.findings_s)} findings",
        ),
        Figure(
            "refusal to suppression in the ledger, slowest", max(suppressions, default=0.0), "s",
            bar=2.0, how=f"{len(suppressions)} refusals",
        ),
        Figure("gateway resident", measured.gateway_mib, "MiB", bar=120),
        Figure(
            "recognizer resident, workers included", measured.recognizer_mib, "MiB", bar=250,
            how=f"{measured.legs} legs",
        ),
    ]  # fmt: skip


async def _measure(lab: Lab, appliance: Appliance, calls: list[Path], abreast: int) -> _Measured:
    measured = _Measured(legs=2 * abreast)
    turns = asyncio.Semaphore(abreast)
    watching = asyncio.create_task(_watch(appliance.settings, measured))
    with tqdm(total=len(calls), desc="calls", unit="call", disable=None) as progress:

        async def play(index: int, call: Path) -> None:
            async with turns:
                await asyncio.to_thread(_play, lab, call, open_now(index))
                measured.gateway_mib = max(
                    measured.gateway_mib, resident_mib(appliance.gateway.pid)
                )
                measured.recognizer_mib = max(
                    measured.recognizer_mib, resident_mib(appliance.recognizer.pid)
                )
                progress.update()

        await asyncio.gather(*(play(index, call) for index, call in enumerate(calls)))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    return measured


def _play(lab: Lab, call: Path, number: str) -> None:
    scene = json.loads((call / "call.json").read_text(encoding="utf-8"))["scene"]
    placed = lab.call(
        number,
        scene=scene,
        agent_audio=call / "agent.wav",
        customer_audio=call / "customer.wav",
    )
    placed.wait(300)


async def _watch(settings: Settings, measured: _Measured) -> None:
    """Notes how late each phrase finding and each suppression comes, until cancelled."""
    answered_at: dict[str, float] = {}
    refused_at: dict[str, float] = {}
    async with transport.channel_to(settings.oversight.address, settings.tls) as channel:
        watched = oversight_grpc.OversightStub(channel).Watch(oversight.WatchRequest())
        async for event in watched:
            match event.WhichOneof("payload"):
                case "call" if event.call.answered_at:
                    answered_at[event.call.call_id] = event.call.answered_at
                case "finding":
                    raised, finding = event.finding, event.finding.finding
                    spoken_at = answered_at.get(raised.call_id, 0.0) + finding.end_s
                    refused_at.setdefault(f"{raised.call_id} {finding.finding_id}", spoken_at)
                    certain = finding.status == conversation.FINDING_STATUS_CERTAIN
                    if certain and not finding.rule.startswith(_UNSAID):
                        late_s = time.time() - spoken_at
                        at_gateway = measured.gateway_s.setdefault(finding.rule, [])
                        at_gateway.append(event.at - spoken_at)
                        measured.findings_s.append(late_s)
                        if finding.rule.startswith(_FORBIDDEN):
                            measured.forbidden_s.append(late_s)
                case "suppression":
                    made = event.suppression
                    spoken_at = refused_at[f"{made.call_id} {made.finding_id}"]
                    measured.suppressions_s.append(time.time() - spoken_at)
