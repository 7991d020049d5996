"""Owns what `callwarden doctor` looks at: each check asks the part itself and says what to do.

Nothing is changed by looking: the gate is asked a question that it must refuse, ARI is asked to
delete a channel that never was.
"""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import grpc.aio

from callwarden.settings import Settings, split_address
from callwarden.transport import channel_to
from callwarden.v1 import recognition_pb2 as recognition
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from gateway.asterisk.ami import AmiUnavailable, asked
from gateway.asterisk.ari import Ari, AriRefused, AriUnavailable
from policy.ledger import LedgerUnavailable
from policy.ledger.reader import LedgerReader

_PROBE_S: Final = 3.0
_LOW_BYTES: Final = 5 * 10**9
_FULL_BYTES: Final = 2 * 10**8
_HOOK: Final = (
    "app_dial app_exec app_stack app_userevent func_channel func_global func_logic func_rand "
    "func_strings func_cdr res_agi"
)
_FORK: Final = "res_stasis res_stasis_snoop res_ari_channels res_ari_bridges bridge_softmix"
_TRANSPORTS: Final = {
    "websocket": "chan_websocket res_websocket_client res_http_websocket codec_ulaw",
    "rtp": "chan_rtp codec_ulaw",
}


class State(Enum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Line:
    """One check's outcome: what was found or, unless ok, what is wrong and what to do."""

    check: str
    state: State
    zh: str
    en: str


async def examine(settings: Settings) -> list[Line]:
    """Every line, in the order of a call's way."""
    checks: list[Callable[[Settings], Awaitable[list[Line]]]] = [
        _ari,
        _ami,
        _gate,
        _recognizer,
        _ledger,
        _disk,
    ]
    return [
        line
        for lines in await asyncio.gather(*(each(settings) for each in checks))
        for line in lines
    ]


async def _ari(settings: Settings) -> list[Line]:
    async with Ari(settings.asterisk) as ari:
        try:
            about = await ari.get("asterisk/info", only="system")
        except (AriUnavailable, AriRefused) as error:
            return [_failed("ari", str(error))]
        version = f"Asterisk {about['system']['version']}"
        return [
            Line("ari", State.OK, version, version),
            await _rights(ari),
            await _modules(ari, settings),
        ]


async def _rights(ari: Ari) -> Line:
    try:
        await ari.delete(f"channels/{ari.application}.doctor")
    except (AriUnavailable, AriRefused) as error:
        return _failed("ari-rights", str(error))
    return Line("ari-rights", State.OK, "可以读写", "may read and write")


async def _modules(ari: Ari, settings: Settings) -> Line:
    wanted = f"{_HOOK} {_FORK} {_TRANSPORTS[settings.media.transport]}".split()
    loaded = {
        str(each["name"]).removesuffix(".so")
        for each in await ari.get("asterisk/modules")
        if each["status"] == "Running"
    }
    missing = [each for each in wanted if each not in loaded]
    if not missing:
        return Line("modules", State.OK, f"{len(wanted)} 个已加载", f"{len(wanted)} loaded")
    names = " ".join(missing)
    other = (
        ""
        if settings.media.transport == "rtp"
        else "; an Asterisk without them: media.transport: rtp"
    )
    return Line(
        "modules",
        State.FAILED,
        f"未加载：{names}。请在 modules.conf 中加载后重启 Asterisk；"
        "没有这些模块的版本请设 media.transport: rtp",
        f"not loaded: {names}. Load them in modules.conf and restart Asterisk{other}",
    )


async def _ami(settings: Settings) -> list[Line]:
    try:
        gate, everything, variables = await asked(
            settings.asterisk,
            lambda session: (
                session.command("dialplan show callwarden-gate"),
                session.command("dialplan show"),
                session.command("dialplan show globals"),
            ),
        )
    except AmiUnavailable as error:
        return [_failed("ami", str(error))]
    allowed = Line("ami", State.OK, "可以登录并执行命令", "may log in and ask")
    return [allowed, _hook(settings, gate, everything, variables)]


def _hook(settings: Settings, gate: str, everything: str, variables: str) -> Line:
    if "CALLWARDEN_NONCE" not in gate:
        return Line(
            "hook",
            State.FAILED,
            "拨号方案中没有 callwarden-gate：在 extensions.conf 中 #include callwarden.conf，"
            "再执行 `dialplan reload`",
            "no callwarden-gate in the dialplan: #include callwarden.conf in extensions.conf, then "
            "`dialplan reload`",
        )
    if not re.search(r"GoSub\(callwarden-gate", everything, re.I):
        return Line(
            "hook",
            State.FAILED,
            "没有任何呼叫经过闸门：在每个 Dial 之前加 GoSub(callwarden-gate,s,1(${EXTEN}))",
            "no call passes the gate: put GoSub(callwarden-gate,s,1(${EXTEN})) before every Dial",
        )
    told = re.search(r"CALLWARDEN_GATE=(\S+)", variables)
    asks = told.group(1) if told else "127.0.0.1:4573"
    if split_address(asks)[1] != split_address(settings.gate.listen)[1]:
        return Line(
            "hook",
            State.FAILED,
            f"拨号方案询问 {asks}，闸门却在 {settings.gate.listen}："
            "请统一全局变量 CALLWARDEN_GATE 与 gate.listen",
            f"the dialplan asks {asks}, the gate listens on {settings.gate.listen}: make the "
            "global CALLWARDEN_GATE and gate.listen one",
        )
    return Line("hook", State.OK, "已接入拨号方案", "in the dialplan")


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


async def _recognizer(settings: Settings) -> list[Line]:
    address = settings.recognizer.address
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
        return [_failed("recognizer", state.missing or "no model: `callwarden models pull`")]
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
        return [_failed("ledger", str(error))]
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


def _failed(check: str, text: str) -> Line:
    return Line(check, State.FAILED, text, text)
