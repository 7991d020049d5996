"""An activated rulebook decides from the next call on, without a restart; a broken one never does,
and one in shadow is asked but not obeyed."""

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.health import HealthStatus
from policy import rulebook
from policy.identity import RulebookIdentity, RulebookText
from policy.ledger import LedgerReader
from policy.ledger.records import Mode
from tests.gate.at_the_gate import GateParts, gate
from tests.gate.waiting import until

NUMBER = "+8613800138000"

_PACK = """
pack: site
version: "{version}"
title: {{zh: 本站, en: Site}}
dialling:
  - id: site.never
    kind: limit
    title: {{zh: 每天一次, en: Once a day}}
    severity: major
    citation: house rule
    unit: attempt
    at_most: {at_most}
    within: {{calendar_days: 1}}
"""


def _text(folder: Path, version: str, at_most: int) -> RulebookText:
    place = folder / version
    place.mkdir()
    text = _PACK.format(version=version, at_most=at_most)
    (place / "site.yaml").write_text(text, encoding="utf-8")
    return rulebook.read(place, ("site",), ()).text


async def _activate(parts: GateParts, text: RulebookText | None, mode: Mode = "active") -> None:
    await asyncio.wrap_future(
        parts.ledger.current.activate(text, mode=mode, who="Li", now=datetime.now(UTC))
    )


async def _becomes(parts: GateParts, version: str) -> None:
    await until(lambda: parts.rulebook.current.identity.version == version, within_s=1.0)


async def test_it_decides_from_the_next_call_on_within_a_second(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts:
        following = asyncio.create_task(parts.activations.run())
        once, twice = _text(tmp_path, "1", 1), _text(tmp_path, "2", 2)
        await _activate(parts, once)
        await _becomes(parts, "site@1")
        assert (await parts.ask(NUMBER, nonce="n1")).verdict == "ALLOW:n1"
        refused = await parts.ask(NUMBER, nonce="n2")
        assert (refused.verdict, refused.rule) == ("DENY:n2", "site.never")
        await _activate(parts, twice)
        await _becomes(parts, "site@2")
        assert (await parts.ask(NUMBER, nonce="n3")).verdict == "ALLOW:n3"
        following.cancel()


async def test_a_gate_that_starts_decides_by_it_before_its_first_call(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts:
        await _activate(parts, _text(tmp_path, "1", 1))
    async with gate(tmp_path) as parts:
        assert parts.rulebook.current.identity.version == "site@1"
        assert await parts.rulebook.load()
        assert parts.rulebook.current.identity.version == "site@1"


async def test_a_broken_one_never_comes_into_force(tmp_path: Path) -> None:
    content = '{"dialling": [{"pack": "site"}], "speech": []}'
    digest = hashlib.sha256(content.encode()).hexdigest()
    broken = RulebookText(RulebookIdentity("site@9", digest), content)
    async with gate(tmp_path) as parts:
        await _activate(parts, _text(tmp_path, "1", 1))
        await parts.activations.follow()
        await _activate(parts, broken)
        await parts.activations.follow()
        assert parts.rulebook.current.identity.version == "site@1"
        assert parts.health.part("rulebook").status is HealthStatus.DEGRADED
    async with gate(tmp_path) as parts:
        assert (await parts.ask(NUMBER)).rule == "gate.rulebook-broken"
        assert parts.health.part("rulebook").status is HealthStatus.DOWN


@pytest.mark.parametrize("ended", [False, True])
async def test_a_shadow_is_not_obeyed(tmp_path: Path, *, ended: bool) -> None:
    async with gate(tmp_path) as parts:
        await _activate(parts, _text(tmp_path, "2", 2))
        await _activate(parts, _text(tmp_path, "1", 1), "shadow")
        if ended:
            await _activate(parts, None, "shadow")
        await parts.activations.follow()
        assert (parts.rulebook.shadow is None) is ended
        for nonce in ("n1", "n2"):
            assert (await parts.ask(NUMBER, nonce=nonce)).verdict == f"ALLOW:{nonce}"
        await parts.keeper.recorded()
    with LedgerReader.open(tmp_path / "ledger.sqlite3", tmp_path / "keys" / "ledger.key") as reader:
        told = [(row["verdict"], row["shadow_rules"]) for row in reader.export("shadow")]
    assert told == ([] if ended else [("ALLOW", ""), ("ALLOW", "site.never")])
