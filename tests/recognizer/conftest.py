"""A recognizer served on loopback with the real model, and a client that plays recordings to it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio
import pytest
import pytest_asyncio

from callwarden import transport
from callwarden.settings import Recognizer, Settings, Tls
from callwarden.v1 import conversation_pb2, recognition_pb2
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from policy import rulebook
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg
from recognizer import planned
from recognizer.models import folder
from recognizer.models.model import Model
from recognizer.recordings import Recording
from recognizer.service import RecognizerServer

if TYPE_CHECKING:
    from callwarden.v1.recognition_pb2_grpc import RecognitionAsyncStub

WIRE_LEG = {Leg.AGENT: conversation_pb2.LEG_AGENT, Leg.CUSTOMER: conversation_pb2.LEG_CUSTOMER}


@pytest.fixture(scope="session")
def model(model_folder: Path) -> Model:
    return folder.load(model_folder)


@pytest.fixture(scope="session", autouse=True)
def shipped_rules_once() -> Iterator[None]:
    """Commands that tests run in this process ask for the shipped rules again and again, which
    takes over a second; what was compiled never changes."""
    load = rulebook.load
    kept = cache(partial(load, None))

    def load_once(
        folder: Path | None, packs: Sequence[str], speech: Sequence[str]
    ) -> rulebook.Rulebook:
        return load(folder, packs, speech) if folder else kept(tuple(packs), tuple(speech))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rulebook, "load", load_once)
        yield


@pytest.fixture(scope="session")
def rules() -> SpeechRulebook:
    return rulebook.load(None, ("house",), ("base",)).speech


@dataclass
class Serving:
    server: RecognizerServer
    channel: grpc.aio.Channel
    stub: "RecognitionAsyncStub"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def serving(model: Model, rules: SpeechRulebook) -> AsyncIterator[Serving]:
    """Two workers on a free port of loopback."""
    settings = Settings(recognizer=Recognizer(listen="127.0.0.1:0", workers=2))
    async with RecognizerServer(
        settings, rules, [planned.single(settings.recognizer, model)], ""
    ) as server:
        channel = transport.channel_to(f"127.0.0.1:{server.port}", Tls())
        async with channel:
            yield Serving(server, channel, RecognitionStub(channel))


def start(
    call_id: str = "a-call", scene: str = "", rate_hz: int = 8000, **more: Any
) -> recognition_pb2.ListenRequest:
    """Of a recording: tests send audio as fast as it is taken."""
    told = {"recorded": True} | more
    return recognition_pb2.ListenRequest(
        start=recognition_pb2.CallStart(
            call_id=call_id, scene=scene, sample_rate_hz=rate_hz, **told
        )
    )


def audio(leg: Leg, first_sample: int, pcm: bytes) -> recognition_pb2.ListenRequest:
    return recognition_pb2.ListenRequest(
        audio=recognition_pb2.Audio(leg=WIRE_LEG[leg], first_sample=first_sample, samples=pcm)
    )


def pieces(*audio: recognition_pb2.ListenRequest) -> recognition_pb2.ListenRequest:
    """All of that audio in one message."""
    together = recognition_pb2.AudioPieces(audio=[each.audio for each in audio])
    return recognition_pb2.ListenRequest(pieces=together)


def end(seconds: float) -> recognition_pb2.ListenRequest:
    return recognition_pb2.ListenRequest(end=recognition_pb2.CallEnd(seconds=seconds))


async def requests_of(
    recording: Recording, block_s: float = 0.1
) -> AsyncIterator[recognition_pb2.ListenRequest]:
    """What a gateway would send of a recorded call, as fast as the recognizer takes it."""
    yield start(recording.id, recording.scene, recording.rate_hz)
    for leg, first_sample, pcm in recording.blocks(block_s):
        yield audio(leg, first_sample, pcm)
    yield end(recording.seconds)


@dataclass
class Listened:
    """What came back for one call."""

    findings: dict[str, conversation_pb2.Finding] = field(default_factory=dict)
    finals: list[conversation_pb2.Utterance] = field(default_factory=list)
    partials: int = 0
    duties: list[dict[str, conversation_pb2.Duty]] = field(default_factory=list)
    """Each time they were told, by rule."""
    closing: recognition_pb2.Coverage | None = None

    def take(self, response: recognition_pb2.ListenResponse) -> None:
        match response.WhichOneof("payload"):
            case "finding":
                self.findings[response.finding.finding_id] = response.finding
            case "utterance" if response.utterance.final:
                self.finals.append(response.utterance)
            case "utterance":
                self.partials += 1
            case "duties":
                self.duties.append({each.rule: each for each in response.duties.duties})
            case "closing":
                self.closing = response.closing

    @property
    def covered(self) -> dict[int, conversation_pb2.LegCoverage]:
        assert self.closing is not None
        return {each.leg: each for each in self.closing.legs}


async def listen(
    stub: "RecognitionAsyncStub", requests: AsyncIterator[recognition_pb2.ListenRequest]
) -> Listened:
    """Plays `requests` to its end. Raises grpc.aio.AioRpcError."""
    listened = Listened()
    async for response in stub.Listen(requests):
        listened.take(response)
    return listened
