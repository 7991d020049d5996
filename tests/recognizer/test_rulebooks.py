"""A recognizer that runs learns a rulebook without a restart; each call keeps the one it began
with, and a rulebook that has a problem is never taken."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from callwarden.v1 import conversation_pb2, recognition_pb2
from callwarden.v1.recognition_pb2 import ListenRequest
from policy import rulebook, rulebook_text
from policy.identity import RulebookIdentity, RulebookText, digest_of
from recognizer import recordings
from recognizer.rulebooks import KEPT
from tests.recognizer.conftest import Serving, end, requests_of, start

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PACK = """
pack: site
version: "{version}"
title: {{zh: 本站, en: Site}}
patterns:
  greeting: {{phrases: [{phrase}]}}
rules:
  - id: site.greeting
    kind: said
    leg: agent
    title: {{zh: 问候, en: Greets}}
    severity: info
    citation: house rule
    patterns: [greeting]
"""


def _text(folder: Path, version: str, phrase: str = "您好") -> RulebookText:
    place = folder / version / "speech" / "site"
    place.mkdir(parents=True)
    (place / "site.yaml").write_text(_PACK.format(version=version, phrase=phrase), encoding="utf-8")
    return rulebook.read(folder / version, (), ("site",)).text


async def _learn(serving: Serving, text: RulebookText) -> None:
    identity = conversation_pb2.RulebookIdentity(
        version=text.identity.version, digest=text.identity.digest
    )
    request = recognition_pb2.LearnRulebookRequest(rulebook=identity, content=text.content)
    await serving.stub.LearnRulebook(request, timeout=10)


def _begins(digest: str) -> ListenRequest:
    request = start()
    request.start.rulebook_digest = digest
    return request


async def test_a_call_is_judged_by_the_rulebook_it_names(
    serving: Serving, tmp_path: Path, calls_folder: Path
) -> None:
    text = _text(tmp_path, "1")
    await _learn(serving, text)
    described = await serving.stub.Describe(recognition_pb2.DescribeRequest())
    assert text.identity.digest in described.learnt
    call = recordings.open_recording(calls_folder / "loan-compliant", None, "left")

    async def requests() -> AsyncIterator[ListenRequest]:
        async for request in requests_of(call):
            if request.HasField("start"):
                request.start.rulebook_digest = text.identity.digest
            yield request

    told = [each async for each in serving.stub.Listen(requests())]
    assert told[0].ready.rulebook.digest == text.identity.digest
    findings = [each.finding for each in told if each.HasField("finding")]
    assert {(each.rule, each.rulebook.version) for each in findings} == {
        ("site.greeting", "site@1")
    }


async def test_what_a_shadow_finds_is_marked_and_changes_nothing(
    serving: Serving, tmp_path: Path, calls_folder: Path
) -> None:
    text = _text(tmp_path, "5")
    await _learn(serving, text)
    call = recordings.open_recording(calls_folder / "collection-threat", None, "left")

    async def findings(shadow_digest: str) -> list[conversation_pb2.Finding]:
        async def requests() -> AsyncIterator[ListenRequest]:
            async for request in requests_of(call):
                if request.HasField("start"):
                    request.start.shadow_digest = shadow_digest
                yield request

        told = serving.stub.Listen(requests())
        return [each.finding async for each in told if each.HasField("finding")]

    alone, both = await findings(""), await findings(text.identity.digest)
    assert alone
    assert [each for each in both if not each.shadow] == alone
    assert {(each.rule, each.rulebook.version) for each in both if each.shadow} == {
        ("site.greeting", "site@5")
    }


async def test_what_a_rule_in_shadow_finds_is_marked(
    serving: Serving, tmp_path: Path, calls_folder: Path
) -> None:
    text = rulebook_text.with_rule_in_shadow(_text(tmp_path, "6"), "site.greeting")
    await _learn(serving, text)
    call = recordings.open_recording(calls_folder / "loan-compliant", None, "left")

    async def requests() -> AsyncIterator[ListenRequest]:
        async for request in requests_of(call):
            if request.HasField("start"):
                request.start.rulebook_digest = text.identity.digest
            yield request

    told = serving.stub.Listen(requests())
    found = [each.finding async for each in told if each.HasField("finding")]
    assert {(each.rule, each.shadow) for each in found} == {("site.greeting", True)}


async def test_a_running_call_keeps_its_rulebook(serving: Serving, tmp_path: Path) -> None:
    first, second = _text(tmp_path, "1"), _text(tmp_path, "2")
    await _learn(serving, first)
    goes_on = asyncio.Event()

    async def requests() -> AsyncIterator[ListenRequest]:
        yield _begins(first.identity.digest)
        await goes_on.wait()
        yield end(1.0)

    call = serving.stub.Listen(requests())
    responses = aiter(call)
    ready = await anext(responses)
    assert ready.ready.rulebook.digest == first.identity.digest
    for number in range(KEPT + 1):  # more than are kept: the first is forgotten meanwhile
        await _learn(serving, _text(tmp_path, f"3.{number}"))
    await _learn(serving, second)
    goes_on.set()
    assert [each.WhichOneof("payload") async for each in responses][-1] == "closing"


async def test_an_unknown_rulebook_is_to_be_learnt_first(serving: Serving) -> None:
    async def requests() -> AsyncIterator[ListenRequest]:
        yield _begins("ab" * 32)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        [_ async for _ in serving.stub.Listen(requests())]
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_broken_rulebook_is_never_taken(serving: Serving, tmp_path: Path) -> None:
    good = _text(tmp_path, "4")
    changed = RulebookText(good.identity, good.content.replace("您好", "再见"))
    unknown = good.content.replace('"patterns": ["greeting"]', '"patterns": ["nobody-wrote"]')
    digest = digest_of(unknown)
    broken = RulebookText(RulebookIdentity("site@4", digest), unknown)
    for text, why in ((changed, "not that of its digest"), (broken, "nobody-wrote")):
        with pytest.raises(grpc.aio.AioRpcError, match=why) as refused:
            await _learn(serving, text)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    described = await serving.stub.Describe(recognition_pb2.DescribeRequest())
    assert not {good.identity.digest, digest} & set(described.learnt)
