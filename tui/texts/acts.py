"""Owns the texts of what a person does: the questions, the answers, and why something is not done.

Read by `tui.language` alone.
"""

from typing import Final

ACTS: Final = {
    # who sits here
    "role.operator": ("操作员", "operator"),
    "role.supervisor": ("主管", "supervisor"),
    "role.auditor": ("审计", "auditor"),
    "role.admin": ("管理员", "admin"),
    "role.unknown": ("未知角色", "unknown role"),
    "act.barred": (
        "{who}（{role}）无权做这件事；谁可以，由网关的 oversight.people 文件规定",
        "{who} ({role}) may not do this; the gateway's file oversight.people says who may",
    ),
    # why not
    "refused.gone": ("没有做成：已经不在了（{why}）。", "Not done: it is no longer there ({why})."),
    "refused.forbidden": (
        "没有做成：网关不允许（{why}）。请有权限的人来做，或修改 oversight.people。",
        "Not done: the gateway does not allow it ({why}). "
        "Ask somebody who may, or change oversight.people.",
    ),
    "refused.unknown-person": (
        "没有做成：网关不认识你（{why}）。检查 oversight.token_file 或客户端证书。",
        "Not done: the gateway does not know you ({why}). "
        "Look at oversight.token_file, or at your certificate.",
    ),
    "refused.wanting": (
        "没有做成：{why}。补上后再试。",
        "Not done: {why}. Mend that and try again.",
    ),
    "refused.away": (
        "没有做成：{why}。看「健康」页哪个部件有问题，然后再试。",
        "Not done: {why}. See in Health which part is not well, then try again.",
    ),
    "refused.old": (
        "没有做成：这个网关还不会做这件事，请升级网关。",
        "Not done: this gateway cannot do it yet; upgrade it.",
    ),
    "refused.demo": (
        "这是演示：真实系统里此时已写入账本并执行，这里什么都不会发生。",
        "This is a demo: a real gateway would have recorded and done it; nothing happens here.",
    ),
    # nothing to act on
    "none.call": ("没有选中在线的通话。", "No live call is selected."),
    "none.any.call": ("没有选中通话。", "No call is selected."),
    "none.finding": ("这里没有选中发现。", "No finding is selected here."),
    "none.agent": ("没有选中坐席。", "No agent is selected."),
    "none.alert": ("没有未确认的警报。", "No alert is open."),
    "none.listening": ("没有正在旁听的通话。", "You listen in on no call."),
    # every question
    "ask.no": ("取消 (n)", "Cancel (n)"),
    "ask.note": ("备注", "Note"),
    "ask.note.needed": ("备注（必填）", "Note (needed)"),
    "ask.record": ("记录中的操作人：{who}", "On record as: {who}"),
    # hanging up
    "hangup.title": ("挂断这通电话？", "Hang up this call?"),
    "hangup.body": (
        "坐席 {agent} 与客户 {number} 的通话会立即断开，不能撤销。",
        "Agent {agent} and customer {number} are cut off at once; it cannot be undone.",
    ),
    "hangup.yes": ("挂断 (y)", "Hang up (y)"),
    "hangup.done": ("已挂断 {agent} → {number}。", "Hung up {agent} → {number}."),
    # listening in
    "listen.title": ("旁听 {agent} → {number}", "Listen in on {agent} → {number}"),
    "listen.body": (
        "电话会打到分机 {extension}；浏览器链接只给一个人、只在几分钟内有效。"
        "旁听时双方听不到你；密语只有坐席听到；插话双方都听到。",
        "Your extension {extension} rings; a browser link is good for one person and a few "
        "minutes. Listening is heard by nobody, a whisper by the agent alone, barging by both.",
    ),
    "listen.listen": ("旁听 (l)", "Listen (l)"),
    "listen.whisper": ("密语 (w)", "Whisper (w)"),
    "listen.barge": ("插话 (b)", "Barge (b)"),
    "listen.browser": ("旁听链接 (k)", "Browser link (k)"),
    "listen.extension": ("分机，留空用 {extension}", "extension; empty for {extension}"),
    "listen.no.extension": ("未登记", "(none on file)"),
    "listen.ringing": (
        "正在呼叫你的分机，接起即可听到 {agent}。",
        "Your extension rings; pick up to hear {agent}.",
    ),
    "listen.link.title": ("在浏览器里打开", "Open in a browser"),
    "listen.link.body": (
        "已复制到剪贴板（终端允许时）。链接只能用一次：",
        "Copied, where the terminal allows it. The link is good once:",
    ),
    "listen.link.close": ("知道了 (y)", "Got it (y)"),
    "listen.ended": ("已停止旁听。", "You no longer listen in."),
    # reviews
    "judge.title": ("复核：{finding}", "Review: {finding}"),
    "judge.body": (
        "坐席 {agent}，听到「{heard}」。现状：{standing}。",
        "Agent {agent}, heard “{heard}”. It stands as: {standing}.",
    ),
    "judge.uphold": ("维持 (u)", "Uphold (u)"),
    "judge.dismiss": ("驳回 (d)", "Dismiss (d)"),
    "judge.appeal": ("申诉 (p)", "Appeal (p)"),
    "judge.settle.uphold": ("裁定维持 (u)", "Settle: uphold (u)"),
    "judge.settle.dismiss": ("裁定驳回 (d)", "Settle: dismiss (d)"),
    "judge.which": (
        "这通电话有多个发现，复核哪一个？",
        "Several findings on this call: which one?",
    ),
    "judge.done": ("已记录：{standing}。", "On record: {standing}."),
    "standing.none": ("未复核", "not reviewed"),
    "standing.upheld": ("维持", "upheld"),
    "standing.dismissed": ("驳回", "dismissed"),
    "standing.appealed": ("申诉中", "appealed"),
    # suppressing
    "suppress.title": ("把 {number} 列入禁呼？", "Put {number} on the do-not-call list?"),
    "suppress.body": (
        "此后对这位客户的呼叫都会被拒绝，直到有人用 callwarden suppress remove 解除。",
        "Every further call to this customer is refused, until somebody lifts it with "
        "callwarden suppress remove.",
    ),
    "suppress.yes": ("列入禁呼 (y)", "Do not call (y)"),
    "suppress.done": ("{number} 已列入禁呼。", "{number} is on the do-not-call list."),
    # retraining
    "retrain.title": ("安排坐席 {agent} 再培训？", "Assign retraining to {agent}?"),
    "retrain.body": ("依据：{finding}", "Because of: {finding}"),
    "retrain.body.none": ("没有指定发现。", "No finding is named."),
    "retrain.yes": ("安排 (y)", "Assign (y)"),
    "retrain.done": ("已安排 {agent} 再培训。", "Retraining assigned to {agent}."),
    # shadow
    "shadow.title": ("把规则转为影子模式？", "Switch this rule to shadow?"),
    "shadow.body": (
        "规则「{rule}」此后只记录，不再告警、不再列入禁呼，对所有通话立即生效。",
        "Rule “{rule}” only records from now on: no alert, no do-not-call entry, on every call.",
    ),
    "shadow.yes": ("转为影子 (y)", "To shadow (y)"),
    "shadow.done": (
        "{rule} 已转为影子，规则库 {version}。",
        "{rule} is in shadow now; rulebook {version}.",
    ),
    # alerts
    "acknowledge.done": ("已确认：{alert}", "Acknowledged: {alert}"),
}
