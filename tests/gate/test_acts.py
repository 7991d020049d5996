"""What people may do over the operator API, what each of them is shown, and that it is in the log
with who did it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from callwarden import caller
from callwarden.caller import OPERATOR as CLAIMED
from callwarden.settings import Rules, Tls
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1.oversight_pb2_grpc import OversightStub
from deploy.lab.numbers import open_now
from policy import rulebook, rulebook_text
from policy.identity import Title
from policy.ledger import CallRecord, LedgerReader
from policy.ledger.acts import ActKind, DoneAct, Outcome
from policy.speech.duty import Duty
from policy.speech.finding import FindingStatus
from tests.calls.test_enforcement import REFUSED
from tests.certificates import issue
from tests.gate import people_file
from tests.gate.at_the_gate import GateParts, gate, served
from tests.gate.people_file import ADMIN, AUDITOR, NORTH, OPERATOR, SOUTH, SUPERVISOR, by
from tests.gate.test_oversight import said, until_live
from tests.gate.waiting import until

CERTAIN = replace(REFUSED, status=FindingStatus.CERTAIN)


class Site:
    """A site with people, and a call of each of two teams, each with a finding."""

    def __init__(self, parts: GateParts, channel: grpc.aio.Channel, state: Path) -> None:
        self.parts, self.state = parts, state
        self.stub = OversightStub(channel)
        self.hung_up: list[str] = []
        self.people = state / "people.yaml"

    async def call(self, call_id: str, agent: str, number: str) -> None:
        await self.parts.ask(number, nonce=call_id, agent=agent)
        ledger, now = self.parts.ledger.current, datetime.now(UTC)
        record = CallRecord(call_id, "d", number, agent, "marketing.loan", "C-1", call_id, now)
        for row in (
            ledger.begin_call(record),
            ledger.answer_call(call_id, now),
            ledger.add_utterance(call_id, said(1)),
            ledger.add_finding(call_id, CERTAIN, now),
        ):
            await asyncio.wrap_future(row)

    def acts(self) -> list[DoneAct]:
        with self.reader() as reader:
            return list(reader.acts.every())

    def reader(self) -> LedgerReader:
        return LedgerReader.open(self.state / "ledger.sqlite3", self.state / "keys" / "ledger.key")

    async def past(self, call_id: str, who: str) -> list[oversight.Event]:
        request = oversight.PastCallRequest(call_id=call_id)
        return [each async for each in self.stub.PastCall(request, metadata=by(who))]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    people, hung_up = people_file.write(tmp_path / "people.yaml"), list[str]()
    async with (
        gate(tmp_path) as parts,
        served(parts, tmp_path, hung_up, people=people) as channel,
    ):
        made = Site(parts, channel, tmp_path)
        made.hung_up = hung_up
        await made.call("north-1", NORTH, open_now(1))
        await made.call("south-1", SOUTH, open_now(2))
        yield made


async def refused(call: Any, code: grpc.StatusCode) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    assert error.value.code() is code
    return str(error.value.details())


def review(
    standing: "oversight.Standing.ValueType", note: str = "", call_id: str = "north-1"
) -> oversight.ReviewRequest:
    return oversight.ReviewRequest(
        call_id=call_id, finding_id=REFUSED.finding_id, standing=standing, note=note
    )


async def test_nobody_unknown_is_answered(site: Site) -> None:
    for metadata in ((), (("authorization", "Bearer guessed"),), (("authorization", "admin"),)):
        code = grpc.StatusCode.UNAUTHENTICATED
        await refused(site.stub.WhoAmI(oversight.WhoAmIRequest(), metadata=metadata), code)
        hang_up = oversight.HangUpRequest(call_id="north-1", operator=ADMIN)
        await refused(site.stub.HangUp(hang_up, metadata=metadata), code)
        watch = site.stub.Watch(oversight.WatchRequest(), metadata=metadata)
        await refused(watch.read(), code)
    assert site.acts() == []
    assert site.hung_up == []


async def test_each_is_told_who_he_is_and_what_he_may(site: Site) -> None:
    who = await site.stub.WhoAmI(oversight.WhoAmIRequest(), metadata=by(SUPERVISOR))
    assert (who.name, who.role, list(who.teams), who.extension) == (
        SUPERVISOR,
        oversight.ROLE_SUPERVISOR,
        ["north"],
        "8001",
    )
    assert oversight.ACT_BARGE in who.may
    assert oversight.ACT_SHADOW_RULE not in who.may
    operator = await site.stub.WhoAmI(oversight.WhoAmIRequest(), metadata=by(OPERATOR))
    assert list(operator.may) == []


async def test_an_operator_sees_nothing_of_another_teams_calls(site: Site) -> None:
    stub, ledger = site.stub, site.parts.ledger.current
    suppress = partial(ledger.suppress, source="refusal", now=datetime.now(UTC))
    for call_id in ("north-1", "south-1", ""):
        await asyncio.wrap_future(suppress(open_now(3), call_id=call_id))
    shown = {}
    for who in (OPERATOR, AUDITOR):
        watch = aiter(stub.Watch(oversight.WatchRequest(history=50), metadata=by(who)))
        told = await until_live(watch)
        await site.call(f"south-{who}", SOUTH, open_now(4 if who == AUDITOR else 5))
        await site.call(f"north-{who}", NORTH, open_now(6 if who == AUDITOR else 7))
        async with asyncio.timeout(5):
            while told[-1].call.call_id != f"north-{who}":
                told.append(await anext(watch))
        live = next(at for at, each in enumerate(told) if each.HasField("live"))
        numbers = [each.sequence for each in told[live:]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "no gaps"
        shown[who] = told
    text = str(shown[OPERATOR])
    assert "north-1" in text
    assert "south" not in text.replace(REFUSED.rule, "")
    assert SOUTH not in text
    assert {each.WhichOneof("payload") for each in shown[OPERATOR]} == {
        *("decision", "call", "utterance", "finding", "suppression", "health", "live")
    }
    assert sum(each.HasField("suppression") for each in shown[OPERATOR]) == 1
    assert sum(each.HasField("suppression") for each in shown[AUDITOR]) == 3
    calls = [each.call for each in shown[AUDITOR] if each.HasField("call")]
    assert {(each.agent, each.team) for each in calls} == {(NORTH, "north"), (SOUTH, "south")}


async def test_of_another_teams_call_nothing_can_be_done(site: Site) -> None:
    stub, not_found = site.stub, grpc.StatusCode.NOT_FOUND
    mine = by(SUPERVISOR)
    await refused(stub.HangUp(oversight.HangUpRequest(call_id="south-1"), metadata=mine), not_found)
    listen = oversight.ListenInRequest(call_id="south-1", mode=oversight.LISTEN_IN_MODE_LISTEN)
    await refused(stub.ListenIn(listen, metadata=mine), not_found)
    upheld = review(oversight.STANDING_UPHELD, call_id="south-1")
    await refused(stub.Review(upheld, metadata=mine), not_found)
    suppress = oversight.SuppressRequest(call_id="south-1")
    await refused(stub.Suppress(suppress, metadata=mine), not_found)
    retrain = oversight.AssignRetrainingRequest(agent=SOUTH)
    await refused(stub.AssignRetraining(retrain, metadata=mine), not_found)
    past = oversight.PastCallRequest(call_id="south-1")
    await refused(stub.PastCall(past, metadata=mine).read(), not_found)
    assert site.acts() == []


async def test_a_role_does_what_it_may_and_nothing_else(site: Site) -> None:
    stub, denied = site.stub, grpc.StatusCode.PERMISSION_DENIED
    hang_up = oversight.HangUpRequest(call_id="north-1")
    for who in (OPERATOR, AUDITOR):
        await refused(stub.HangUp(hang_up, metadata=by(who)), denied)
    await refused(stub.Review(review(oversight.STANDING_UPHELD), metadata=by(OPERATOR)), denied)
    shadow = oversight.ShadowRuleRequest(rule="attitude.impatient")
    await refused(stub.ShadowRule(shadow, metadata=by(SUPERVISOR)), denied)
    assert site.acts() == []
    await stub.HangUp(hang_up, metadata=by(SUPERVISOR))
    assert site.hung_up == ["north-1"]
    (act,) = site.acts()
    assert (act.act, act.who, act.role, act.call_id, act.outcome) == (
        ActKind.HANG_UP,
        SUPERVISOR,
        "supervisor",
        "north-1",
        Outcome.DONE,
    )


async def test_who_asks_is_not_who_he_says(site: Site) -> None:
    request = oversight.HangUpRequest(call_id="north-1", operator="somebody else")
    await site.stub.HangUp(request, metadata=(*by(SUPERVISOR), (CLAIMED, "somebody else")))
    assert [each.who for each in site.acts()] == [SUPERVISOR]


async def test_without_a_file_of_people_each_is_who_he_says(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path, []) as channel:
        site = Site(parts, channel, tmp_path)
        await site.call("n-1", NORTH, open_now(1))
        request = oversight.HangUpRequest(call_id="n-1", operator="chen")
        await site.stub.HangUp(request)
        suppress = oversight.SuppressRequest(call_id="n-1", note="asked in a letter")
        await site.stub.Suppress(suppress, metadata=((CLAIMED, "li"),))
        assert [(each.who, each.role) for each in site.acts()] == [
            ("chen", "admin"),
            ("li", "admin"),
        ]


async def test_a_console_is_known_by_its_token_file_or_its_certificate(tmp_path: Path) -> None:
    file, token = people_file.write(tmp_path / "people.yaml"), tmp_path / "token"
    file.write_text(
        file.read_text().replace(
            "people:", "people:\n  - {name: Sun, role: admin, certificate: pc-7}"
        )
    )
    token.write_text(f"{AUDITOR}-token\n")
    token.chmod(0o600)
    (own, own_key), (pc, pc_key) = issue(tmp_path, "gateway"), issue(tmp_path, "pc-7")
    tls = Tls(certificate=own, key=own_key, client_ca=pc)
    mutual = Tls(ca=own, certificate=pc, key=pc_key)
    asked = oversight.WhoAmIRequest()
    async with gate(tmp_path) as parts:
        said = caller.metadata(token, "chen")
        async with served(parts, tmp_path, people=file, said=said) as channel:
            assert (await OversightStub(channel).WhoAmI(asked)).name == AUDITOR
            watch = OversightStub(channel).Watch(oversight.WatchRequest())
            assert (await until_live(aiter(watch)))[-1].HasField("live")
        async with served(parts, tmp_path, people=file, tls=tls, client=mutual) as channel:
            assert (await OversightStub(channel).WhoAmI(asked)).name == "Sun"


async def test_what_failed_is_in_the_log_as_failed(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        site = Site(parts, channel, tmp_path)
        await site.call("n-1", NORTH, open_now(1))
        request = oversight.HangUpRequest(call_id="n-1", operator="chen")
        await refused(site.stub.HangUp(request), grpc.StatusCode.UNAVAILABLE)
        done, failed = site.acts()
        assert (done.act_id, done.outcome) == (failed.act_id, Outcome.DONE)
        assert failed.outcome is Outcome.FAILED


async def test_an_act_that_cannot_be_recorded_is_not_done(site: Site) -> None:
    await asyncio.to_thread(site.parts.ledger.current.close)
    request = oversight.HangUpRequest(call_id="north-1")
    await refused(site.stub.HangUp(request, metadata=by(ADMIN)), grpc.StatusCode.UNAVAILABLE)
    assert site.hung_up == []


async def test_a_finding_is_reviewed_appealed_and_settled_by_a_second_person(site: Site) -> None:
    stub = site.stub
    upheld, dismissed = oversight.STANDING_UPHELD, oversight.STANDING_DISMISSED
    appeal = review(oversight.STANDING_APPEALED, "he was quoting the customer")
    await refused(stub.Review(appeal, metadata=by(SUPERVISOR)), grpc.StatusCode.FAILED_PRECONDITION)
    await stub.Review(review(upheld, "clear"), metadata=by(AUDITOR))
    without_reason = review(oversight.STANDING_APPEALED)
    await refused(
        stub.Review(without_reason, metadata=by(SUPERVISOR)), grpc.StatusCode.INVALID_ARGUMENT
    )
    await stub.Review(appeal, metadata=by(SUPERVISOR))
    for same in (AUDITOR, SUPERVISOR):
        settling = stub.Review(review(dismissed), metadata=by(same))
        await refused(settling, grpc.StatusCode.PERMISSION_DENIED)
    await stub.Review(review(dismissed), metadata=by("auditor-2"))
    unknown = oversight.ReviewRequest(call_id="north-1", finding_id="f-9", standing=upheld)
    await refused(stub.Review(unknown, metadata=by(AUDITOR)), grpc.StatusCode.NOT_FOUND)
    assert [(each.act, each.who) for each in site.acts()] == [
        (ActKind.REVIEW, AUDITOR),
        (ActKind.REVIEW, SUPERVISOR),
        (ActKind.SETTLE_APPEAL, "auditor-2"),
    ]
    told = await site.past("north-1", SUPERVISOR)
    assert told[0].call.state == oversight.CALL_STATE_DIALLING, "as it stands on the floor"
    assert [each.finding.standing for each in told if each.HasField("finding")] == [dismissed]
    watch = aiter(stub.Watch(oversight.WatchRequest(history=9), metadata=by(OPERATOR)))
    seen = [each.finding for each in await until_live(watch) if each.HasField("finding")]
    assert {each.standing for each in seen} == {dismissed}


async def test_a_dismissed_refusal_suppresses_all_the_same(site: Site) -> None:
    ledger, now = site.parts.ledger.current, datetime.now(UTC)
    suppressing = ledger.suppress(
        open_now(1), source="refusal", now=now, call_id="north-1", finding_id=REFUSED.finding_id
    )
    await asyncio.wrap_future(suppressing)
    dismissed = review(oversight.STANDING_DISMISSED)
    await site.stub.Review(dismissed, metadata=by(AUDITOR))
    heard = await site.parts.ask(open_now(1), nonce="again")
    assert not heard.allowed


async def test_a_customer_is_suppressed_from_the_console(site: Site) -> None:
    request = oversight.SuppressRequest(call_id="north-1", note="wrote a letter")
    made = await site.stub.Suppress(request, metadata=by(SUPERVISOR))
    with site.reader() as reader:
        found = reader.suppression(made.suppression_id)
    assert found is not None
    assert (found.number, found.customer, found.call_id) == (open_now(1), "", "north-1")
    assert (found.suppression.source, found.note) == ("manual", "wrote a letter")
    assert not (await site.parts.ask(open_now(1), nonce="again")).allowed
    (act,) = site.acts()
    assert (act.act, act.who, act.note) == (ActKind.SUPPRESS, SUPERVISOR, "wrote a letter")


async def test_retraining_is_assigned_to_the_agent_of_the_finding(site: Site) -> None:
    def request(agent: str, finding_id: str = REFUSED.finding_id) -> Any:
        asked = oversight.AssignRetrainingRequest(
            agent=agent, call_id="north-1", finding_id=finding_id, note="module 3"
        )
        return site.stub.AssignRetraining(asked, metadata=by(SUPERVISOR))

    await refused(request("1002"), grpc.StatusCode.INVALID_ARGUMENT)
    await refused(request(NORTH, "f-9"), grpc.StatusCode.NOT_FOUND)
    await request(NORTH)
    (act,) = site.acts()
    assert (act.act, act.subject, act.finding_id) == (
        ActKind.ASSIGN_RETRAINING,
        NORTH,
        REFUSED.finding_id,
    )


async def test_a_call_is_told_from_the_ledger_in_its_order(site: Site) -> None:
    request = oversight.SuppressRequest(call_id="north-1", note="n")
    await site.stub.Suppress(request, metadata=by(SUPERVISOR))
    now = datetime.now(UTC)
    ledger = site.parts.ledger.current
    told_at_4_s = Duty("disclosure.fees", Title("收费", "Fees"), 4.0, None)
    await asyncio.wrap_future(ledger.add_duty("north-1", told_at_4_s, now))
    await asyncio.wrap_future(ledger.end_call("north-1", now, 9.0, 16))
    site.parts.floor.ended("north-1", q850_cause=16)
    told = await site.past("north-1", OPERATOR)
    assert told[0].HasField("call")
    assert {each.WhichOneof("payload") for each in told[1:]} == {
        *("utterance", "finding", "act", "suppression", "duty")
    }
    ((duty,),) = [each.duty.duties for each in told if each.HasField("duty")]
    assert (duty.rule, duty.made_s) == ("disclosure.fees", 4.0)
    assert [each.at for each in told[1:]] == sorted(each.at for each in told[1:])
    call = told[0].call
    assert (call.state, call.team, call.q850_cause) == (
        oversight.CALL_STATE_ENDED,
        "north",
        16,
    )
    assert open_now(1) not in str(told)
    nobody = site.stub.PastCall(oversight.PastCallRequest(call_id="x"), metadata=by(ADMIN))
    await refused(nobody.read(), grpc.StatusCode.NOT_FOUND)


async def test_a_rule_in_shadow_is_another_rulebook_in_force(site: Site) -> None:
    rule = "attitude.impatient"
    stub, mine = site.stub, by(ADMIN)
    request = oversight.ShadowRuleRequest(rule=rule, note="too many false ones")
    made = await stub.ShadowRule(request, metadata=mine)
    with site.reader() as reader:
        active = reader.activation("active")
        text = reader.rulebook(made.rulebook.digest)
    shipped = rulebook.read(None, Rules().packs, Rules().speech).text
    assert active is not None
    assert active.rulebook is not None
    assert text is not None
    assert (active.rulebook.digest, active.who) == (made.rulebook.digest, ADMIN)
    assert made.rulebook.digest != shipped.identity.digest
    assert rulebook_text.speech(text).in_shadow == {rule}
    assert json.loads(text.content)["dialling"] == json.loads(shipped.content)["dialling"]

    again = await stub.ShadowRule(request, metadata=mine)
    assert again.rulebook == made.rulebook
    assert [(each.act, each.subject) for each in site.acts()] == [(ActKind.SHADOW_RULE, rule)]
    unknown = oversight.ShadowRuleRequest(rule="attitude.none")
    await refused(stub.ShadowRule(unknown, metadata=mine), grpc.StatusCode.NOT_FOUND)


async def test_the_rule_that_suppresses_refusals_stays_in_force(site: Site) -> None:
    request = oversight.ShadowRuleRequest(rule="refusal.explicit")
    said_why = await refused(
        site.stub.ShadowRule(request, metadata=by(ADMIN)), grpc.StatusCode.INVALID_ARGUMENT
    )
    assert "stays in force" in said_why


async def test_who_is_taken_out_of_the_file_sees_no_more(site: Site) -> None:
    watch = aiter(site.stub.Watch(oversight.WatchRequest(), metadata=by(OPERATOR)))
    await until_live(watch)
    people_file.write(site.people, without=OPERATOR)

    async def is_nobody() -> bool:
        try:
            await site.stub.WhoAmI(oversight.WhoAmIRequest(), metadata=by(OPERATOR))
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNAUTHENTICATED
        return False

    async with asyncio.timeout(10):
        while not await is_nobody():  # noqa: ASYNC110  # the file is looked at now and then
            await asyncio.sleep(0.05)
        site.parts.floor.publish(site.parts.health.changed())
        assert [each async for each in watch] == []


async def test_a_faulty_file_of_people_leaves_those_before(site: Site) -> None:
    site.people.write_text("people: none")
    await until(lambda: "the people before stay" in site.parts.health.part("people").message)
    who = await site.stub.WhoAmI(oversight.WhoAmIRequest(), metadata=by(ADMIN))
    assert who.name == ADMIN
    people_file.write(site.people)
    await until(lambda: not site.parts.health.part("people").message)
