"""Owns what `callwarden doctor` looks at: each check asks the part itself and says what to do.

Asterisk's part stands in `examined_asterisk`. Nothing is changed by looking: the gate is asked a
question that it must refuse.
"""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import grpc.aio
import httpx

from callwarden.settings import Settings, split_address
from callwarden.transport import channel_to
from callwarden.v1 import recognition_pb2 as recognition
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from gateway import examined_asterisk
from gateway.examined import Line, State, failed
from policy.ledger import LedgerUnavailable
from policy.ledger.reader import LedgerReader

_PROBE_S: Final = 3.0
_LOW_BYTES: Final = 5 * 10**9
_FULL_BYTES: Final = 2 * 10**8


async def examine(settings: Settings) -> list[Line]:
    """Every line, in the order of a call's way."""
    checks: list[Callable[[Settings], Awaitable[list[Line]]]] = [
        examined_asterisk.over_ari,
        examined_asterisk.over_ami,
        _gate,
        _gate_over_http,
        _recognizers,
        _ledger,
        _disk,
    ]
    return [
        line
        for lines in await asyncio.gather(*(each(settings) for each in checks))
        for line in lines
    ]


async def _gate(settings: Settings) -> list[Line]:
    """A question without arguments must be denied."""
    try:
        async with asyncio.timeout(_PROBE_S):
            verdict = await _verdict(settings.gate.listen)
    except (OSError, TimeoutError, EOFError):
        verdict = ""
    if verdict.startswith("DENY:"):
        return [
            Line(
                "gate", State.OK, "应答，并拒绝无效请求", "answers, and refuses what is no question"
            )
        ]
    return [
        Line(
            "gate",
            State.FAILED,
            f"{settings.gate.listen} 没有正常应答，所有呼叫都会被拒绝："
            "启动 `callwarden gateway run` 并查看日志",
            f"no answer at {settings.gate.listen}, every call is refused: start "
            "`callwarden gateway run` and see its log",
        )
    ]


async def _verdict(address: str) -> str:
    """Raises OSError, EOFError."""
    reader, writer = await asyncio.open_connection(*split_address(address))
    try:
        writer.write(b"agi_network: yes\nagi_request: agi://localhost/gate\n\n")
        while line := (await reader.readline()).decode(errors="replace"):
            if found := re.match(r'SET VARIABLE CALLWARDEN_VERDICT "?([A-Z]+:)', line):
                return found.group(1)
            writer.write(b"200 result=1\n")
        raise EOFError
    finally:
        writer.close()


async def _gate_over_http(settings: Settings) -> list[Line]:
    """Where it is on: a question without a number must be denied."""
    if not settings.gate.http:
        return []
    question = {"nonce": "doctor-1", "token": settings.gate.http_token}
    try:
        async with httpx.AsyncClient(timeout=_PROBE_S, trust_env=False) as client:
            answer = await client.post(f"http://{settings.gate.http}/gate", data=question)
    except httpx.HTTPError:
        answer = httpx.Response(httpx.codes.SERVICE_UNAVAILABLE)
    if answer.text.startswith("DENY:doctor-1|"):
        text = "应答，并拒绝无效请求", "answers, and refuses what is no question"
        return [Line("gate-http", State.OK, *text)]
    return [
        Line(
            "gate-http",
            State.FAILED,
            f"{settings.gate.http} 没有正常应答（{answer.status_code}），经 CURL() 询问的呼叫都会被"
            "拒绝：启动 `callwarden gateway run` 并查看日志",
            f"no answer at {settings.gate.http} ({answer.status_code}), every call that asks by "
            "CURL() is refused: start `callwarden gateway run` and see its log",
        )
    ]


async def _recognizers(settings: Settings) -> list[Line]:
    asked = [_recognizer(each, settings) for each in settings.recognizer.addresses]
    return [line for lines in await asyncio.gather(*asked) for line in lines]


async def _recognizer(address: str, settings: Settings) -> list[Line]:
    async with channel_to(address, settings.tls) as channel:
        try:
            state = await RecognitionStub(channel).Describe(
                recognition.DescribeRequest(), timeout=_PROBE_S
            )
        except grpc.aio.AioRpcError:
            return [
                Line(
                    "recognizer",
                    State.FAILED,
                    f"{address} 没有应答，通话不会被分析：启动 `callwarden recognizer run`",
                    f"no answer at {address}, calls are not analysed: start "
                    "`callwarden recognizer run`",
                )
            ]
    if not state.model:
        return [failed("recognizer", state.missing or "no model: `callwarden models pull`")]
    if state.workers_alive < state.workers:
        text = f"{state.workers_alive}/{state.workers}"
        return [Line("recognizer", State.WARNING, f"工作进程 {text}", f"workers alive: {text}")]
    return [Line("recognizer", State.OK, state.model, state.model)]


async def _ledger(settings: Settings) -> list[Line]:
    if not settings.ledger_file.exists():
        return [
            Line(
                "ledger",
                State.WARNING,
                f"{settings.ledger_file} 尚不存在：网关首次启动时建立",
                f"{settings.ledger_file} is not there yet: the gateway makes it at its first start",
            )
        ]

    def opened() -> None:
        LedgerReader.open(settings.ledger_file, settings.ledger_key_file).close()

    try:
        await asyncio.to_thread(opened)
    except LedgerUnavailable as error:
        return [failed("ledger", str(error))]
    return [Line("ledger", State.OK, str(settings.ledger_file), str(settings.ledger_file))]


async def _disk(settings: Settings) -> list[Line]:
    folder: Path = await asyncio.to_thread(_existing, settings.state)
    free = shutil.disk_usage(folder).free
    told = f"{free / 1e9:.1f} GB"
    if free < _FULL_BYTES:
        return [
            Line(
                "disk",
                State.FAILED,
                f"{folder} 只剩 {told}：写满后所有呼叫都会被拒绝，请清理",
                f"{told} left at {folder}: when it is full every call is refused; free some",
            )
        ]
    if free < _LOW_BYTES:
        return [Line("disk", State.WARNING, f"{folder} 剩 {told}", f"{told} left at {folder}")]
    return [Line("disk", State.OK, f"剩 {told}", f"{told} left")]


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)
