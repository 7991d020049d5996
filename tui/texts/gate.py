"""Owns the texts of decisions and do-not-call entries, in Chinese and English.

Read by `tui.language` alone.
"""

from typing import Final

GATE: Final = {
    # decisions
    "decisions.title": ("拨打决定", "Decisions"),
    "decisions.none": ("今天还没有决定。", "No decisions yet today."),
    "decision.allow": ("放行", "allow"),
    "decision.deny": ("拒绝", "refuse"),
    "decision.unknown": ("未知", "unknown"),
    "decision.reason": ("理由 {number}", "Reason {number}"),
    "decision.rule": ("规则", "Rule"),
    "decision.source": ("出处", "Source"),
    "decision.earliest": ("最早可呼", "Earliest allowed"),
    "decision.never": ("无（除非解除限制）", "none, unless what forbids it is lifted"),
    "decision.rulebook": ("规则库", "Rulebook"),
    "decision.id": ("决定号", "Decision"),
    "decision.elapsed": ("用时", "Took"),
    "decision.no.reasons": ("没有任何规则反对。", "No rule speaks against it."),
    "earliest.tomorrow": ("明天 {time}", "tomorrow {time}"),
    "decision.zone": ("{time}（{zone}）", "{time} ({zone})"),
    # limits
    "limits.title": ("限额 · 今日拒绝", "Limits · refused today"),
    "limits.none": ("规则库里没有限额规则。", "No rule in force sets a limit."),
    "limit.unused": ("今天没有人触及这条限额。", "Nobody has run into it today."),
    "limit.earlier": (
        "另有 {count} 次更早，见账本",
        "{count} more before these; see the ledger",
    ),
    # suppressions
    "suppressions.title": ("禁呼名单 · 今日新列入 {count}", "Do not call · {count} new today"),
    "suppressions.none": ("还没有新列入的号码。", "No new entries yet."),
    "source.refusal": ("客户拒绝", "refusal"),
    "source.import": ("名单导入", "import"),
    "source.manual": ("人工添加", "manual"),
    "source.complaint": ("投诉", "complaint"),
    "suppression.certain": ("生效", "in force"),
    "suppression.provisional": ("暂列，待复核", "provisional, to review"),
    "suppression.id": ("条目", "Entry"),
}
