"""The gate over HTTP: a form that is a question gets its line, every other one none or DENY."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from callwarden import settings
from callwarden.problems import ProblemsFound
from deploy.lab.numbers import open_now, shut_now
from gateway.bench.agi_caller import AllowAtOnce
from gateway.gate import http
from gateway.gate.answer import Answer, BadRequest
from gateway.gate.http import HttpGateServer
from gateway.gate.sessions import Gate
from policy.dialling.request import DialRequest
from tests.gate.at_the_gate import gate
from tests.gate.conftest import HOST
from tests.gate.gateway_process import GatewayProcess
from tests.gate.waiting import until

GOOD = {
    "nonce": "1767225600.12-4711",
    "number": "+8613800138000",
    "scene": "marketing.loan",
    "agent": "1001",
    "customer": "c-77",
    "linkedid": "1767225600.10",
    "debt": "D-7/1",
    "product": "欢享贷",
    "campaign": "spring",
    "agency": "a@b.c",
    "party": "debtor",
    "caller_id": "95188",
}
TOKEN = "sixteen-letters-and-more"  # noqa: S105 - of these tests alone


class Remembers(AllowAtOnce):
    def __init__(self) -> None:
        self.asked: list[DialRequest] = []

    async def decide(self, request: DialRequest) -> Answer:
        self.asked.append(request)
        return await super().decide(request)


@asynccontextmanager
async def serving(gate: Gate | None = None, token: str = "") -> AsyncIterator[HttpGateServer]:
    server = HttpGateServer(gate or AllowAtOnce(), "CN")
    server.token = token.encode()
    await server.start(HOST, 0)
    try:
        yield server
    finally:
        await server.close()


def url(server: HttpGateServer, path: str = "/gate") -> str:
    return f"http://{HOST}:{server.port}{path}"


async def test_get_and_post_ask_the_same_and_get_one_line() -> None:
    remembers = Remembers()
    async with serving(remembers) as server, httpx.AsyncClient(trust_env=False) as client:
        got = await client.get(url(server), params=GOOD)
        posted = await client.post(url(server), data=GOOD)
        await until(lambda: server.open_sessions == 0)
    for said in (got, posted):
        assert (said.status_code, said.text) == (200, "ALLOW:1767225600.12-4711||0")
        assert said.headers["content-type"] == "text/plain; charset=us-ascii"
        assert said.headers["connection"] == "close"
    assert remembers.asked == [DialRequest(**GOOD, region="CN")] * 2  # type: ignore[arg-type]  # party is one of its words


async def test_it_is_the_same_gate(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts, serving(parts.keeper) as server:
        async with httpx.AsyncClient(trust_env=False) as client:
            for nonce, number in (("n-1", open_now(1)), ("n-2", shut_now(1))):
                said = await client.post(
                    url(server), data={"nonce": nonce, "number": number, "scene": "marketing.loan"}
                )
                heard = await parts.ask(number, nonce=nonce + "-agi")
                verdict, rule, cause = said.text.split("|")
                assert (verdict + "-agi", rule) == (heard.verdict, heard.rule)
                assert cause == heard.variables["CALLWARDEN_CAUSE"]
        assert parts.counted("ALLOW", "") == 2


BAD_FORMS: Mapping[str, Mapping[str, str]] = {
    "no nonce": {**GOOD, "nonce": ""},
    "quote in the nonce": {**GOOD, "nonce": 'n"'},
    "bar in the nonce": {**GOOD, "nonce": "n|ALLOW:n"},
    "newline in the nonce": {**GOOD, "nonce": "n\nALLOW:n"},
    "long nonce": {**GOOD, "nonce": "n" * 129},
    "no number": {"nonce": "n-1"},
    "words for a number": {**GOOD, "number": "anonymous"},
    "an unknown name": {**GOOD, "debtor": "x"},
    "unknown party": {**GOOD, "party": "friend"},
    "control character": {**GOOD, "agent": "a\x00"},
    "many names": {**GOOD, **{f"x{each}": "" for each in range(40)}},
}


@pytest.mark.parametrize("form", BAD_FORMS.values(), ids=BAD_FORMS)
async def test_what_is_no_question_is_refused(form: Mapping[str, str]) -> None:
    async with serving() as server, httpx.AsyncClient(trust_env=False) as client:
        for said in (
            await client.get(url(server), params=dict(form)),
            await client.post(url(server), data=dict(form)),
        ):
            assert said.status_code == 200
            verdict, rule, cause = said.text.split("|")
            assert verdict in {"DENY:", f"DENY:{GOOD['nonce']}", "DENY:n-1"}
            assert (rule, cause) == ("gate.bad-request", "21")


HEAD = b"Host: x\r\n"
GARBAGE = {
    "nothing but a line": b"\r\n\r\n\r\n",
    "FastAGI": b"agi_network: yes\nagi_network_script: gate\n\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no host": b"GET /gate?nonce=n&number=138 HTTP/1.1\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "space in a header's name": b"GET /gate HTTP/1.1\r\nHost : x\r\n\r\n",
    "two lengths": b"POST /gate HTTP/1.1\r\n" + HEAD
    + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "no length": b"POST /gate HTTP/1.1\r\n" + HEAD + b"Content-Length: x\r\n\r\nabcd",
    "endless head": b"GET /gate HTTP/1.1\r\n" + HEAD + b"X: " + b"x" * 9000,
    "endless body": b"POST /gate HTTP/1.1\r\n" + HEAD + b"Content-Length: 99999\r\n\r\n"
    + b"a" * 20000,
    "endless chunks": b"POST /gate HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"2000\r\n" + b"a" * 8192 + b"\r\n" + b"2000\r\n" + b"a" * 8192 + b"\r\n",
    "a bad chunk": b"POST /gate HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nz\r\n",
    "two requests": b"GET /gate?nonce=n&number=138 HTTP/1.1\r\nHost: x\r\n\r\n" * 2,
}  # fmt: skip


@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_request_closes_the_socket(sent: bytes) -> None:
    async with serving() as server:
        said = await _said(server, sent)
        assert b"ALLOW" not in said
        await until(lambda: server.open_sessions == 0)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/gate/", 404), ("GET", "/Gate", 404), ("PUT", "/gate", 405),
     ("DELETE", "/gate", 405), ("HEAD", "/gates", 404)],
)  # fmt: skip
async def test_another_path_or_method_is_refused(method: str, path: str, status: int) -> None:
    async with serving() as server, httpx.AsyncClient(trust_env=False) as client:
        said = await client.request(method, url(server, path), params=GOOD)
        assert said.status_code == status
        assert "ALLOW" not in said.text


async def test_forms_that_are_none_are_refused() -> None:
    query = "nonce=n&number=13800138000"
    async with serving() as server, httpx.AsyncClient(trust_env=False) as client:
        for path in ("/gate", f"/gate?{query}&nonce=n", f"/gate?{query}&agent", "/gate?%ff=1",
                     f"/gate?{query}&agent=%ff"):  # fmt: skip
            said = await client.get(url(server, path))
            assert said.status_code == 200
            assert said.text.startswith("DENY:")
        both = await client.post(url(server, f"/gate?{query}"), data=GOOD)
        assert both.text == "DENY:|gate.bad-request|21"
        assert (await client.get(url(server, f"/gate?{query}&token="))).text == "ALLOW:n||0"


async def test_with_a_token_nobody_asks_without_it() -> None:
    async with serving(token=TOKEN) as server, httpx.AsyncClient(trust_env=False) as client:
        for given in (
            None,
            "",
            TOKEN,
            f"Basic {TOKEN}",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN[:-1]}",
        ):
            headers = {} if given is None else {"Authorization": given}
            said = await client.get(url(server), params=GOOD, headers=headers)
            assert (said.status_code, said.text) == (401, "DENY:|gate.bad-request|21")
        for token in ("", TOKEN + "x", "令牌"):
            said = await client.post(url(server), data={**GOOD, "token": token})
            assert (said.status_code, said.text) == (401, "DENY:|gate.bad-request|21")
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert (await client.get(url(server), params=GOOD, headers=right)).status_code == 200
        said = await client.post(url(server), data={**GOOD, "token": TOKEN})
        assert said.text.startswith("ALLOW:")


async def test_a_web_page_cannot_reserve_calls() -> None:
    async with serving() as server, httpx.AsyncClient(trust_env=False) as client:
        for header in ({"Origin": "https://example.org"}, {"Sec-Fetch-Site": "cross-site"}):
            said = await client.post(url(server), data=GOOD, headers=header)
            assert (said.status_code, said.text) == (403, "DENY:|gate.bad-request|21")


async def test_a_client_that_waits_to_be_told_to_go_on_is_told() -> None:
    form = b"nonce=n&number=13800138000"
    async with serving() as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(b"POST /gate HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(form))
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        writer.write(form)
        assert (await reader.read()).endswith(b"ALLOW:n||0")
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /gate HTTP/1.1\r\n", b"POST /gate HTTP/1.1\r\n" + HEAD
                                  + b"Content-Length: 9\r\n\r\nnonce"])  # fmt: skip
async def test_whoever_stops_talking_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(http, "QUESTION_S", 0.1)
    began = time.monotonic()
    async with serving() as server:
        assert await _said(server, sent) == b""
        assert time.monotonic() - began < 1
        await until(lambda: server.open_sessions == 0)


async def test_a_gate_that_breaks_its_word_allows_nothing() -> None:
    class Broken:
        async def decide(self, request: DialRequest) -> Answer:
            if request.agent == "another":
                return Answer(True, "another-nonce", "", 0)
            if request.agent == "injects":
                return Answer(True, request.nonce, "x|0\nALLOW", 0)
            raise RuntimeError

        def bad_request(self, wrong: BadRequest) -> Answer:
            raise RuntimeError

    async with serving(Broken()) as server:
        for agent in ("another", "injects", "raises", "%22"):
            question = f"GET /gate?nonce=n&number=138&agent={agent} HTTP/1.1\r\nHost: x\r\n\r\n"
            assert await _said(server, question.encode()) == b""


def test_it_is_off_unless_asked_for_and_asks_for_a_token_off_loopback(tmp_path: Path) -> None:
    file = tmp_path / "callwarden.yaml"
    file.write_text("gate:\n  http: 192.0.2.7:4577\n")
    with pytest.raises(ProblemsFound, match="set http_token"):
        settings.load(file)
    file.write_text(f"gate:\n  http: 192.0.2.7:4577\n  http_token: {TOKEN}\n")
    assert settings.load(file).gate.http == "192.0.2.7:4577"
    assert settings.Settings().gate.http is None


def test_a_gateway_serves_it(tmp_path: Path) -> None:
    sections = {"gate": {"listen": f"{HOST}:0", "http": f"{HOST}:0"}}
    with GatewayProcess(tmp_path, **sections).start() as gateway:
        host, port = gateway.ready()["http"]
        form = {"nonce": "n-1", "number": open_now(1), "scene": "marketing.loan"}
        said = httpx.post(f"http://{host}:{port}/gate", data=form, trust_env=False)
        assert said.text == "ALLOW:n-1||0"
        gateway.process.terminate()
        assert gateway.wait() == 0
        assert gateway.errors == []


async def _said(server: HttpGateServer, sent: bytes) -> bytes:
    """All that is said to `sent`, until the server closes."""
    reader, writer = await asyncio.open_connection(HOST, server.port)
    try:
        async with asyncio.timeout(5):
            writer.write(sent)
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
