"""Owns the texts of alerts, in Chinese and English.

Read by `tui.language` alone.
"""

from typing import Final

ALERTS: Final = {
    "alerts.title": ("警报 · 未确认 {count}", "Alerts · {count} open"),
    "alerts.none": ("没有警报。", "No alerts."),
    "alert.open": ("未确认", "open"),
    "alert.open.quiet": ("未确认 · 静默时段", "open · quiet hours"),
    "alert.done": ("{who} {at}", "{who} {at}"),
    "alert.acknowledged": ("由 {who} 于 {at} 确认", "acknowledged by {who} at {at}"),
    "alert.first": ("首次", "First at"),
    "alert.last": ("最近", "Last at"),
    "alert.times": ("{count} 次", "{count} times"),
    "alert.kind": ("种类", "Kind"),
    "alert.id": ("警报号", "Alert"),
    "alert.more": ("另有 {count} 条", "{count} more"),
    "alert.kind.finding": ("发现", "finding"),
    "alert.kind.bypass": ("绕过闸门", "went round the gate"),
    "alert.kind.health": ("部件异常", "a part is not well"),
    "alert.kind.uncovered": ("通话未分析", "calls not analysed"),
    "alert.kind.refusal": ("客户拒绝", "refusal"),
    "mute.on": ("本控制台已静音：警报照常显示。", "This console is muted: alerts still show."),
    "mute.off": ("本控制台恢复响铃。", "This console rings again."),
    "mute.never": (
        "响铃和桌面通知都没有打开：在配置里设 console.bell 或 console.notify。",
        "Neither bell nor notification is on: set console.bell or console.notify.",
    ),
}
