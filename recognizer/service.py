"""Owns the gRPC service `Recognition`, with health checking and reflection.

Started by `recognizer run`. It serves with a model and a living worker, and says so in its health;
without a model it still answers, and tells how to get one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Self

import grpc
import grpc.aio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from callwarden import transport
from callwarden.problems import ProblemsFound
from callwarden.settings import Settings
from callwarden.v1 import recognition_pb2 as wire
from callwarden.v1 import recognition_pb2_grpc
from policy.identity import RulebookIdentity, RulebookText
from policy.on_the_wire import identity_message
from policy.speech.rulebook import SpeechRulebook
from recognizer.decoding import Decoding
from recognizer.listening import Listening, Refused
from recognizer.load import SAMPLE_EVERY_S, Load
from recognizer.models import second_pass
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.rulebooks import Rulebooks

ENDS = "this recognizer ends; the call goes on at another one"
_LEAVE_S = 2.0
"""How long it may take to tell running calls to go on elsewhere."""
SERVICE = wire.DESCRIPTOR.services_by_name["Recognition"].full_name
_log = structlog.get_logger()


class Recognition(recognition_pb2_grpc.RecognitionServicer):
    """`missing` says what to do when there is no model."""

    def __init__(
        self, pool: Pool | None, rulebook: SpeechRulebook, missing: str, load: Load
    ) -> None:
        self._pool, self._rulebooks, self._missing = pool, Rulebooks(rulebook), missing
        self._load = load
        self._calls: set[Listening] = set()
        self._over = asyncio.Event()
        self.draining = False

    async def Listen(  # noqa: N802  # the contract's name
        self, request_iterator: AsyncIterator[wire.ListenRequest], context: Any
    ) -> AsyncIterator[wire.ListenResponse]:
        if self._pool is None or not self._pool.alive:
            why = self._missing or "no worker is alive; a new one is being started"
            await context.abort(grpc.StatusCode.UNAVAILABLE, why)
            return
        if self.draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, ENDS)
        today = datetime.now().astimezone().date()
        listening = Listening(
            aiter(request_iterator), self._pool, self._rulebooks, today, self._load
        )
        self._calls.add(listening)
        try:
            async for response in listening.responses():
                yield response
        except Refused as refused:
            _log.warning("stream refused", code=refused.code.name, why=refused.details)
            await context.abort(refused.code, refused.details)
        finally:
            self._calls.discard(listening)
            listening.close()
            if not self._calls:
                self._over.set()

    async def drain(self, limit_s: float) -> None:
        """Takes no more calls; returns when those that run are over, after `limit_s` those left
        having been told to go on elsewhere."""
        self.draining = True
        for patience_s in (limit_s, _LEAVE_S):
            self._over.clear()
            if not self._calls:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self._over.wait()
            for each in self._calls:
                each.leave(ENDS)

    async def Describe(  # noqa: N802  # the contract's name
        self, request: wire.DescribeRequest, context: Any
    ) -> wire.DescribeResponse:
        answer = wire.DescribeResponse(
            missing=self._missing,
            rulebook=identity_message(self._rulebooks.own.identity),
            learnt=self._rulebooks.learnt,
        )
        if self._pool is not None:
            answer.model = self._pool.model.name
            answer.workers, answer.workers_alive = self._pool.size, self._pool.alive
            answer.worker_restarts, answer.calls = self._pool.restarts, len(self._calls)
            answer.lag_s = max(self._pool.lag_s, self._load.lag_s)
            answer.most_calls, answer.refused = self._load.takes, self._load.refused
            answer.degraded.extend(self._load.degraded)
            answer.draining = self.draining
            looks = self._pool.looks
            answer.doubts, answer.second_looks = looks.asked, looks.answered
            answer.second_looks_cpu_s = looks.cpu_s
        return answer

    async def LearnRulebook(  # noqa: N802  # the contract's name
        self, request: wire.LearnRulebookRequest, context: Any
    ) -> wire.LearnRulebookResponse:
        identity = RulebookIdentity(request.rulebook.version, request.rulebook.digest)
        try:
            await self._rulebooks.learn(RulebookText(identity, request.content))
        except ProblemsFound as found:
            _log.error("rulebook refused", digest=identity.digest, problems=len(found.problems))
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(found))
        _log.info("rulebook learnt", version=identity.version, digest=identity.digest)
        return wire.LearnRulebookResponse()


class RecognizerServer:
    """The service on its address; `async with` starts and ends it.

    Raises ProblemsFound for an address, certificates or a second pass that can't be used,
    WorkerFailed when the engine cannot load the model.
    """

    def __init__(
        self, settings: Settings, rulebook: SpeechRulebook, model: Model | None, missing: str
    ) -> None:
        self._settings = settings
        self.pool = (
            Pool(
                model,
                settings.recognizer.workers,
                Decoding.of(settings.recognizer),
                self._told,
                second_pass.named(settings),
            )
            if model
            else None
        )
        self._health = health.aio.HealthServicer()
        recognizer = settings.recognizer
        self.load = Load(
            recognizer.most_lag_s, recognizer.most_calls, recognizer.workers * recognizer.threads
        )
        self._recognition = Recognition(self.pool, rulebook, missing, self.load)
        self._telling: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = transport.server()
        recognition_pb2_grpc.add_RecognitionServicer_to_server(self._recognition, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        self.port = transport.serve_on(
            self._server, self._settings.recognizer.listen, self._settings.tls
        )
        await self._tell_health()
        if self.pool is not None:
            await self.pool.start()
        await self._tell_health()
        await self._server.start()
        self._measuring = asyncio.create_task(self._measure())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end(drain_s=0)

    async def end(self, drain_s: float) -> None:
        """Takes no more calls and says so, gives running ones `drain_s` seconds to end, has those
        that are left go on elsewhere, then ends all."""
        await self._health.enter_graceful_shutdown()
        await self._recognition.drain(drain_s)
        self._measuring.cancel()
        await self._server.stop(0)
        if self.pool is not None:
            await self.pool.close()

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_EVERY_S)
            self.load.sample()

    def _told(self) -> None:
        task = asyncio.create_task(self._tell_health())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_health(self) -> None:
        serving = self.pool is not None and self.pool.alive > 0
        answer = health_pb2.HealthCheckResponse
        for name in ("", SERVICE):
            await self._health.set(name, answer.SERVING if serving else answer.NOT_SERVING)
