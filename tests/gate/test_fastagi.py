"""FastAGI: a session that keeps to the protocol gets its verdict, every other gets none or DENY."""

import asyncio
import time

import pytest

from gateway.bench.agi_caller import AllowAtOnce, ask, session
from gateway.gate import fastagi
from gateway.gate.answer import Answer, BadRequest
from gateway.gate.fastagi import FastAgiServer
from policy.dialling.request import DialRequest
from tests.gate.conftest import HOST
from tests.gate.waiting import until

GOOD = ("1767225600.12-4711", "13800138000", "marketing.loan", "1001", "c-77", "1767225600.10")


async def test_a_good_question_gets_its_verdict_and_an_end(server: FastAgiServer) -> None:
    heard = await ask(HOST, server.port, session(*GOOD))
    assert heard.closed
    assert heard.variables == {
        "CALLWARDEN_REASON": "",
        "CALLWARDEN_CAUSE": "0",
        "CALLWARDEN_VERDICT": "ALLOW:1767225600.12-4711",
    }
    await until(lambda: server.open_sessions == 0)


async def test_arguments_reach_the_gate_as_they_were_meant() -> None:
    asked: list[DialRequest] = []

    class Remembers:
        async def decide(self, request: DialRequest) -> Answer:
            asked.append(request)
            return Answer(False, request.nonce, "house.window", 21)

        def bad_request(self, wrong: BadRequest) -> Answer:
            raise AssertionError(wrong)

    server = FastAgiServer(Remembers(), "FR")
    await server.start(HOST, 0)
    heard = await ask(HOST, server.port, session("n-1", "+33 6 12-34", "", "李四", "", ""))
    await server.close()
    assert asked == [DialRequest("n-1", "+33 6 12-34", "*", "李四", "", "", "FR")]
    assert heard.variables["CALLWARDEN_CAUSE"] == "21"
    assert (heard.verdict, heard.rule) == ("DENY:n-1", "house.window")


NAMED = (
    "caller_id=95188", "debt=D-7/1", "product=欢享贷", "campaign=spring", "agency=a@b.c",
    "party=third-party",
)  # fmt: skip


async def test_arguments_by_name_come_in_any_order() -> None:
    asked: list[DialRequest] = []

    class Remembers(AllowAtOnce):
        async def decide(self, request: DialRequest) -> Answer:
            asked.append(request)
            return await super().decide(request)

    server = FastAgiServer(Remembers(), "CN")
    await server.start(HOST, 0)
    for named in (NAMED, NAMED[::-1], ("debt=", "party=")):
        assert (await ask(HOST, server.port, session(*GOOD, *named))).allowed
    await server.close()
    assert asked[0] == asked[1]
    assert asked[0] == DialRequest(
        *GOOD,
        "CN",
        debt="D-7/1",
        product="欢享贷",
        campaign="spring",
        agency="a@b.c",
        party="third-party",
        caller_id="95188",
    )
    assert asked[2] == DialRequest(*GOOD)


def replaced(place: int, value: str) -> bytes:
    return session(*(value if place == each else GOOD[each] for each in range(6)))


BAD = {
    "unknown path": session(*GOOD, script="gates"),
    "no arguments": session(),
    "five arguments": session(*GOOD[:5]),
    "a seventh argument without a name": session(*GOOD, "x"),
    "an unknown name": session(*GOOD, "debtor=1"),
    "a name twice": session(*GOOD, "debt=1", "debt=1"),
    "a name that has its place": session(*GOOD, "number=13900139000"),
    "an unknown party": session(*GOOD, "party=friend"),
    "a party in capitals": session(*GOOD, "party=Debtor"),
    "quote in the debt": session(*GOOD, 'debt=a"b'),
    "long product": session(*GOOD, "product=" + "p" * 65),
    "newline in the caller id": session(*GOOD, "caller_id=1\nagi_arg_2: 13900139000"),
    "a named argument that is not UTF-8": session(*GOOD, "debt=x").replace(b"t=x", b"t=\xff"),
    "a name with an accent": session(*GOOD, "débt=1"),
    "empty nonce": replaced(0, ""),
    "long nonce": replaced(0, "n" * 129),
    "quote in the nonce": replaced(0, 'n" ALLOW:n'),
    "newline in the nonce": replaced(0, "n\nagi_arg_2: 1"),
    "blank line in the nonce": replaced(0, "n\n\n200 result=1"),
    "null in the nonce": replaced(0, "n\0"),
    "no number": replaced(1, ""),
    "words for a number": replaced(1, "anonymous"),
    "symbols for a number": replaced(1, "***"),
    "long number": replaced(1, "1" * 41),
    "Arabic digits": replaced(1, "١٣٨٠٠١٣٨٠٠٠"),
    "SIP header in the number": replaced(1, "138\r\nX: y"),
    "quote in the scene": replaced(2, 'a"b'),
    "long scene": replaced(2, "s" * 65),
    "quote in the agent": replaced(3, '"'),
    "escape in the agent": replaced(3, "\\n"),
    "long customer": replaced(4, "c" * 129),
    "second number by a newline": replaced(4, "c\nagi_arg_2: 13900139000"),
    "early end by blank line": replaced(4, "c\n\n"),
    "comma-made argument": replaced(5, "l,x"),
    "not UTF-8": session(*GOOD).replace(b"c-77", b"c-\xff\xfe"),
    "endless line": session(*GOOD).replace(b"c-77", b"c" * 2000),
    "too many lines": b"".join(b"agi_x%d: y\n" % each for each in range(70)) + session(*GOOD),
    "HTTP": b"GET /gate HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n",
    "an answer in advance": session(*GOOD) + b"200 result=1\n" * 3,
    "hung up": session(*GOOD)[:-1] + b"HANGUP\n",
    "hung up after asking": session(*GOOD) + b"HANGUP\n",
}


@pytest.mark.parametrize("question", BAD.values(), ids=BAD)
async def test_what_is_no_question_is_never_allowed(server: FastAgiServer, question: bytes) -> None:
    heard = await ask(HOST, server.port, question)
    assert heard.closed
    assert not heard.allowed
    await until(lambda: server.open_sessions == 0)


async def test_a_bad_nonce_is_not_repeated(server: FastAgiServer) -> None:
    heard = await ask(HOST, server.port, BAD["quote in the nonce"])
    assert (heard.verdict, heard.rule) == ("DENY:", "gate.bad-request")


async def test_a_bad_argument_is_refused_by_its_own_nonce(server: FastAgiServer) -> None:
    heard = await ask(HOST, server.port, BAD["words for a number"])
    assert (heard.verdict, heard.rule) == (f"DENY:{GOOD[0]}", "gate.bad-request")


async def test_caller_id_in_another_charset_does_no_harm(server: FastAgiServer) -> None:
    question = session(*GOOD).replace(b"calleridname: unknown", "calleridname: 张三".encode("gbk"))
    assert (await ask(HOST, server.port, question)).allowed


async def test_a_question_in_single_bytes_is_a_question(server: FastAgiServer) -> None:
    reader, writer = await asyncio.open_connection(HOST, server.port)
    for each in session(*GOOD):
        writer.write(bytes([each]))
        await writer.drain()
    assert await reader.readline() == b'SET VARIABLE CALLWARDEN_REASON ""\n'
    writer.close()


@pytest.mark.parametrize(
    "said",
    [b"", b"agi_network: yes\n", session(*GOOD)[:-1]],
    ids=["silent", "after a line", "before the end"],
)
async def test_whoever_stops_talking_is_hung_up_on(
    server: FastAgiServer, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(fastagi, "QUESTION_S", 0.1)
    began = time.monotonic()
    heard = await ask(HOST, server.port, said)
    assert heard.closed
    assert not heard.allowed
    assert time.monotonic() - began < 1


async def test_whoever_does_not_reply_is_hung_up_on(
    server: FastAgiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastagi, "REPLY_S", 0.1)
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(session(*GOOD))
    async with asyncio.timeout(1):
        said = await reader.read()
    assert b"ALLOW" not in said
    writer.close()


@pytest.mark.parametrize("reply", [b"510 Invalid or unknown command\n", b"HANGUP\n", b"200\n"])
async def test_a_reply_that_is_none_ends_the_session(server: FastAgiServer, reply: bytes) -> None:
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(session(*GOOD))
    await reader.readline()
    writer.write(reply)
    async with asyncio.timeout(1):
        assert b"ALLOW" not in await rest(reader)
    writer.close()


async def rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_a_gate_that_breaks_its_word_allows_nothing() -> None:
    class Broken:
        async def decide(self, request: DialRequest) -> Answer:
            if request.agent == "another":
                return Answer(True, "another-nonce", "", 0)
            if request.agent == "injects":
                return Answer(True, request.nonce, 'x"\nSET VARIABLE CALLWARDEN_VERDICT "ALLOW', 0)
            raise RuntimeError

        def bad_request(self, wrong: BadRequest) -> Answer:
            raise RuntimeError

    server = FastAgiServer(Broken(), "CN")
    await server.start(HOST, 0)
    for agent in ("another", "injects", "raises", '"'):
        heard = await ask(HOST, server.port, session("n", "138", "", agent, "", ""))
        assert heard.closed
        assert heard.variables == {}
    await server.close()
    assert server.open_sessions == 0
