"""Owns many calls at a rate: one sipp as all the agents' phones, one as the carrier.

Called through `Lab.load`, which `callwarden bench gate` uses.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from deploy.lab import scenarios
from deploy.lab.process import hand_over
from deploy.lab.sipp import Message, Phones


@dataclass(frozen=True)
class LoadedCall:
    """What one call of a load asks for."""

    number: str
    scene: str = "marketing.loan"
    agent: str = "1001"
    customer: str = ""


@dataclass(frozen=True)
class LoadResult:
    """`statuses`: final response to the INVITE, how often; 0 stands for none. `decided_ms`: of each
    call that got one, ascending, INVITE to the first response after 100 Trying: the ringing of a
    carrier that rings at once, or the refusal. So it holds the gate's time and twice Asterisk's.
    `seconds`: from the first INVITE to the last of these responses. `by_number`: the final
    responses to the calls to each number, as they came; 0 stands for none.
    """

    statuses: dict[int, int]
    decided_ms: tuple[float, ...]
    seconds: float = math.nan
    by_number: Mapping[str, list[int]] = field(default_factory=dict, repr=False)

    def percentile_ms(self, percent: float) -> float:
        """Nearest rank; NaN where no call was answered or refused."""
        if not self.decided_ms:
            return math.nan
        rank = math.ceil(percent / 100 * len(self.decided_ms))
        return self.decided_ms[max(rank, 1) - 1]


def run(
    phones: Phones,
    sip_port: int,
    calls_per_s: float,
    seconds: float,
    call: Callable[[int], LoadedCall],
    *,
    talk_ms: int,
    at_once: int = 0,
) -> LoadResult:
    """Places `calls_per_s * seconds` calls, the i-th as `call(i)` says; see `Lab.load`."""
    total = max(1, round(calls_per_s * seconds))
    name = phones.next_name()
    fields = phones.folder / f"{name}.csv"
    rows = (call(each) for each in range(total))
    fields.write_text(
        "SEQUENTIAL\n"
        + "".join(
            f"{scenarios.sip_user(row.number)};{scenarios.sip_user(row.agent)};"
            f"{_field(row.agent)};{_field(row.scene)};{_field(row.customer)}\n"
            for row in rows
        ),
        encoding="utf-8",
    )
    hand_over(fields)
    carrier = phones.start(
        scenarios.carrier(ring_ms=0, status=200, audio=None, talk_ms=None), name=f"{name}-carrier"
    )
    try:
        carrier.wait_listening()
        agents = phones.start(
            scenarios.agent_phone(
                number="[field0]",
                agent="[field1]",
                headers={
                    "X-Lab-Agent": "[field2]",
                    "X-Lab-Scene": "[field3]",
                    "X-Lab-Customer": "[field4]",
                    "X-Lab-Carrier-Port": str(carrier.port),
                },
                audio=None,
                talk_ms=talk_ms,
            ),
            f"127.0.0.1:{sip_port}",
            *("-inf", str(fields), "-m", str(total), "-l", str(at_once or total)),
            *("-r", str(max(1, round(calls_per_s * 1000))), "-rp", "1000000"),
            *("-recv_timeout", "10000"),
            name=f"{name}-agents",
        )
        try:
            agents.wait(seconds + talk_ms / 1000 + 30)
        finally:
            agents.stop()
    finally:
        carrier.stop()
    return _result(agents.messages(), total)


def _field(text: str) -> str:
    return scenarios.header_value(text).replace(";", ",")


def _result(messages: list[Message], total: int) -> LoadResult:
    sent: dict[str, datetime] = {}
    dialled: dict[str, str] = {}
    first: dict[str, datetime] = {}
    final: dict[str, int] = {}
    for each in messages:
        call_id, sequence = each.transaction
        if not sequence.endswith("INVITE"):
            continue
        if each.method == "INVITE":
            sent.setdefault(call_id, each.at)
            dialled.setdefault(call_id, each.user)
        elif each.status > 100:
            first.setdefault(call_id, each.at)
            if each.status >= 200:
                final.setdefault(call_id, each.status)
    statuses = Counter(final.values())
    if missing := total - statuses.total():
        statuses[0] = missing
    decided = sorted((at - sent[call_id]).total_seconds() * 1000 for call_id, at in first.items())
    took = max(first.values()) - min(sent.values()) if first else None
    seconds = took.total_seconds() if took else math.nan
    by_number: dict[str, list[int]] = {}
    for call_id, number in dialled.items():
        by_number.setdefault(number, []).append(final.get(call_id, 0))
    return LoadResult(dict(sorted(statuses.items())), tuple(decided), seconds, by_number)
