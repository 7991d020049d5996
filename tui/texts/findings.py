"""Owns the texts of findings, in Chinese and English.

Read by `tui.language` alone.
"""

from typing import Final

FINDINGS: Final = {
    "findings.title": ("发现", "Findings"),
    "findings.none": (
        "还没有发现。只有已分析的通话才会有发现。",
        "No findings yet. Only calls that were analysed have any.",
    ),
    "finding.certain": ("确定", "certain"),
    "finding.provisional": ("待定", "provisional"),
    "finding.withdrawn": ("已撤回", "withdrawn"),
    "finding.upheld": ("已维持", "upheld"),
    "finding.dismissed": ("已驳回", "dismissed"),
    "finding.appealed": ("申诉中", "appealed"),
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
}
