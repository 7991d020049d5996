"""Makes the recorded hour that `callwarden console --demo` plays: `python -m tests.console.hour`.

Twelve agents, a predictive dialler and the product's own judgement: each decision is evaluated by
the shipped house rules over what happened before, each finding by the base pack over what is said.
People, numbers and words are invented. The same code writes the same file, byte for byte.
"""

import lzma
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from google.protobuf.message import Message

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from policy import rulebook
from policy.dialling import number as numbers
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Attempt, Facts, Suppression
from policy.dialling.request import DialRequest
from policy.on_the_wire import duties_message, finding_message, identity_message, utterance_message
from policy.ruling_on_the_wire import reason_message
from policy.speech import dialogue_test
from policy.speech.circumstances import CallCircumstances
from policy.speech.dialogue_test import Turn
from policy.speech.finding import Finding
from policy.speech.heard_call import HeardCall
from policy.speech.replay import replay
from policy.speech.utterance import Leg, Token, Utterance
from tests.console.hour_scripts import SCRIPTS, Script
from tui.recording import BEGINS, HOUR, LASTS_S, written

WARM_UP_S: Final = 240.0
"""What happens before the hour, so that it begins on a busy floor."""
AGENTS: Final = tuple(
    (f"{base + each}", scene)
    for scene, base, count in (
        ("marketing.wealth", 1007, 3),
        ("marketing.loan", 1012, 4),
        ("marketing.insurance", 2015, 2),
        ("collection.reminder", 3001, 2),
        ("review.loan", 4001, 1),
    )
    for each in range(count)
)
OUTAGE: Final = (1500.0, 1740.0)
"""While one of the two recognizers is away."""
MODEL: Final = "sherpa-onnx-streaming-zipformer-zh-int8-2025-06-30"
_PARTIAL_S: Final = 1.2
_REVIEWER: Final = "wang"


@dataclass
class Floor:
    """What the hour has come to: events by their second, and what later decisions rest on."""

    chance: random.Random
    rules: rulebook.Rulebook
    events: list[tuple[float, str, Message]] = field(default_factory=list)
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    suppressed: dict[str, Suppression] = field(default_factory=dict)
    refusals: dict[str, list[float]] = field(default_factory=dict)
    made: list[tuple[float, bool]] = field(default_factory=list)
    coverage: list[tuple[float, float, bool]] = field(default_factory=list)
    """When each call was up, and whether it was heard."""

    def add(self, at_s: float, kind: str, payload: Message) -> None:
        self.events.append((at_s, kind, payload))


def hour() -> list[oversight.Event]:
    """Every event of the hour in its order, numbered from 1, the warm-up before `live`."""
    floor = Floor(random.Random(20260302), rulebook.load(None, ["house"], ["base"]))
    people = [f"+86139{floor.chance.randrange(10**8):08}" for _ in range(900)]
    people += [f"+1212555{number:04}" for number in range(140, 152)]
    for agent, scene in AGENTS:
        at_s = -WARM_UP_S + floor.chance.uniform(0, 70)
        while at_s < LASTS_S:
            at_s = _turn(floor, at_s, agent, scene, floor.chance.choice(people))
    _alerts(floor)
    _health(floor)
    bypass = oversight.BypassFound(
        bypass_id="b-1",
        number_masked="+86137****2049",
        trunk="PJSIP/trunk",
        linkedid="1772434620.418",
        source="dial",
    )
    floor.add(2220.0, "bypass", bypass)
    floor.add(2220.4, "alert", _alert("a-bypass", "critical", "bypass", BYPASS))
    acknowledged = _alert("a-bypass", "critical", "bypass", BYPASS)
    acknowledged.acknowledged_at, acknowledged.acknowledged_by = BEGINS + 2290.0, _REVIEWER
    floor.add(2290.0, "alert", acknowledged)
    return _numbered(floor)


BYPASS: Final = ("有呼叫绕过闸门", "A call went round the gate")


def _numbered(floor: Floor) -> list[oversight.Event]:
    """By their time; the present state at 0 is what the warm-up left."""
    floor.add(0.0, "live", oversight.Live())
    events = []
    for number, (at_s, kind, payload) in enumerate(
        sorted(floor.events, key=lambda each: (each[0], each[1] == "live")), start=1
    ):
        if at_s > LASTS_S:
            break
        event = oversight.Event(sequence=number, at=BEGINS + _coarse(at_s))
        getattr(event, kind).CopyFrom(payload)
        events.append(event)
    return events


def _turn(floor: Floor, at_s: float, agent: str, scene: str, number: str) -> float:
    """One attempt to call somebody; gives when the agent is free again."""
    request = DialRequest(f"c-{len(floor.made):04}", number, scene, agent)
    now = _at(at_s)
    suppression = floor.suppressed.get(number)
    facts = Facts(tuple(floor.attempts.get(number, ())), (suppression,) if suppression else ())
    decision = evaluate(request, facts, floor.rules.dialling, now)
    floor.made.append((at_s, decision.allowed))
    for reason in decision.reasons:
        floor.refusals.setdefault(reason.rule, []).append(at_s)
    floor.add(
        at_s,
        "decision",
        oversight.DecisionMade(
            decision_id=f"d-{20000 + len(floor.made)}",
            verdict=oversight.VERDICT_ALLOW if decision.allowed else oversight.VERDICT_DENY,
            reasons=map(reason_message, decision.reasons),
            earliest=decision.earliest.timestamp()
            if decision.earliest and not decision.allowed
            else 0.0,
            number_masked=numbers.masked(number),
            agent=agent,
            scene=scene,
            rulebook=identity_message(decision.rulebook),
            elapsed_ms=round(floor.chance.uniform(2.1, 7.9), 1),
        ),
    )
    if not decision.allowed:
        return at_s + floor.chance.uniform(6, 14)
    floor.attempts.setdefault(number, []).append(Attempt(now))
    return _call(floor, at_s, request)


def _call(floor: Floor, at_s: float, request: DialRequest) -> float:
    """From dialling to the end; many are not answered."""
    chance = floor.chance
    change = oversight.CallChanged(
        call_id=request.nonce,
        state=oversight.CALL_STATE_DIALLING,
        number_masked=numbers.masked(request.number),
        agent=request.agent,
        scene=request.scene,
        started_at=BEGINS + _coarse(at_s),
    )
    floor.add(at_s + 0.05, "call", change)
    answered_s = at_s + chance.uniform(4, 16)
    if chance.random() < 0.25:
        floor.add(answered_s + 12, "call", _ended(change, answered_s + 12, 19))
        return answered_s + chance.uniform(18, 30)
    script = _script(chance, request.scene)
    spoken = _spoken(script, chance.uniform(0.85, 1.2))
    seconds = spoken[-1].end_s + 1.5
    unheard = OUTAGE[0] <= answered_s < OUTAGE[1] and int(request.agent) % 2 == 1
    floor.coverage.append((answered_s, answered_s + seconds, not unheard))
    _speak(floor, request, change, answered_s, spoken, seconds, unheard=unheard)
    return answered_s + seconds + chance.uniform(8, 25)


def _speak(  # noqa: PLR0917  # a call has so many sides
    floor: Floor,
    request: DialRequest,
    change: oversight.CallChanged,
    answered_s: float,
    spoken: Sequence[Utterance],
    seconds: float,
    *,
    unheard: bool,
) -> None:
    state = oversight.CALL_STATE_UNHEARD if unheard else oversight.CALL_STATE_LISTENED
    causes = ["no-capacity"] if unheard else []

    def now(at_s: float, talking: Sequence[Leg]) -> oversight.CallChanged:
        changed = oversight.CallChanged()
        changed.CopyFrom(change)
        changed.state, changed.answered_at = state, BEGINS + _coarse(answered_s)
        changed.talking.extend(sorted(_LEGS[leg] for leg in talking))
        changed.unheard_cause = "no recognizer had room" if unheard else ""
        heard_s = 0.0 if unheard else at_s
        changed.coverage.extend(
            conversation.LegCoverage(
                leg=_LEGS[leg],
                received_s=_coarse(at_s),
                analysed_s=_coarse(heard_s),
                causes=causes,
            )
            for leg in Leg
        )
        return changed

    floor.add(answered_s, "call", now(0.0, ()))
    for utterance in spoken:
        floor.add(answered_s + utterance.start_s, "call", now(utterance.start_s, [utterance.leg]))
        if not unheard:
            for at_s, heard in _growing(utterance):
                said = oversight.UtteranceHeard(call_id=request.nonce, utterance=heard)
                floor.add(answered_s + at_s, "utterance", said)
    ended = _ended(now(seconds, ()), answered_s + seconds, 16)
    floor.add(answered_s + seconds, "call", ended)
    if not unheard:
        _judge(floor, request, answered_s, spoken, seconds)


def _judge(
    floor: Floor,
    request: DialRequest,
    answered_s: float,
    spoken: Sequence[Utterance],
    seconds: float,
) -> None:
    """What the base pack finds, told as soon as it is known."""
    known = CallCircumstances(request.scene, BEGINS_AT.date())
    judged = replay(floor.rules.speech, HeardCall(request.nonce, known, seconds, spoken, ()))
    for at_s, duties in judged.duties:
        owed = oversight.DutyChanged(call_id=request.nonce, duties=duties_message(duties).duties)
        floor.add(answered_s + at_s + 0.3, "duty", owed)
    for found in judged.states:
        told_s = answered_s + min(found.raised_s, seconds) + 0.4
        floor.add(
            told_s,
            "finding",
            oversight.FindingRaised(
                call_id=request.nonce,
                agent=request.agent,
                scene=request.scene,
                finding=finding_message(found),
            ),
        )
        if found.rule == "refusal.explicit" and found.status.value == "certain":
            _suppress(floor, request, told_s, found)


def _suppress(floor: Floor, request: DialRequest, at_s: float, found: Finding) -> None:
    entry = f"s-{len(floor.suppressed) + 301:05}"
    if request.number in floor.suppressed:
        return
    floor.suppressed[request.number] = Suppression(entry, "refusal", _at(at_s))
    made = oversight.SuppressionMade(
        suppression_id=entry,
        number_masked=numbers.masked(request.number),
        source="refusal",
        call_id=request.nonce,
        finding_id=found.finding_id,
    )
    floor.add(at_s + 0.1, "suppression", made)


def _alerts(floor: Floor) -> None:
    """Of grave findings: the same rule within five minutes is one alert that is counted up; a
    person acknowledges most within three and reviews some of the findings."""
    open_since: dict[str, tuple[float, oversight.AlertChanged]] = {}
    for at_s, kind, payload in sorted(floor.events, key=lambda each: each[0]):
        if kind != "finding" or not isinstance(payload, oversight.FindingRaised):
            continue
        finding = payload.finding
        if finding.severity not in ("critical", "major"):
            continue
        since, alert = open_since.get(finding.rule, (-1e9, oversight.AlertChanged()))
        if at_s - since > 300:
            titles = finding.title_zh, finding.title_en
            alert = _alert(f"a-{len(floor.events):06}", finding.severity, "finding", titles)
            alert.count = 0
            open_since[finding.rule] = at_s, alert
            _dealt_with(floor, at_s, alert, payload)
        alert.count += 1
        alert.call_id, alert.agent = payload.call_id, payload.agent
        told = oversight.AlertChanged()
        told.CopyFrom(alert)
        floor.add(at_s + 0.2, "alert", told)


def _dealt_with(
    floor: Floor, at_s: float, alert: oversight.AlertChanged, payload: oversight.FindingRaised
) -> None:
    if floor.chance.random() < 0.3:
        return
    done_s = at_s + floor.chance.uniform(305, 420)
    done = oversight.AlertChanged()
    done.CopyFrom(alert)
    done.call_id, done.agent, done.count = payload.call_id, payload.agent, 1
    done.acknowledged_at, done.acknowledged_by = BEGINS + _coarse(done_s), _REVIEWER
    floor.add(done_s, "alert", done)
    standing = floor.chance.choice((oversight.STANDING_UPHELD, oversight.STANDING_DISMISSED))
    act = oversight.ActDone(
        act_id=f"act-{len(floor.events)}",
        act=oversight.ACT_REVIEW,
        who=_REVIEWER,
        role=oversight.ROLE_SUPERVISOR,
        call_id=payload.call_id,
        finding_id=payload.finding.finding_id,
        standing=standing,
    )
    floor.add(done_s + 20, "act", act)


def _health(floor: Floor) -> None:
    """Every 4 s. One recognizer is away for four minutes."""
    titles = ("识别器不可用", "A recognizer is away")
    floor.add(OUTAGE[0] + 2, "alert", _alert("a-health", "major", "health", titles))
    limits = floor.rules.dialling.limits
    for at_s in (second * 4.0 for second in range(int(-WARM_UP_S // 4), int(LASTS_S // 4))):
        away = OUTAGE[0] <= at_s < OUTAGE[1]
        up = [(begun, heard) for begun, over, heard in floor.coverage if begun <= at_s < over]
        received_s = 2 * sum(at_s - begun for begun, _ in up)
        analysed_s = 2 * sum(max(0.0, at_s - begun - 0.5) for begun, heard in up if heard)
        made = [allowed for when, allowed in floor.made if when <= at_s]
        floor.add(
            at_s,
            "health",
            oversight.HealthChanged(
                parts=_parts(at_s, away),
                open_gate_sessions=int(floor.chance.random() < 0.2),
                live_calls=len(up),
                decisions_today=4120 + len(made),
                denials_today=268 + made.count(False),
                gate_p99_ms=round(7.6 + floor.chance.random(), 1),
                model=MODEL,
                recognizers=_recognizers(floor, len(up), away),
                dialling_rulebook=identity_message(floor.rules.identity),
                speech_rulebook=identity_message(floor.rules.identity),
                disk_free_bytes=44_100_000_000 - int(at_s) * 2000,
                ledger_bytes=3_180_000_000 + int(at_s + WARM_UP_S) * 2000,
                received_s=round(received_s, 1),
                analysed_s=round(analysed_s, 1),
                limits=[
                    oversight.LimitUsed(
                        limit=reason_message(each),
                        refusals_today=37
                        + sum(when <= at_s for when in floor.refusals.get(each.rule, ())),
                    )
                    for each in limits
                ],
            ),
        )


def _parts(at_s: float, away: bool) -> Iterator[oversight.PartHealth]:
    ok, degraded = oversight.HEALTH_STATUS_OK, oversight.HEALTH_STATUS_DEGRADED
    morning = BEGINS - 6.5 * 3600
    for part in ("gate", "ledger", "rulebook", "asterisk-ari", "asterisk-ami"):
        yield oversight.PartHealth(part=part, status=ok, since=morning)
    since = BEGINS + OUTAGE[0] if away else BEGINS + OUTAGE[1] if at_s >= OUTAGE[1] else morning
    yield oversight.PartHealth(
        part="recognizer",
        status=degraded if away else ok,
        message="10.0.4.12:4576 does not answer; calls go to the other one" if away else "",
        since=since,
    )


def _recognizers(floor: Floor, calls: int, away: bool) -> Iterator[oversight.RecognizerHealth]:
    ok, down = oversight.HEALTH_STATUS_OK, oversight.HEALTH_STATUS_DOWN
    here = calls if away else (calls + 1) // 2
    yield oversight.RecognizerHealth(
        address="127.0.0.1:4576",
        status=ok,
        lag_s=round(floor.chance.uniform(0.2, 0.5) + (1.1 if away else 0), 1),
        calls=min(here, 8),
        most_calls=8,
        workers=2,
        workers_alive=2,
        model=MODEL,
        degraded=["second pass"] if away else [],
    )
    yield oversight.RecognizerHealth(
        address="10.0.4.12:4576",
        status=down if away else ok,
        message="does not answer" if away else "",
        lag_s=0.0 if away else round(floor.chance.uniform(0.2, 0.4), 1),
        calls=0 if away else calls // 2,
        most_calls=8,
        workers=2,
        workers_alive=0 if away else 2,
        model=MODEL,
    )


def _alert(
    alert_id: str, severity: str, kind: str, titles: tuple[str, str]
) -> oversight.AlertChanged:
    return oversight.AlertChanged(
        alert_id=alert_id,
        severity=severity,
        kind=kind,
        title_zh=titles[0],
        title_en=titles[1],
        count=1,
    )


def _script(chance: random.Random, scene: str) -> Script:
    fitting = [each for each in SCRIPTS if each.scene == scene]
    return chance.choices(fitting, [each.often for each in fitting])[0]


def _spoken(script: Script, pace: float) -> list[Utterance]:
    """The script as a recognizer that writes characters hears it; a larger pace is slower."""
    lines = [line.split("：", 1) for line in script.lines.split()]
    legs = {"席": "agent", "客": "customer"}
    turns = [Turn.model_validate({legs[who]: words}) for who, words in lines]
    heard = []
    for utterance, (_, words) in zip(dialogue_test.utterances(turns), lines, strict=True):
        characters = [each for each in words if each.isalnum()]
        heard.append(
            replace(
                utterance,
                start_s=_coarse(utterance.start_s * pace),
                end_s=_coarse(utterance.end_s * pace),
                tokens=tuple(
                    Token(each, _coarse(token.start_s * pace))
                    for each, token in zip(characters, utterance.tokens, strict=True)
                ),
                text=words,
            )
        )
    return heard


def _growing(utterance: Utterance) -> Iterator[tuple[float, conversation.Utterance]]:
    """Partials as the words come, then the final one; times in seconds of the call."""
    whole = utterance_message(utterance)
    del whole.tokens[:], whole.token_starts_s[:]
    at_s = utterance.start_s + _PARTIAL_S
    while at_s < utterance.end_s:
        said = sum(token.start_s < at_s for token in utterance.tokens)
        partial = conversation.Utterance()
        partial.CopyFrom(whole)
        partial.text = _first(utterance.text, said)
        partial.end_s, partial.final = _coarse(at_s), False
        yield at_s + 0.3, partial
        at_s += _PARTIAL_S
    yield utterance.end_s + 0.3, whole


def _first(text: str, characters: int) -> str:
    """Of a text the first so many characters, punctuation between them kept."""
    said = 0
    for place, letter in enumerate(text):
        said += letter.isalnum()
        if said > characters:
            return text[:place]
    return text


def _ended(change: oversight.CallChanged, at_s: float, cause: int) -> oversight.CallChanged:
    ended = oversight.CallChanged()
    ended.CopyFrom(change)
    del ended.talking[:]
    ended.state, ended.ended_at = oversight.CALL_STATE_ENDED, BEGINS + _coarse(at_s)
    ended.q850_cause = cause
    return ended


_LEGS: Final = {Leg.AGENT: conversation.LEG_AGENT, Leg.CUSTOMER: conversation.LEG_CUSTOMER}
BEGINS_AT: Final = datetime.fromtimestamp(BEGINS, UTC)


def _coarse(seconds: float) -> float:
    """To a sixteenth of a second: numbers of few bits make a small file."""
    return round(seconds * 16) / 16


def _at(at_s: float) -> datetime:
    return BEGINS_AT + timedelta(seconds=at_s)


def made() -> bytes:
    """The file's bytes."""
    return lzma.compress(written(hour()), format=lzma.FORMAT_XZ, preset=9)


def main() -> None:
    Path(HOUR).write_bytes(made())


if __name__ == "__main__":
    main()
