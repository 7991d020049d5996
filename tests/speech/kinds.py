"""Rules of each kind with short wordings, for the tests of what they mean."""

from policy.speech.rulebook import SpeechRulebook
from tests.speech.spoken import rulebook

_PATTERNS = """pack: test
version: "1"
patterns:
  quote: {leg: agent, phrases: [每月还款]}
  told.apr: {leg: agent, phrases: ['年化利率{percent}']}
  told.fees: {leg: agent, phrases: [手续费]}
  commits: {leg: customer, phrases: [我买一份]}
  refuses: {leg: customer, phrases: [不要再打]}
  sorry: {leg: agent, phrases: [打扰您了]}
  asked.person: {leg: agent, phrases: [您是本人吗]}
  answered.no: {leg: customer, phrases: [不是本人]}
  answered.yes: {leg: customer, phrases: [我是本人]}
  told.debt: {leg: agent, phrases: [您的欠款, 他的欠款]}
  asked.risk: {leg: customer, phrases: [风险大不大]}
  sharp: {leg: agent, phrases: [赶紧的]}
  repeated: {leg: agent, phrases: [资金用途]}
  low-risk: {leg: agent, phrases: [低风险]}
  busy:
    leg: customer
    phrases: [不方便]
    second_look: {heard: [不方便], instead: [方便]}
  stop: {leg: customer, phrases: [别再骚扰我], certain_from: 0.95, provisional_from: 0.6}
  yue: {leg: customer, phrases: [不打], dialects: {yue: [唔好再打]}}
events:
  not-debtor: {kind: said, leg: customer, patterns: [answered.no], answering: [asked.person]}
  raised: {kind: voice, leg: agent, louder_by_db: 6, faster_by_percent: 40, emotions: [angry]}
  talks-on: {kind: talk_over, leg: agent, longer_than_s: 1}
rules:
"""
_RULES = {
    "quoted": "kind: not_said, leg: agent, patterns: [told.apr], by: [commits, call.ends], "
    "after: [quote], lies_on: [quote], once: call",
    "fees": "kind: not_said, leg: agent, patterns: [told.fees], by: [commits], once: call",
    "opening": "kind: not_said, leg: agent, patterns: [told.fees], within_speech_s: 3",
    "sells-on": "kind: speaks, leg: agent, after: [refuses], without: [sorry], once: call",
    "third-party": "kind: said, leg: agent, patterns: [told.debt], "
    "after: {any: [not-debtor], until: [answered.yes]}",
    "slow": "kind: no_answer, leg: agent, to: [asked.risk], within_s: 30",
    "talk-over": "kind: talk_over, leg: agent, longer_than_s: 3, more_than_times: 2",
    "talk-over-unexcused": "kind: any, leg: agent, of: [talks-on], "
    "unless_followed_by: {any: [sorry], within_s: 10}",
    "silence": "kind: silence, leg: agent, longer_than_s: 20",
    "repeated": "kind: said, leg: agent, patterns: [repeated], count: {at_least: 3, within_s: 60}",
    "wrong-apr": "kind: said, leg: agent, patterns: [told.apr], "
    "compare: {fact: annual_rate_percent, told: lower}",
    "wrong-level": "kind: said, leg: agent, patterns: [low-risk], "
    "compare: {fact: risk_level, says: R1}",
    "impatient": "kind: all, leg: agent, of: [sharp, raised], within_s: 4",
    "raised": "kind: any, leg: agent, of: [raised], provisional: true",
    "busy": "kind: said, leg: customer, patterns: [busy]",
    "stop": "kind: said, leg: customer, patterns: [stop]",
    "yue": "kind: said, leg: customer, patterns: [yue]",
    "answered-within": "kind: said, leg: customer, patterns: [commits], "
    "after: {any: [quote], within_turns: 1}",
    "soon": "kind: said, leg: agent, patterns: [quote], followed_by: {any: [commits], within_s: 5}",
}


def rules_of(*names: str) -> SpeechRulebook:
    """The named rules, all without a name."""
    head = "title: {zh: 甲, en: A}, severity: major, citation: house rule"
    written = [f"  - {{id: {name}, {head}, {_RULES[name]}}}\n" for name in names or _RULES]
    return rulebook(_PATTERNS + "".join(written))
