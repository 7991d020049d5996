"""Failing closed: each cause refuses with its own reason; emergency numbers pass all the same."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callwarden.problems import Problem, ProblemsFound
from callwarden.settings import Rules
from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab.numbers import open_now
from gateway.gate import gatekeeper
from gateway.gate.answer import Answer, BadRequest
from gateway.gate.fail_closed import RulebookBroken, refuse
from gateway.health import HealthStatus
from policy.dialling import refusals
from policy.dialling.decision import Decision, Reason, Verdict
from policy.identity import RulebookIdentity, Title
from policy.ledger import LedgerUnavailable
from tests.gate.at_the_gate import gate
from tests.gate.waiting import until

IDENTITY = RulebookIdentity("1", "d" * 64)
REASON = Reason("house.window", "house", Title("时段", "window"), "house rule")
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
BROKEN = RulebookBroken(ProblemsFound([Problem("house.yaml", 3, 1, "dialling", "unknown key")]))

LOCK_HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another(file: Path) -> Iterator[None]:
    """Another process holds the ledger's write lock."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCK_HOLDER, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        yield
        holder.communicate()


@pytest.mark.parametrize(
    ("why", "rule"),
    [
        (BadRequest("nonce"), "gate.bad-request"),
        (BROKEN, "gate.rulebook-broken"),
        (LedgerUnavailable("the disk is full"), "gate.ledger-unavailable"),
        (TimeoutError(), "gate.deadline"),
        (RuntimeError("anything"), "gate.failed"),
        (KeyboardInterrupt(), "gate.failed"),
        (None, "gate.failed"),
        ("ALLOW", "gate.failed"),
        (Answer(True, "n", "", 0), "gate.failed"),
        (Decision(Verdict.ALLOW, (), NOW, IDENTITY), "gate.failed"),
        (Decision(Verdict.ALLOW, (REASON,), NOW, IDENTITY), "gate.failed"),
        (Decision(Verdict.DENY, (), None, IDENTITY), "gate.failed"),
    ],
)
def test_refuse_refuses_whatever_it_is_given(why: object, rule: str) -> None:
    refused = refuse(why, IDENTITY)
    assert refused.verdict is Verdict.DENY
    assert [reason.rule for reason in refused.reasons] == [rule]
    assert refused.rulebook == IDENTITY


def test_refuse_keeps_a_denial_with_all_its_reasons() -> None:
    denial = Decision(Verdict.DENY, (REASON, REASON), NOW, IDENTITY)
    assert refuse(denial) is denial


@pytest.mark.parametrize(
    "answer",
    [
        Answer(True, "", "", 0),
        Answer(True, 'n"', "", 0),
        Answer(True, "n\n", "", 0),
        Answer(False, "n", 'rule"', 21),
        Answer(False, "n" * 129, "", 21),
    ],
)
def test_an_answer_outside_its_alphabet_is_never_said(answer: Answer) -> None:
    with pytest.raises(ValueError, match=r"nonce|alphabet"):
        answer.variables()


async def test_a_ledger_locked_by_another_process_refuses(tmp_path: Path) -> None:
    async with gate(tmp_path, deadline_ms=1400, ledger_patience_ms=400) as parts:
        with locked_by_another(tmp_path / "ledger.sqlite3"):
            heard = await parts.ask(open_now(1))
            assert (heard.verdict, heard.rule) == ("DENY:n-1", "gate.ledger-unavailable")
            assert parts.health.part("ledger").status is HealthStatus.DOWN
            assert "locked" in parts.health.part("ledger").message
        assert (await parts.ask(open_now(1), nonce="n-2")).allowed
        assert parts.health.part("ledger").status is HealthStatus.OK


async def test_the_deadline_refuses_while_the_ledger_still_waits(tmp_path: Path) -> None:
    async with gate(tmp_path, deadline_ms=200, ledger_patience_ms=4000) as parts:
        with locked_by_another(tmp_path / "ledger.sqlite3"):
            began = time.monotonic()
            heard = await asyncio.gather(
                *(parts.ask(open_now(2), nonce=f"n-{i}") for i in range(4))
            )
            assert time.monotonic() - began < 1
        assert [each.verdict for each in heard] == [f"DENY:n-{each}" for each in range(4)]
        assert {each.rule for each in heard} == {"gate.deadline"}


async def test_a_read_only_ledger_refuses_until_it_is_writable_again(tmp_path: Path) -> None:
    async with gate(tmp_path):
        pass
    file = tmp_path / "ledger.sqlite3"
    file.chmod(0o444)
    async with gate(tmp_path, wait_for_ledger=False) as parts:
        opening = asyncio.create_task(parts.ledger.open())
        await until(lambda: "read-only" in parts.health.part("ledger").message)
        heard = await parts.ask(open_now(1))
        assert (heard.verdict, heard.rule) == ("DENY:n-1", "gate.ledger-unavailable")
        file.chmod(0o600)
        await asyncio.wait_for(opening, 5)
        assert (await parts.ask(open_now(1), nonce="n-2")).allowed


async def test_a_ledger_that_turns_read_only_refuses(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts:
        assert (await parts.ask(open_now(1), nonce="n-1")).allowed
        (tmp_path / "ledger.sqlite3").chmod(0o444)
        heard = await parts.ask(open_now(1), nonce="n-2")
        assert (heard.verdict, heard.rule) == ("DENY:n-2", "gate.ledger-unavailable")


async def test_a_broken_rulebook_refuses_and_says_where(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "house.yaml").write_text("pack: house\nversion: 1\ndialing: []\n")
    in_force = Rules(folder=rules, speech=())
    async with gate(tmp_path / "state", rules=in_force) as parts:
        heard = await parts.ask(open_now(1))
        assert (heard.verdict, heard.rule) == ("DENY:n-1", "gate.rulebook-broken")
        made = await parts.decision()
        assert made.decision_id
        assert [reason.rule for reason in made.reasons] == ["gate.rulebook-broken"]
        broken = parts.health.part("rulebook")
        assert broken.status is HealthStatus.DOWN
        assert "house.yaml:3:1: dialing" in broken.message


async def test_a_reload_that_fails_leaves_the_old_rulebook_in_force(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    good = (Path(__file__).parents[2] / "rules" / "house.yaml").read_text()
    (rules / "house.yaml").write_text(good)
    async with gate(tmp_path / "state", rules=Rules(folder=rules, speech=())) as parts:
        before = parts.rulebook.current.identity
        (rules / "house.yaml").write_text(good + "\nnonsense: 1\n")
        assert not await parts.rulebook.load()
        assert parts.rulebook.current.identity == before
        assert parts.health.part("rulebook").status is HealthStatus.DEGRADED
        assert (await parts.ask(open_now(1))).allowed
        (rules / "house.yaml").write_text(good)
        assert await parts.rulebook.load()
        assert parts.health.part("rulebook").status is HealthStatus.OK


async def test_emergency_numbers_pass_without_ledger_and_rulebook(tmp_path: Path) -> None:
    broken = Rules(folder=tmp_path / "nowhere")
    async with gate(tmp_path, rules=broken, wait_for_ledger=False) as parts:
        for number in ("110", "119", "120", "112"):
            heard = await parts.ask(number, nonce=f"n-{number}")
            assert heard.verdict == f"ALLOW:n-{number}"
            assert heard.rule == refusals.ALWAYS_ALLOWED_EMERGENCY
        assert parts.floor.calls() == ()
        assert (await parts.decision()).verdict == oversight.VERDICT_ALLOW


async def test_an_emergency_call_is_recorded_when_it_can_be(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts:
        assert (await parts.ask("110")).allowed
        assert (await parts.decision()).decision_id


async def test_an_unexpected_error_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Decision:
        raise ZeroDivisionError

    monkeypatch.setattr(gatekeeper, "evaluate", broken)
    async with gate(tmp_path) as parts:
        heard = await parts.ask(open_now(1))
        assert (heard.verdict, heard.rule) == ("DENY:n-1", "gate.failed")


async def test_a_reader_that_dies_is_no_rulebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    async with gate(tmp_path, rules=Rules()) as parts:
        heard = await parts.ask(open_now(1))
        assert (heard.verdict, heard.rule) == ("DENY:n-1", "gate.rulebook-broken")
        assert parts.health.part("rulebook").status is HealthStatus.DOWN
