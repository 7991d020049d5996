"""Owns every text of the console, in Chinese and English, in one table.

Called by each widget with a `Language`, which is switched live. The one invariant, kept by a test:
each text stands in both languages with the same places to fill in, and every text is used.
"""

from typing import Literal

from callwarden.v1.conversation_pb2 import Finding
from callwarden.v1.oversight_pb2 import Reason

Locale = Literal["zh", "en"]

TEXTS: dict[str, tuple[str, str]] = {
    # the bar
    "bar.live": ("实时", "live"),
    "bar.connecting": ("连接中", "connecting"),
    "bar.silent": ("无消息 {age}", "silent {age}"),
    "bar.lost": ("已断开 · 画面停在 {age}前", "lost · view is {age} old"),
    "bar.never": ("未连上网关", "no gateway yet"),
    "bar.bypass": (
        "{count} 通呼叫绕过了闸门，最近一通 {at} 经 {trunk} 拨往 {number}",
        "{count} went round the gate, the last at {at} over {trunk} to {number}",
    ),
    "bar.retry": (
        "连不上网关（{why}），{wait} 后重试。画面停在最后收到的那一刻。",
        "The gateway cannot be reached ({why}); trying again in {wait}. "
        "What you see is from when it was last heard.",
    ),
    "bar.retry.never": (
        "连不上网关（{why}），{wait} 后重试。callwarden gateway run 是否已在 {address} 启动？",
        "The gateway cannot be reached ({why}); trying again in {wait}. "
        "Is callwarden gateway run up at {address}?",
    ),
    "bar.calls": ("通话 {count}", "calls {count}"),
    "bar.need": ("待处理 {count}", "need you {count}"),
    "bar.unheard": ("未分析 {count}", "not analysed {count}"),
    "bar.decisions": ("今日决定 {count}", "decisions today {count}"),
    "bar.denials": ("拒绝 {count}", "refused {count}"),
    "bar.gate": ("闸门 p99 {ms} ms", "gate p99 {ms} ms"),
    # panes
    "pane.floor": ("现场", "Floor"),
    "pane.decisions": ("决定", "Decisions"),
    "pane.findings": ("发现", "Findings"),
    "pane.suppressions": ("禁呼", "No-call"),
    "pane.health": ("健康", "Health"),
    "pane.filtered": ("{title} · 筛选「{words}」", "{title} · filter “{words}”"),
    "filter.hint": (
        "坐席、号码、场景、规则……输入即筛选，Esc 清除",
        "agent, number, scene, rule… as you type; Esc clears",
    ),
    # columns
    "column.mark": ("", ""),
    "column.agent": ("坐席", "Agent"),
    "column.number": ("号码", "Number"),
    "column.scene": ("场景", "Scene"),
    "column.state": ("状态", "State"),
    "column.time": ("时长", "Time"),
    "column.talking": ("说话", "Talking"),
    "column.coverage": ("已分析", "Heard"),
    "column.worst": ("最重发现", "Worst finding"),
    "column.count": ("数", "No."),
    "column.at": ("时间", "At"),
    "column.verdict": ("裁决", "Verdict"),
    "column.reasons": ("理由", "Reasons"),
    "column.earliest": ("最早可呼", "Earliest"),
    "column.finding": ("发现", "Finding"),
    "column.heard": ("听到", "Heard"),
    "column.matched": ("命中", "Matched"),
    "column.status": ("判定", "Status"),
    "column.source": ("来源", "Source"),
    "column.behind": ("依据", "Because of"),
    "column.part": ("部件", "Part"),
    "column.since": ("自", "Since"),
    "column.message": ("说明", "Message"),
    # calls
    "calls.title": ("通话", "Calls"),
    "calls.none": (
        "现在没有通话。放行的呼叫会出现在这里。",
        "No calls now. An allowed call appears here.",
    ),
    "nothing.matches": ("没有符合筛选的条目。", "Nothing matches the filter."),
    "state.dialling": ("呼出中", "dialling"),
    "state.listened": ("监听中", "heard"),
    "state.unheard": ("未分析", "not analysed"),
    "state.ended": ("已结束", "ended"),
    "state.unknown": ("未知", "unknown"),
    "talk.agent": ("席", "A"),
    "talk.customer": ("客", "C"),
    "leg.agent": ("坐席", "Agent"),
    "leg.customer": ("客户", "Customer"),
    "leg.unknown": ("未知", "Unknown"),
    "worst.none": ("无发现", "none"),
    "worst.unheard": ("整通未分析", "not analysed"),
    "worst.partly": ("有 {share} 未分析", "{share} not analysed"),
    # one call
    "call.title": ("{agent} → {number}", "{agent} → {number}"),
    "call.choose": ("选一通电话，在这里看逐字内容。", "Choose a call to read it here."),
    "call.coverage": ("已分析 {share}", "heard {share}"),
    "call.missing": ("{leg}缺 {seconds}（{causes}）", "{leg} lacks {seconds} ({causes})"),
    "call.cause.unknown": ("原因未报", "no cause given"),
    "call.q850": ("挂断原因 {cause}", "cause {cause}"),
    "call.suppressed": ("已列入禁呼", "now on the do-not-call list"),
    "call.suppressed.provisional": ("暂列禁呼，待复核", "do not call, provisionally; to review"),
    "call.unheard": ("未分析：这通电话没有被完整监听。", "Not analysed: nobody hears all of this."),
    "call.unheard.cause": ("原因：{cause}", "Why: {cause}"),
    "call.unheard.model": (
        "获取模型：callwarden models list，然后 callwarden models pull NAME",
        "Get a model: callwarden models list, then callwarden models pull NAME",
    ),
    "call.silent": ("还没有人说话。", "Nobody has spoken yet."),
    "call.nothing.heard": ("没有听到的内容可显示。", "Nothing was heard that could be shown."),
    "call.dialling": ("正在呼出，等待接听。", "Dialling; waiting for an answer."),
    "call.break": ("此处之前可能有缺漏，请查账本", "words may be missing here; see the ledger"),
    "call.matched": ("命中 {matched}", "matched {matched}"),
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
    # findings
    "findings.title": ("发现", "Findings"),
    "findings.none": (
        "还没有发现。只有已分析的通话才会有发现。",
        "No findings yet. Only calls that were analysed have any.",
    ),
    "finding.certain": ("确定", "certain"),
    "finding.provisional": ("待定", "provisional"),
    "finding.withdrawn": ("已撤回", "withdrawn"),
    "finding.before": ("前一句", "Before"),
    "finding.heard": ("听到", "Heard"),
    "finding.pinyin": ("拼音", "Pinyin"),
    "finding.after": ("后一句", "After"),
    "finding.matched": ("命中", "Matched"),
    "finding.confidence": ("可信度", "Confidence"),
    "finding.place": ("位置", "Place"),
    "finding.call": ("通话", "Call"),
    "severity.critical": ("严重", "critical"),
    "severity.major": ("重大", "major"),
    "severity.minor": ("轻微", "minor"),
    "severity.info": ("提示", "info"),
    # suppressions
    "suppressions.title": ("禁呼名单 · 新列入", "Do not call · new entries"),
    "suppressions.none": ("还没有新列入的号码。", "No new entries yet."),
    "source.refusal": ("客户拒绝", "refusal"),
    "source.import": ("名单导入", "import"),
    "source.manual": ("人工添加", "manual"),
    "source.complaint": ("投诉", "complaint"),
    "suppression.certain": ("生效", "in force"),
    "suppression.provisional": ("暂列，待复核", "provisional, to review"),
    "suppression.id": ("条目", "Entry"),
    # health
    "health.title": ("各部件", "Parts"),
    "health.none": ("网关还没有报告健康状况。", "The gateway has not told its health yet."),
    "health.ok": ("正常", "ok"),
    "health.degraded": ("降级", "degraded"),
    "health.down": ("故障", "down"),
    "health.unknown": ("未知", "unknown"),
    "health.for": ("{at} 起，已 {age}", "{at}, for {age}"),
    "health.sessions": ("闸门会话", "Open gate sessions"),
    "health.live": ("在线通话", "Live calls"),
    "health.decisions": ("今日决定", "Decisions today"),
    "health.denials": ("今日拒绝", "Refused today"),
    "health.p99": ("闸门 p99", "Gate p99"),
    "health.model": ("语音模型", "Speech model"),
    "health.no.model": (
        "没有：所有通话都是「未分析」。callwarden models list，然后 models pull NAME",
        "none: every call is not analysed. callwarden models list, then models pull NAME",
    ),
    "part.stream": ("监看流", "Oversight stream"),
    "part.gate": ("闸门", "Gate"),
    "part.ledger": ("账本", "Ledger"),
    "part.rulebook": ("规则库", "Rulebook"),
    "part.asterisk-ari": ("Asterisk ARI", "Asterisk ARI"),
    "part.asterisk-ami": ("Asterisk AMI", "Asterisk AMI"),
    "part.recognizer": ("识别器", "Recognizer"),
    "part.asterisk": ("Asterisk", "Asterisk"),
    # scenes
    "scene.marketing.loan": ("贷款营销", "loan sales"),
    "scene.marketing.wealth": ("理财营销", "wealth sales"),
    "scene.marketing.insurance": ("保险营销", "insurance"),
    "scene.collection.reminder": ("催收提醒", "collection"),
    "scene.review.loan": ("信贷审核", "loan review"),
    "scene.*": ("不限", "any"),
    # hanging up
    "hangup.title": ("挂断这通电话？", "Hang up this call?"),
    "hangup.body": (
        "坐席 {agent} 与客户 {number} 的通话会立即断开，不能撤销。记录中的操作人：{operator}",
        "Agent {agent} and customer {number} are cut off at once; it cannot be undone. "
        "On record as: {operator}",
    ),
    "hangup.yes": ("挂断 (y)", "Hang up (y)"),
    "hangup.no": ("不挂断 (n)", "Keep it (n)"),
    "hangup.done": ("已挂断 {agent} → {number}。", "Hung up {agent} → {number}."),
    "hangup.gone": ("这通电话已经结束。", "That call is no longer up."),
    "hangup.failed": ("没有挂断：{why}", "Not hung up: {why}"),
    "hangup.none": ("没有选中在线的通话。", "No live call is selected."),
    # help
    "help.title": ("按键", "Keys"),
    "help.marks": ("标记", "Marks"),
    "help.mark.critical": ("严重发现", "critical finding"),
    "help.mark.major": ("重大发现", "major finding"),
    "help.mark.minor": ("轻微发现", "minor finding"),
    "help.mark.info": ("提示", "information"),
    "help.mark.provisional": ("待定：以后的话可能撤回它", "provisional: later words may undo it"),
    "help.mark.unheard": ("未分析：不等于无违规", "not analysed: not the same as clean"),
    "help.mark.talking": ("正在说话", "is talking"),
    "help.close": ("Esc 关闭", "Esc closes"),
    "palette.hint": ("输入要做的事……", "What do you want to do…"),
    # actions
    "action.show-floor": ("现场", "Floor"),
    "action.show-floor.help": ("在线通话与逐字内容", "Live calls and what is said"),
    "action.show-decisions": ("决定", "Decisions"),
    "action.show-decisions.help": ("每个拨打决定及其全部理由", "Each decision, with all reasons"),
    "action.show-findings": ("发现", "Findings"),
    "action.show-findings.help": ("听到了什么、命中了什么", "What was heard and what matched"),
    "action.show-suppressions": ("禁呼", "No-call"),
    "action.show-suppressions.help": ("新列入禁呼的号码", "New do-not-call entries"),
    "action.show-health": ("健康", "Health"),
    "action.show-health.help": ("各部件的状况，自何时起", "How each part is, and since when"),
    "action.next": ("下一条", "Next"),
    "action.next.help": ("选下一条，或向下滚动", "Select the next row, or scroll down"),
    "action.previous": ("上一条", "Previous"),
    "action.previous.help": ("选上一条，或向上滚动", "Select the row above, or scroll up"),
    "action.focus": ("换栏", "Other panel"),
    "action.focus.help": ("到下一个面板", "Go to the next panel"),
    "action.open": ("放大", "Enlarge"),
    "action.open.help": (
        "整屏看选中的通话，Esc 返回",
        "The selected call, full screen; Esc returns",
    ),
    "action.filter": ("筛选", "Filter"),
    "action.filter.help": ("按坐席、号码、场景、规则筛选", "By agent, number, scene or rule"),
    "action.back": ("返回", "Back"),
    "action.back.help": ("关闭对话框、放大或筛选", "Leave a dialog, a full screen or the filter"),
    "action.hang-up": ("挂断", "Hang up"),
    "action.hang-up.help": ("确认后挂断选中的通话", "End the selected call, once confirmed"),
    "action.watch-anew": ("重新获取", "Watch anew"),
    "action.watch-anew.help": ("向网关重新要一次全部状态", "Ask the gateway for everything again"),
    "action.language": ("English", "中文"),
    "action.language.help": ("切换到英文", "Switch to Chinese"),
    "action.theme": ("明暗", "Light/dark"),
    "action.theme.help": ("在亮色与暗色之间切换", "Switch between light and dark"),
    "action.palette": ("命令面板", "Commands"),
    "action.palette.help": ("按名字找任何操作", "Find any action by its name"),
    "action.help": ("帮助", "Help"),
    "action.help.help": ("列出所有按键和标记", "List every key and mark"),
    "action.quit": ("退出", "Quit"),
    "action.quit.help": ("关闭控制台；通话与监听不受影响", "Close the console; calls go on"),
}


class Language:
    """The language the console speaks now."""

    def __init__(self, locale: Locale) -> None:
        self.locale: Locale = locale

    def switch(self) -> None:
        self.locale = "en" if self.locale == "zh" else "zh"

    def say(self, text: str, **filled: str) -> str:
        """The text of that name, its places filled in. Raises KeyError where there is none."""
        chosen = TEXTS[text][0 if self.locale == "zh" else 1]
        return chosen.format(**filled) if filled else chosen

    def say_or(self, text: str, otherwise: str) -> str:
        """The text of that name, or `otherwise` where the table has none: a scene of the site's
        own, a part that a newer gateway tells of."""
        return self.say(text) if text in TEXTS else otherwise

    def title(self, titled: Finding | Reason) -> str:
        """A rule's title in this language, else in the other one, else the rule's id."""
        zh, en = titled.title_zh, titled.title_en
        return (zh or en if self.locale == "zh" else en or zh) or titled.rule
