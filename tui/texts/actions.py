"""Owns the texts of the keys: what each does, and the help, in Chinese and English.

Read by `tui.language` alone.
"""

from typing import Final

ACTIONS: Final = {
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
