"""Owns what `callwarden doctor` asks of Asterisk: over ARI, and over AMI.

Called by `examination`. Nothing is changed by looking: ARI is asked to delete a channel that never
was.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

from callwarden.settings import Settings, split_address
from gateway.asterisk.ami import AmiUnavailable, asked
from gateway.asterisk.ari import Ari, AriRefused, AriUnavailable
from gateway.examined import Line, State, failed

_HOOK: Final = (
    "app_dial app_exec app_stack app_userevent func_channel func_global func_logic func_rand "
    "func_strings func_cdr func_dialplan res_agi"
)
_HTTP: Final = "res_curl func_curl func_cut func_uri"
_NO_OVERLOAD: Final = ("pjsip_only", "none")
_FORK: Final = "res_stasis res_stasis_snoop res_ari_channels res_ari_bridges bridge_softmix"
_TRANSPORTS: Final = {
    "websocket": "chan_websocket res_websocket_client res_http_websocket codec_ulaw",
    "rtp": "chan_rtp codec_ulaw",
}


async def over_ari(settings: Settings) -> list[Line]:
    """ARI, its rights, modules, the endpoints named as trunks, the WebSocket client."""
    async with Ari(settings.asterisk) as ari:
        try:
            about = await ari.get("asterisk/info", only="system")
        except (AriUnavailable, AriRefused) as error:
            return [failed("ari", str(error))]
        version = f"Asterisk {about['system']['version']}"
        return [
            Line("ari", State.OK, version, version),
            await _rights(ari),
            await _modules(ari, settings),
            await _trunks(ari, settings.asterisk.trunks),
            *await _websocket_client(ari, settings),
        ]


async def _rights(ari: Ari) -> Line:
    try:
        await ari.delete(f"channels/{ari.application}.doctor")
    except (AriUnavailable, AriRefused) as error:
        return failed("ari-rights", str(error))
    return Line("ari-rights", State.OK, "可以读写", "may read and write")


async def _modules(ari: Ari, settings: Settings) -> Line:
    http = _HTTP if settings.gate.http else ""
    wanted = f"{_HOOK} {http} {_FORK} {_TRANSPORTS[settings.media.transport]}".split()
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


async def over_ami(settings: Settings) -> list[Line]:
    """AMI, the dialplan, and what keeps a rush of events from keeping calls waiting."""
    try:
        gate, everything, variables, pjsip = await asked(
            settings.asterisk,
            lambda session: (
                session.command("dialplan show callwarden-gate"),
                session.command("dialplan show"),
                session.command("dialplan show globals"),
                session.command("pjsip show settings"),
            ),
        )
    except AmiUnavailable as error:
        return [failed("ami", str(error))]
    allowed = Line("ami", State.OK, "可以登录并执行命令", "may log in and ask")
    return [allowed, _hook(settings, gate, everything, variables), *_overload(pjsip)]


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
    if url := re.search(r"CALLWARDEN_GATE_URL=(\S+)", variables):
        return _asks_over_http(settings, url.group(1))
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


def _asks_over_http(settings: Settings, url: str) -> Line:
    """The dialplan asks by CURL(): does the gate listen there?"""
    asks = urlsplit(url)
    listens = settings.gate.http
    if listens and asks.port == split_address(listens)[1] and asks.path == "/gate":
        return Line("hook", State.OK, "已接入拨号方案（HTTP）", "in the dialplan (HTTP)")
    return Line(
        "hook",
        State.FAILED,
        f"拨号方案询问 {url}，闸门的 HTTP 却在 {listens or '（未开启）'}：请统一全局变量 "
        "CALLWARDEN_GATE_URL（http://HOST:PORT/gate）与 gate.http",
        f"the dialplan asks {url}, the gate's HTTP listens on {listens or '(off)'}: make the "
        "global CALLWARDEN_GATE_URL (http://HOST:PORT/gate) and gate.http one",
    )


async def _trunks(ari: Ari, trunks: Sequence[str]) -> Line:
    """Are the endpoints towards customers named, and known to Asterisk?"""
    if not trunks:
        return Line(
            "trunks",
            State.WARNING,
            "没有指定中继，绕过闸门的呼叫不会被发现：请设 asterisk.trunks，如 [PJSIP/trunk]",
            "none named, so calls that go round the gate are not found: set asterisk.trunks, such "
            "as [PJSIP/trunk]",
        )
    known = [f"{each['technology']}/{each['resource']}" for each in await ari.get("endpoints")]
    lost = [each for each in trunks if not any(fnmatchcase(name, each) for name in known)]
    if not lost:
        return Line("trunks", State.OK, " ".join(trunks), " ".join(trunks))
    names = " ".join(lost)
    return Line(
        "trunks",
        State.WARNING,
        f"Asterisk 中没有这样的端点：{names}。请核对 asterisk.trunks 与 pjsip.conf",
        f"no such endpoint in Asterisk: {names}. Compare asterisk.trunks with pjsip.conf",
    )


async def _websocket_client(ari: Ari, settings: Settings) -> list[Line]:
    """By which Asterisk brings the audio: is it there, and does it lead to us?"""
    if settings.media.transport != "websocket":
        return []
    section, listens = settings.media.websocket_client, settings.media.listen
    path = f"asterisk/config/dynamic/res_websocket_client/websocket_client/{section}"
    try:
        found = {each["attribute"]: each["value"] for each in await ari.get(path)}
    except AriRefused:
        text = (
            f"websocket_client.conf 中没有 [{section}]，通话不会被监听："
            "参见 deploy/asterisk/README.md",
            f"no [{section}] in websocket_client.conf, calls are not heard: see "
            "deploy/asterisk/README.md",
        )
        return [Line("websocket-client", State.FAILED, *text)]
    uri = found.get("uri", "")
    if urlsplit(uri).port == split_address(listens)[1]:
        return [Line("websocket-client", State.OK, uri, uri)]
    text = (
        f"[{section}] 的 uri 是 {uri}，音频却在 {listens} 接收：请统一 uri 与 media.listen",
        f"[{section}] leads to {uri}, audio is taken at {listens}: make its uri and "
        "media.listen one",
    )
    return [Line("websocket-client", State.FAILED, *text)]


def _overload(pjsip: str) -> list[Line]:
    """With the default, a rush of ARI events makes PJSIP refuse calls. Nothing where PJSIP is not
    used, or older than the setting."""
    found = re.search(r"taskprocessor_overload_trigger\s*: (\S+)", pjsip)
    if not found:
        return []
    if found.group(1) in _NO_OVERLOAD:
        return [Line("overload", State.OK, found.group(1), found.group(1))]
    return [
        Line(
            "overload",
            State.WARNING,
            "事件激增时 PJSIP 会拒绝来电：在 pjsip.conf 的 [global] 中设 "
            "taskprocessor_overload_trigger = pjsip_only",
            "a rush of events makes PJSIP turn calls away: set taskprocessor_overload_trigger = "
            "pjsip_only in [global] of pjsip.conf",
        )
    ]
