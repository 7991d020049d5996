"""Owns the texts of the parts of the system and how they are, in Chinese and English.

Read by `tui.language` alone.
"""

from typing import Final

HEALTH: Final = {
    "health.title": ("各部件", "Parts"),
    "health.none": ("网关还没有报告健康状况。", "The gateway has not told its health yet."),
    "health.ok": ("正常", "ok"),
    "health.degraded": ("降级", "degraded"),
    "health.down": ("故障", "down"),
    "health.unknown": ("未知", "unknown"),
    "health.troubled": ("{title} · {count} 项异常", "{title} · {count} not well"),
    "health.heard": ("已分析", "Heard"),
    "health.heard.share": ("{share}（缺 {missing}）", "{share} ({missing} missing)"),
    "health.lag": ("最大滞后", "Worst lag"),
    "health.recognizers": ("识别器", "Recognizers"),
    "health.recognizer": (
        "滞后 {lag} 秒，{calls}/{most} 通，进程 {alive}/{workers}",
        "{lag} s behind, {calls}/{most} calls, workers {alive}/{workers}",
    ),
    "health.omits": ("已省去：{what}", "leaves out: {what}"),
    "health.ledger": ("账本大小", "Ledger size"),
    "health.disk": ("磁盘剩余", "Disk free"),
    "health.rules.dialling": ("拨打规则库", "Dialling rules"),
    "health.rules.speech": ("言语规则库", "Speech rules"),
    "health.rules.none": ("没有生效的规则库", "none in force"),
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
}
