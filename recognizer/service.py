"""Owns the gRPC service `Recognition`, with health checking and reflection.

Started by `recognizer run`. It serves with a model and a living worker, and says so in its health;
without a model it still answers, and tells how to get one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Self

import grpc
import grpc.aio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from callwarden import transport
from callwarden.problems import ProblemsFound
from callwarden.settings import Settings, split_address
from callwarden.v1 import recognition_pb2 as wire
from callwarden.v1 import recognition_pb2_grpc
from policy.identity import RulebookIdentity, RulebookText
from policy.on_the_wire import identity_message
from policy.speech.rulebook import SpeechRulebook
from recognizer.listening import Listening, Refused
from recognizer.load import SAMPLE_EVERY_S, Load
from recognizer.metrics import PoolFigures, RecognizerFigures, RecognizerMetrics
from recognizer.pools import PoolPlan, Pools
from recognizer.rulebooks import Rulebooks

ENDS = "this recognizer ends; the call goes on at another one"
UNREAD_S = 10.0
"""How long a message may wait to be read once gRPC's own buffers (4 MB) are full."""
_LEAVE_S = 2.0
"""How long it may take to tell running calls to go on elsewhere."""
SERVICE = wire.DESCRIPTOR.services_by_name["Recognition"].full_name
_log = structlog.get_logger()


class Recognition(recognition_pb2_grpc.RecognitionServicer):
    """`missing` says what to do when there is no model."""

    def __init__(
        self,
        pools: Pools | None,
        rulebook: SpeechRulebook,
        missing: str,
        load: Load,
        identify_s: float,
    ) -> None:
        self._pools, self._rulebooks, self._missing = pools, Rulebooks(rulebook), missing
        self._load, self._identify_s = load, identify_s
        self._calls: set[Listening] = set()
        self._over = asyncio.Event()
        self.draining = False

    async def Listen(  # type: ignore[override]  # noqa: N802  # the contract's name; its stub knows generators alone, which cannot tell that nobody reads
        self, request_iterator: AsyncIterator[wire.ListenRequest], context: Any
    ) -> None:
        if self._pools is None or not self._pools.alive:
            why = self._missing or "no worker is alive; a new one is being started"
            await context.abort(grpc.StatusCode.UNAVAILABLE, why)
            return
        if self.draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, ENDS)
        today = datetime.now().astimezone().date()
        listening = Listening(
            aiter(request_iterator),
            self._pools,
            self._rulebooks,
            today,
            self._load,
            identify_s=self._identify_s,
        )
        self._calls.add(listening)
        try:
            refused = await _answer(listening, context)
        finally:
            self._calls.discard(listening)
            listening.close()
            if not self._calls:
                self._over.set()
        if refused is not None:
            _log.warning("stream refused", code=refused.code.name, why=refused.details)
            await context.abort(refused.code, refused.details)

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
        if self._pools is not None:
            pools = self._pools.by_plan
            answer.model = self._pools.default.model.name
            answer.calls, answer.draining = len(self._calls), self.draining
            answer.lag_s = max(self._load.lag_s, *(each.lag_s for each in pools.values()))
            answer.most_calls, answer.refused = self._load.takes, self._load.refused
            answer.degraded.extend(self._load.degraded)
            for plan, pool in pools.items():
                answer.workers += pool.size
                answer.workers_alive += pool.alive
                answer.worker_restarts += pool.restarts
                answer.doubts += pool.looks.asked
                answer.second_looks += pool.looks.answered
                answer.second_looks_cpu_s += pool.looks.cpu_s
                answer.pools.append(
                    wire.PoolState(
                        model=plan.model.name,
                        dialects=plan.dialects,
                        workers=pool.size,
                        workers_alive=pool.alive,
                        legs=pool.legs,
                        lag_s=pool.lag_s,
                        device=plan.model.device,
                    )
                )
        return answer

    def figures(self) -> RecognizerFigures:
        """As they stand. Called in the thread that is scraped."""
        pools = self._pools.by_plan if self._pools else {}
        return RecognizerFigures(
            pools=tuple(
                PoolFigures(
                    pool=plan.name,
                    model=plan.model.name,
                    device=plan.model.device,
                    workers=pool.size,
                    workers_alive=pool.alive,
                    worker_restarts=pool.restarts,
                    legs=pool.legs,
                    errands=pool.errands.open,
                    lag_s=pool.lag_s,
                    waiting_s=pool.waiting_s,
                    **pool.work._asdict(),
                )
                for plan, pool in pools.items()
            ),
            calls=len(self._calls),
            most_calls=self._load.takes,
            calls_refused=self._load.refused,
            draining=self.draining,
            degraded=self._load.degraded,
            fallbacks=dict(self._pools.fallbacks) if self._pools else {},
        )

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


async def _answer(listening: Listening, context: Any) -> Refused | None:
    """Tells the client what is heard; why the stream cannot go on, if it does not end well."""
    try:
        async for response in listening.responses():
            async with asyncio.timeout(UNREAD_S):
                await context.write(response)
    except TimeoutError:
        return Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "the client does not read")
    except Refused as refused:
        return refused
    return None


def _nothing() -> None:
    """There are no metrics to stop."""


class RecognizerServer:
    """The service on its address; `async with` starts and ends it.

    Raises ProblemsFound for an address or certificates that can't be used, WorkerFailed when the
    engine cannot load a model, OSError when the port of the metrics is taken.
    """

    def __init__(
        self,
        settings: Settings,
        rulebook: SpeechRulebook,
        plans: Sequence[PoolPlan],
        missing: str,
    ) -> None:
        self._settings = settings
        self.pools = Pools(plans, self._told) if plans else None
        self._health = health.aio.HealthServicer()
        self.load = Load(
            settings.recognizer.most_lag_s,
            settings.recognizer.most_calls,
            sum(each.workers * each.decoding.threads for each in plans),
        )
        self._recognition = Recognition(
            self.pools, rulebook, missing, self.load, settings.recognizer.identify_s
        )
        self._telling: set[asyncio.Task[None]] = set()
        self.port = self.metrics_port = 0
        self._stop_metrics = _nothing

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
        if self.pools is not None:
            await self.pools.start()
        await self._tell_health()
        await self._server.start()
        if self._settings.recognizer.metrics:
            self.metrics_port, self._stop_metrics = RecognizerMetrics(
                self._recognition.figures
            ).serve(*split_address(self._settings.recognizer.metrics))
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
        if self.pools is not None:
            await self.pools.close()
        self._stop_metrics()

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_EVERY_S)
            self.load.sample()

    def _told(self) -> None:
        task = asyncio.create_task(self._tell_health())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_health(self) -> None:
        serving = self.pools is not None and self.pools.alive > 0
        answer = health_pb2.HealthCheckResponse
        for name in ("", SERVICE):
            await self._health.set(name, answer.SERVING if serving else answer.NOT_SERVING)
