"""Owns the reasons that no rulebook gives: what `evaluate` refuses or lets pass by itself, and why
the gate refuses when it cannot ask.

Called by `evaluate` and by the gate. A refusal never depends on a rulebook that could be read.
"""

from policy.dialling.decision import Decision, Reason, Verdict
from policy.identity import RulebookIdentity, Title

PACK = "built-in"
CITATION = "house rule"
NO_RULEBOOK = RulebookIdentity(version="none", digest="")
"""What a decision names when no rulebook could be loaded."""

ALWAYS_ALLOWED_EMERGENCY = "always-allowed.emergency"
NUMBER_UNPARSABLE = "number.unparsable"
NUMBER_ZONE_UNKNOWN = "number.zone-unknown"
GATE_RULEBOOK_BROKEN = "gate.rulebook-broken"
GATE_LEDGER_UNAVAILABLE = "gate.ledger-unavailable"
GATE_DEADLINE = "gate.deadline"
GATE_BAD_REQUEST = "gate.bad-request"
GATE_FAILED = "gate.failed"

_TITLES = {
    ALWAYS_ALLOWED_EMERGENCY: Title(zh="紧急号码一律放行", en="Emergency numbers always pass"),
    NUMBER_UNPARSABLE: Title(
        zh="不是可识别的电话号码", en="Not a telephone number that can be recognised"
    ),
    NUMBER_ZONE_UNKNOWN: Title(
        zh="无法确定被叫方所在时区", en="The called party's time zone is not known"
    ),
    GATE_RULEBOOK_BROKEN: Title(
        zh="规则文件有误，全部拒绝", en="The rulebook cannot be read: everything is refused"
    ),
    GATE_LEDGER_UNAVAILABLE: Title(
        zh="台账无法读写，全部拒绝", en="The ledger cannot be used: everything is refused"
    ),
    GATE_DEADLINE: Title(zh="未能在时限内作出决定", en="Not decided within the deadline"),
    GATE_BAD_REQUEST: Title(zh="外呼请求格式不正确", en="The request is malformed"),
    GATE_FAILED: Title(zh="闸门内部错误，予以拒绝", en="The gate failed inside, and so refuses"),
}


def built_in(rule: str) -> Reason:
    """The reason with that id. Raises KeyError for an id not named above."""
    return Reason(rule=rule, pack=PACK, title=_TITLES[rule], citation=CITATION)


def refused(rule: str, identity: RulebookIdentity) -> Decision:
    """A denial for one built-in reason, without knowing when the call would be allowed."""
    return Decision(Verdict.DENY, (built_in(rule),), None, identity)
