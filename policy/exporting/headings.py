"""Owns what the columns of an export are called, for those who read Chinese."""

from policy.ledger.export_kinds import columns

CHINESE = {
    "after": "后一句",
    "agent": "坐席",
    "analysed_s": "已分析秒数",
    "answered_at": "接通时间",
    "at": "时间",
    "before": "前一句",
    "call_id": "通话编号",
    "call_seconds": "通话秒数",
    "causes": "未分析原因",
    "bypass_id": "绕行编号",
    "channel": "渠道",
    "confidence": "置信度",
    "connected": "是否接通",
    "decision_id": "决定编号",
    "disposition": "结果",
    "earliest": "最早可拨",
    "end_s": "结束秒",
    "ended_at": "挂断时间",
    "finding_id": "发现编号",
    "heard_pinyin": "听到的拼音",
    "heard_text": "听到的内容",
    "leg": "通话方",
    "linkedid": "关联编号",
    "matched": "匹配",
    "nonce": "随机码",
    "number": "号码",
    "pack": "规则包",
    "provisional": "待复核",
    "purpose": "用途",
    "q850_cause": "挂断原因码",
    "received_s": "已收到秒数",
    "rule": "规则",
    "rulebook_digest": "规则摘要",
    "rulebook_version": "规则版本",
    "rules": "理由",
    "scene": "场景",
    "seconds": "秒数",
    "severity": "严重程度",
    "shadow_rules": "影子规则理由",
    "shadow_verdict": "影子结论",
    "since": "起始时间",
    "source": "来源",
    "start_s": "开始秒",
    "started_at": "呼叫时间",
    "status": "状态",
    "suppression_id": "禁呼编号",
    "talk_seconds": "通话时长秒",
    "title_en": "规则名称（英文）",
    "title_zh": "规则名称（中文）",
    "trunk": "中继",
    "until": "截止时间",
    "verdict": "结论",
}


def headings(kind: str, language: str) -> list[str]:
    """Of a kind's columns, in order; in English they go by their names."""
    names = columns(kind)
    return [CHINESE[name] for name in names] if language == "zh" else list(names)
