"""Owns the texts of what a person does to a call, asked and answered, in Chinese and English.

Read by `tui.language` alone.
"""

from typing import Final

ACTS: Final = {
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
}
