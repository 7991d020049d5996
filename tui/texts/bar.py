"""Owns the texts that every screen shares, in Chinese and English: the bar, panes, columns, scenes.

Read by `tui.language` alone.
"""

from typing import Final

BAR: Final = {
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
    "bar.alerts": ("警报 {count}", "alerts {count}"),
    "bar.muted": ("静音", "muted"),
    "bar.listening": ("正在旁听 {agent}", "listening in on {agent}"),
    "bar.demo": ("演示 ×{speed}", "demo ×{speed}"),
    "bar.gate": ("闸门 p99 {ms} ms", "gate p99 {ms} ms"),
    # panes
    "pane.floor": ("现场", "Floor"),
    "pane.gate": ("闸门", "Gate"),
    "pane.findings": ("发现", "Findings"),
    "pane.suppressions": ("禁呼", "No-call"),
    "pane.alerts": ("警报", "Alerts"),
    "pane.health": ("健康", "Health"),
    "pane.filtered": ("{title} · 筛选「{words}」", "{title} · filter “{words}”"),
    "filter.hint": (
        "坐席、号码、场景、规则……输入即筛选，Esc 清除",
        "agent, number, scene, rule… as you type; Esc clears",
    ),
    # columns
    "column.mark": ("", ""),
    "column.agent": ("坐席", "Agent"),
    "column.team": ("班组", "Team"),
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
    "column.limit": ("限额", "Limit"),
    "column.refused": ("今日", "Today"),
    "column.last": ("最近", "Last"),
    "column.who": ("谁触及", "Who ran into it"),
    "column.severity": ("级别", "Severity"),
    "column.alert": ("警报", "Alert"),
    "column.times": ("次数", "Times"),
    "column.answer": ("处理", "Dealt with"),
    # scenes
    "scene.marketing.loan": ("贷款营销", "loan sales"),
    "scene.marketing.wealth": ("理财营销", "wealth sales"),
    "scene.marketing.insurance": ("保险营销", "insurance"),
    "scene.collection.reminder": ("催收提醒", "collection"),
    "scene.review.loan": ("信贷审核", "loan review"),
    "scene.*": ("不限", "any"),
}
