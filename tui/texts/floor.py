"""Owns the texts of live calls and the one that is read, in Chinese and English.

Read by `tui.language` alone.
"""

from typing import Final

FLOOR: Final = {
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
    "call.missing.when": ("{leg}缺的时段：{spans}", "{leg}, not analysed: {spans}"),
    "call.remark": ("由其他方言的模型识别（{why}）", "heard by another dialect's model ({why})"),
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
    # a call that is played again
    "play.on": ("回放中", "playing"),
    "play.paused": ("已暂停", "paused"),
    "play.keys": ("空格 播放/暂停 · ←→ 移动 · [ ] 速度", "Space plays · ←→ moves · [ ] speed"),
    "play.gone": ("账本里没有这通电话。", "The ledger has no such call."),
    "play.none": ("这里没有可回放的通话。", "There is no call here to play."),
    # what must be told, how it is spoken
    "duty.title": ("须告知", "Must be told"),
    "duty.before": ("{before}前", "before: {before}"),
    "duty.owed": ("尚未告知", "still owed"),
    "duty.missed": ("未告知", "not told"),
    "duty.unknown": ("有缺漏，无法判断", "words were lost; unknown"),
    "pace.title": ("谈话", "Speech"),
    "pace.silence": ("最长静默 {seconds} 秒，在 {at}", "longest silence {seconds} s at {at}"),
    "pace.dead": ("已静默 {seconds} 秒", "nobody speaks for {seconds} s"),
    "lag.title": ("字幕延迟", "Lag"),
    "lag.seconds": ("{seconds} 秒", "{seconds} s"),
    "call.matched": ("命中 {matched}", "matched {matched}"),
}
