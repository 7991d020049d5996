"""A recorded moment of a floor: fourteen live calls, decisions, findings, suppressions,
health.

Every screen test and the README's picture are driven by it. Times hang on `NOW` alone, so that a
screen is the same on every machine, at any hour.
"""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from google.protobuf.message import Message

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 23, 14, 32, 7, tzinfo=ZONE).timestamp()

AGENT, CUSTOMER = conversation.LEG_AGENT, conversation.LEG_CUSTOMER
DIALLING, LISTENED = oversight.CALL_STATE_DIALLING, oversight.CALL_STATE_LISTENED
UNHEARD, ENDED = oversight.CALL_STATE_UNHEARD, oversight.CALL_STATE_ENDED
CERTAIN = conversation.FINDING_STATUS_CERTAIN
PROVISIONAL = conversation.FINDING_STATUS_PROVISIONAL
WITHDRAWN = conversation.FINDING_STATUS_WITHDRAWN

RULEBOOK = conversation.RulebookIdentity(version="house-1 base-1", digest="7c4a8d09ca3762af" * 4)
MODEL = "streaming-zipformer-zh-int8-2025-06-30"

RULES = {
    "forbidden.guaranteed-return": ("critical", "承诺保本保收益", "Promises a return"),
    "forbidden.zero-risk": ("critical", "宣称零风险", "Claims there is no risk"),
    "forbidden.pressure": ("major", "催促立即决定", "Pushes for a decision now"),
    "collection.threat": ("critical", "催收中威胁", "Threatens the debtor"),
    "collection.third-party-pressure": ("major", "以告知他人施压", "Threatens to tell others"),
    "attitude.impatient": ("minor", "态度不耐烦", "Impatient"),
    "attitude.perfunctory": ("minor", "敷衍客户提问", "Brushes a question off"),
    "opening.recording-notice": ("minor", "未告知录音", "Recording not announced"),
    "refusal.explicit": ("info", "客户明确拒绝来电", "Customer refuses calls"),
}

REASONS = {
    "house.window": (
        "不在 08:00–20:00 可呼时段（被叫当地）",
        "Outside 08:00–20:00 at the called party",
        "house rule",
    ),
    "house.attempts": ("当日已呼 3 次", "Called 3 times today", "house rule"),
    "house.attempts-of-a-debt": (
        "同一笔债七天内已呼 7 次",
        "Called 7 times in 7 days about one debt",
        "house rule",
    ),
    "house.suppressed": ("客户已拒绝来电", "The customer refused calls", "house rule"),
}


class Recording:
    """Writes events with rising sequence numbers."""

    def __init__(self) -> None:
        self.events: list[oversight.Event] = []

    def add(self, kind: str, payload: Message, ago_s: float = 0.0) -> None:
        event = oversight.Event(sequence=len(self.events) + 1, at=NOW - ago_s)
        getattr(event, kind).CopyFrom(payload)
        self.events.append(event)


def call(  # noqa: PLR0917  # a row of a table of calls
    call_id: str,
    agent: str,
    number: str,
    scene: str,
    state: oversight.CallState.ValueType,
    seconds: float,
    talking: tuple[conversation.Leg.ValueType, ...] = (),
    analysed: float = 1.0,
    *,
    cause: str = "",
    causes: tuple[str, ...] = (),
    ended_ago: float = 0.0,
) -> oversight.CallChanged:
    """A call that has gone on for `seconds`; `analysed` is the share of both legs."""
    begun = NOW - seconds - ended_ago
    dialling = state == DIALLING
    return oversight.CallChanged(
        call_id=call_id,
        state=state,
        number_masked=number,
        agent=agent,
        scene=scene,
        started_at=begun - (0 if dialling else 9),
        answered_at=0 if dialling else begun,
        ended_at=NOW - ended_ago if state == ENDED else 0,
        talking=talking,
        coverage=[]
        if dialling
        else [
            conversation.LegCoverage(
                leg=leg, received_s=seconds, analysed_s=seconds * analysed, causes=causes
            )
            for leg in (AGENT, CUSTOMER)
        ],
        unheard_cause=cause,
        q850_cause=16 if state == ENDED else 0,
    )


def say(  # noqa: PLR0917  # a row of a table of words
    call_id: str,
    number: int,
    leg: conversation.Leg.ValueType,
    start_s: float,
    end_s: float,
    text: str = "",
    *,
    tokens: str = "",
    final: bool = True,
) -> oversight.UtteranceHeard:
    """An utterance; `tokens` are spread evenly over its time."""
    pieces = tokens.split()
    step_s = (end_s - start_s) / max(1, len(pieces))
    return oversight.UtteranceHeard(
        call_id=call_id,
        utterance=conversation.Utterance(
            utterance_id=f"{'agent' if leg == AGENT else 'customer'}-{number}",
            leg=leg,
            start_s=start_s,
            end_s=end_s,
            text=text or "".join(pieces),
            tokens=pieces,
            token_starts_s=[start_s + place * step_s for place in range(len(pieces))],
            final=final,
        ),
    )


def find(
    change: oversight.CallChanged,
    rule: str,
    heard: str,
    matched: str,
    span: tuple[float, float],
    *,
    pinyin: str = "",
    leg: conversation.Leg.ValueType = AGENT,
    status: conversation.FindingStatus.ValueType = CERTAIN,
    before: str = "",
    after: str = "",
    confidence: float = 0.94,
) -> oversight.FindingRaised:
    severity, title_zh, title_en = RULES[rule]
    return oversight.FindingRaised(
        call_id=change.call_id,
        agent=change.agent,
        scene=change.scene,
        finding=conversation.Finding(
            finding_id=f"{rule}@{span[0]:.2f}",
            rule=rule,
            pack="base",
            rulebook=RULEBOOK,
            severity=severity,
            leg=leg,
            start_s=span[0],
            end_s=span[1],
            heard_text=heard,
            heard_pinyin=pinyin,
            matched=matched,
            confidence=confidence,
            status=status,
            before=before,
            after=after,
            title_zh=title_zh,
            title_en=title_en,
            raised_s=span[1] + 0.4,
        ),
    )


def decide(
    number: int, agent: str, masked: str, scene: str, *rules: str, earliest: float = 0.0
) -> oversight.DecisionMade:
    return oversight.DecisionMade(
        decision_id=f"d-20261123-{number:05}",
        verdict=oversight.VERDICT_DENY if rules else oversight.VERDICT_ALLOW,
        reasons=[
            oversight.Reason(
                rule=rule,
                pack="house",
                title_zh=REASONS[rule][0],
                title_en=REASONS[rule][1],
                citation=REASONS[rule][2],
            )
            for rule in rules
        ],
        earliest=earliest,
        number_masked=masked,
        agent=agent,
        scene=scene,
        rulebook=RULEBOOK,
        elapsed_ms=3.1 + number % 7 * 0.6,
    )


SALE = ("成交", "Sale closed")


def duty(
    rule: str,
    title_zh: str,
    title_en: str,
    made_s: float | None = None,
    before: tuple[str, str] = ("", ""),
) -> conversation.Duty:
    return conversation.Duty(
        rule=rule,
        title_zh=title_zh,
        title_en=title_en,
        made_s=made_s,
        before_zh=before[0],
        before_en=before[1],
    )


TOMORROW_8 = datetime(2026, 11, 24, 8, 0, tzinfo=ZONE).timestamp()

WEALTH = call("c-1007", "1007", "+86138****8000", "marketing.wealth", LISTENED, 47, (AGENT,))
COLLECTION = call(
    "c-1012", "1012", "+86186****0417", "collection.reminder", LISTENED, 92, (CUSTOMER,)
)
LOST_WORKER = call(
    "c-1003",
    "1003",
    "+86159****2236",
    "marketing.loan",
    UNHEARD,
    203,
    analysed=0.61,
    cause="recognizer worker lost; no other had room",
    causes=("worker-lost",),
)
REFUSAL = call("c-1019", "1019", "+86177****5108", "marketing.loan", LISTENED, 26, (AGENT,))
LOAN = call("c-1015", "1015", "+86133****7724", "marketing.loan", LISTENED, 131, (CUSTOMER,))
INSURANCE = call("c-1004", "1004", "+86150****3391", "marketing.insurance", LISTENED, 318, (AGENT,))
REVIEW = call("c-1021", "1021", "+86189****6650", "review.loan", LISTENED, 64, (CUSTOMER, AGENT))
RENEWAL = call("c-1022", "1022", "+86187****3049", "marketing.insurance", LISTENED, 37, (AGENT,))
WEALTH_TOO = call(
    "c-1005", "1005", "+86156****9931", "marketing.wealth", LISTENED, 249, (CUSTOMER,)
)
REMINDER = call("c-1014", "1014", "+86183****6208", "collection.reminder", LISTENED, 71, (AGENT,))
LOAN_TOO = call("c-1017", "1017", "+86131****1540", "marketing.loan", LISTENED, 15, (CUSTOMER,))
REVIEW_TOO = call("c-1001", "1001", "+86188****0276", "review.loan", LISTENED, 402)
RINGING = call("c-1009", "1009", "+86135****1182", "marketing.wealth", DIALLING, 6)
RINGING_TOO = call("c-1016", "1016", "+86132****4475", "collection.reminder", DIALLING, 2)
ENDED_CLEAN = call("c-1002", "1002", "+86181****9043", "review.loan", ENDED, 174, ended_ago=21)
ENDED_UNHEARD = call(
    "c-1011",
    "1011",
    "+86137****2815",
    "marketing.loan",
    ENDED,
    88,
    analysed=0.0,
    causes=("worker-lost",),
    ended_ago=55,
)

CALLS = (
    WEALTH,
    COLLECTION,
    LOST_WORKER,
    REFUSAL,
    LOAN,
    INSURANCE,
    REVIEW,
    RENEWAL,
    WEALTH_TOO,
    REMINDER,
    LOAN_TOO,
    REVIEW_TOO,
    RINGING,
    RINGING_TOO,
    ENDED_CLEAN,
    ENDED_UNHEARD,
)


def _wealth() -> Iterator[tuple[str, Message, float]]:
    c = WEALTH.call_id
    said = [
        (AGENT, 1.3, 6.7, "您好，这里是东江银行财富中心，本次通话会全程录音。"),
        (CUSTOMER, 7.4, 7.9, "你好。"),
        (AGENT, 8.6, 12.8, "我们新出的这款产品保本保息，您可以放心买。"),
        (CUSTOMER, 13.5, 15.8, "那到期会不会亏钱？"),
        (AGENT, 16.5, 19.3, "这一款是零风险的，您放一百个心。"),
        (CUSTOMER, 20.0, 21.3, "那收费怎么算？"),
        (AGENT, 22.0, 25.0, "管理费一年千分之六，别的都不收。"),
        (CUSTOMER, 26.1, 31.4, "我再考虑一下吧，我得跟家里人商量商量。"),
        (AGENT, 32.0, 37.9, "额度今天就结束，您现在不定，明天就没有这个利率了。"),
        (CUSTOMER, 39.0, 42.2, "那……到期能拿回多少？"),
    ]
    for number, (leg, start_s, end_s, text) in enumerate(said):
        yield "utterance", say(c, number, leg, start_s, end_s, text), 47 - end_s
    guaranteed = find(
        WEALTH,
        "forbidden.guaranteed-return",
        "保本保息",
        "保本保息",
        (10.7, 11.6),
        pinyin="bǎo běn bǎo xī",
        before="你好。",
        after="那到期会不会亏钱？",
        confidence=0.97,
    )
    yield "finding", guaranteed, 34.9
    risk = find(
        WEALTH,
        "forbidden.zero-risk",
        "零风险",
        "零风险",
        (17.0, 17.9),
        pinyin="líng fēng xiǎn",
        before="那到期会不会亏钱？",
        after="那收费怎么算？",
    )
    yield "finding", risk, 28.4
    pressure = find(
        WEALTH,
        "forbidden.pressure",
        "今天就结束",
        "今天就结束",
        (32.9, 34.2),
        pinyin="jīn tiān jiù jié shù",
        before="我再考虑一下吧，我得跟家里人商量商量。",
        confidence=0.88,
    )
    yield "finding", pressure, 12.1
    growing = say(c, 10, AGENT, 43.0, 46.6, "您放心，本金加利息一分都", final=False)
    yield "utterance", growing, 0.3


def _collection() -> Iterator[tuple[str, Message, float]]:
    """Heard by a model that writes no characters."""
    c = COLLECTION.call_id
    said = [
        (AGENT, 1.3, 6.4, "nin2 hao3 qing3 wen4 nin2 shi4 li3 xian1 sheng5 ma5"),
        (CUSTOMER, 7.2, 8.8, "shi4 wo3 zen3 me5 le5"),
        (AGENT, 9.5, 12.6, "ni3 de5 qian2 zai4 bu4 huan2 wo3 men5 jiu4 shang4 men2 qu4 zhao3 ni3"),
        (CUSTOMER, 13.3, 14.4, "ni3 men5 bu4 neng2 zhe4 yang4"),
        (AGENT, 15.1, 18.1, "wo3 hui4 gao4 su4 ni3 de5 jia1 ren2 he2 dan1 wei4 ling3 dao3"),
    ]
    for number, (leg, start_s, end_s, tokens) in enumerate(said):
        yield "utterance", say(c, number, leg, start_s, end_s, "", tokens=tokens), 92 - end_s
    threat = find(
        COLLECTION,
        "collection.threat",
        "",
        "上门",
        (11.14, 11.5),
        pinyin="shàng mén",
        before="shì wǒ zěn me le",
        after="nǐ men bù néng zhè yàng",
    )
    yield "finding", threat, 79.2
    pressure = find(
        COLLECTION,
        "collection.third-party-pressure",
        "",
        "告诉…家人",
        (15.56, 16.93),
        pinyin="gào sù nǐ de jiā rén",
        status=PROVISIONAL,
        confidence=0.71,
    )
    yield "finding", pressure, 73.5
    growing = say(c, 9, CUSTOMER, 90.4, 91.8, "", tokens="wo3 yao4 tou2", final=False)
    yield "utterance", growing, 0.2


def _others() -> Iterator[tuple[str, Message, float]]:
    said = "我不贷款，请不要再给我打电话。"
    yield "utterance", say(REFUSAL.call_id, 1, CUSTOMER, 18.2, 21.2, said), 4.8
    refusal = find(
        REFUSAL,
        "refusal.explicit",
        "不要再给我打电话",
        "不要再…打电话",
        (19.1, 20.9),
        leg=CUSTOMER,
        pinyin="bù yào zài gěi wǒ dǎ diàn huà",
        confidence=0.96,
    )
    yield "finding", refusal, 4.5
    entry = oversight.SuppressionMade(
        suppression_id="s-00418",
        number_masked=REFUSAL.number_masked,
        source="refusal",
        call_id=REFUSAL.call_id,
        finding_id=refusal.finding.finding_id,
    )
    yield "suppression", entry, 4.4
    reply = "好的，打扰您了，祝您"
    yield "utterance", say(REFUSAL.call_id, 2, AGENT, 23.0, 25.6, reply, final=False), 0.4
    impatient = find(LOAN, "attitude.impatient", "说了多少遍", "说了多少遍", (88.0, 89.1))
    yield "finding", impatient, 41.0
    brushed = find(WEALTH_TOO, "attitude.perfunctory", "你自己看", "你自己看", (140.2, 141.0))
    yield "finding", brushed, 107.0
    notice = find(INSURANCE, "opening.recording-notice", "", "", (0.0, 20.0), confidence=1.0)
    yield "finding", notice, 296.0
    taken_back = find(
        ENDED_CLEAN,
        "forbidden.pressure",
        "最后一天",
        "最后一天",
        (61.0, 61.9),
        status=WITHDRAWN,
        confidence=0.52,
    )
    yield "finding", taken_back, 112.0
    said = "您这边是用于装修，对吗？"
    yield "utterance", say(REVIEW.call_id, 1, AGENT, 60.0, 63.0, said, final=False), 0.4


def _duties() -> Iterator[tuple[str, Message, float]]:
    recording = duty("opening.recording-notice", "通话录音", "Recording of the call", 4.1)
    yield (
        "duty",
        oversight.DutyChanged(
            call_id=WEALTH.call_id,
            duties=[
                recording,
                duty("disclosure.fees", "收费标准", "Fees", 31.2, before=SALE),
                duty("disclosure.risk-level", "产品风险等级", "Risk level", before=SALE),
                duty(
                    "suitability.risk-tolerance",
                    "询问风险承受能力",
                    "Ask risk tolerance",
                    before=SALE,
                ),
            ],
        ),
        1.0,
    )
    missed = duty("opening.recording-notice", "通话录音", "Recording of the call")
    yield "duty", oversight.DutyChanged(call_id=INSURANCE.call_id, duties=[missed]), 1.0


def _decisions() -> Iterator[tuple[str, Message, float]]:
    rows = (
        (1284, "1016", "+86132****4475", "collection.reminder", 2.0, (), 0.0),
        (1283, "1009", "+86135****1182", "marketing.wealth", 6.0, (), 0.0),
        (1282, "1018", "+86177****5108", "marketing.loan", 3.0, ("house.suppressed",), 0.0),
        (1281, "1006", "+86139****0852", "marketing.loan", 14.0, ("house.attempts",), TOMORROW_8),
        (1280, "1019", "+86177****5108", "marketing.loan", 35.0, (), 0.0),
        (
            1279,
            "1020",
            "+1415****0132",
            "marketing.wealth",
            44.0,
            ("house.window", "house.attempts"),
            TOMORROW_8 - 9 * 3600,
        ),
        (1278, "1007", "+86138****8000", "marketing.wealth", 56.0, (), 0.0),
        (1277, "1021", "+86189****6650", "review.loan", 73.0, (), 0.0),
        (1276, "1005", "+86136****7719", "marketing.insurance", 85.0, ("house.suppressed",), 0.0),
        (1275, "1012", "+86186****0417", "collection.reminder", 101.0, (), 0.0),
        (1274, "1015", "+86133****7724", "marketing.loan", 140.0, (), 0.0),
        (1273, "1008", "+86158****3360", "marketing.loan", 163.0, ("house.attempts",), TOMORROW_8),
    )
    for number, agent, masked, scene, ago_s, rules, earliest in reversed(rows):
        made = decide(number, agent, masked, scene, *rules, earliest=earliest)
        yield "decision", made, ago_s


def health(recognizer: str = "one of 2 workers lost, starting again") -> oversight.HealthChanged:
    ok, degraded = oversight.HEALTH_STATUS_OK, oversight.HEALTH_STATUS_DEGRADED
    morning = datetime(2026, 11, 23, 7, 30, 2, tzinfo=ZONE).timestamp()
    parts = (
        ("gate", ok, "127.0.0.1:4573", morning),
        ("ledger", ok, "ledger.sqlite3, 41 GB free", morning),
        ("rulebook", ok, "house-1 base-1 · 7c4a8d09ca37", morning),
        ("asterisk-ari", ok, "Asterisk 22.10.1", morning + 1),
        ("asterisk-ami", ok, "Asterisk 22.10.1", morning + 1),
        ("recognizer", degraded if recognizer else ok, recognizer, NOW - 118),
    )
    return oversight.HealthChanged(
        parts=[
            oversight.PartHealth(part=part, status=status, message=message, since=since)
            for part, status, message, since in parts
        ],
        open_gate_sessions=1,
        live_calls=14,
        decisions_today=1284,
        denials_today=97,
        gate_p99_ms=8.4,
        model=MODEL,
        recognizers=[
            oversight.RecognizerHealth(
                address="127.0.0.1:4576",
                status=degraded if recognizer else ok,
                lag_s=2.4 if recognizer else 0.3,
                calls=9,
                most_calls=20,
                workers=2,
                workers_alive=1 if recognizer else 2,
                model=MODEL,
                degraded=["second pass"] if recognizer else [],
            ),
            oversight.RecognizerHealth(
                address="10.0.4.12:4576",
                status=ok,
                lag_s=0.2,
                calls=5,
                most_calls=40,
                workers=4,
                workers_alive=4,
                model=MODEL,
            ),
        ],
        dialling_rulebook=RULEBOOK,
        speech_rulebook=RULEBOOK,
        disk_free_bytes=44_400_000_000,
        ledger_bytes=3_180_000_000,
        received_s=4310.0,
        analysed_s=4148.0,
        limits=[
            _limit("house.attempts", 31),
            _limit("house.attempts-of-a-debt", 0),
        ],
    )


def _limit(rule: str, refusals: int) -> oversight.LimitUsed:
    zh, en, citation = REASONS[rule]
    limit = oversight.Reason(rule=rule, pack="house", title_zh=zh, title_en=en, citation=citation)
    return oversight.LimitUsed(limit=limit, refusals_today=refusals)


def _alerts() -> Iterator[tuple[str, Message, float]]:
    """Worst, repeated, quiet and acknowledged ones, told in the order in which they fell."""
    yield (
        "alert",
        alert("a-71", "minor", "finding", "forbidden.pressure", ENDED_CLEAN, done="wang"),
        107.0,
    )
    yield "alert", alert("a-72", "major", "uncovered", "", LOST_WORKER), 98.0
    yield "alert", alert("a-73", "critical", "finding", "collection.threat", COLLECTION), 79.0
    yield "alert", alert("a-74", "minor", "finding", "attitude.impatient", LOAN, quiet=True), 41.0
    for count, ago_s in ((1, 34.0), (2, 28.0), (3, 12.0)):
        fallen = alert("a-75", "critical", "finding", "forbidden.guaranteed-return", WEALTH)
        fallen.count = count
        yield "alert", fallen, ago_s


def alert(  # a row of a table of alerts
    alert_id: str,
    severity: str,
    kind: str,
    rule: str,
    change: oversight.CallChanged,
    *,
    done: str = "",
    quiet: bool = False,
) -> oversight.AlertChanged:
    """Of a rule's finding, or of a call that nobody hears."""
    zh, en = RULES[rule][1:] if rule else ("整通电话未分析", "A call is not analysed")
    return oversight.AlertChanged(
        alert_id=alert_id,
        severity=severity,
        kind=kind,
        title_zh=zh,
        title_en=en,
        call_id=change.call_id,
        agent=change.agent,
        count=1,
        acknowledged_at=NOW - 63 if done else 0,
        acknowledged_by=done,
        quiet=quiet,
    )


def sample() -> list[oversight.Event]:
    """The present state, `live`, and a first health report, as a gateway sends them."""
    recording = Recording()
    for change in CALLS:
        recording.add("call", change, 21.0 if change.state == ENDED else 0.0)
    for part in (_decisions(), _wealth(), _collection(), _others(), _duties(), _alerts()):
        for kind, payload, ago_s in part:
            recording.add(kind, payload, ago_s)
    recording.add(
        "suppression",
        oversight.SuppressionMade(
            suppression_id="s-00417",
            number_masked="+86136****7719",
            source="complaint",
        ),
        5400.0,
    )
    recording.add(
        "suppression",
        oversight.SuppressionMade(
            suppression_id="s-00416",
            number_masked="+86130****5527",
            source="refusal",
            call_id="c-0931",
            provisional=True,
        ),
        9120.0,
    )
    recording.add("health", health())
    recording.add("live", oversight.Live())
    return recording.events
