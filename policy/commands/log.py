"""Owns `callwarden log export`: the ledger's rows as an auditor opens them, in CSV or JSON lines.

Numbers are masked. A CSV file opens in a spreadsheet as it is: UTF-8 with its byte order mark, and
no cell that the spreadsheet would take for a formula. A file appears whole or not at all.
"""

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.problems import did_you_mean
from callwarden.settings import Settings
from policy.commands.iso_time import Instant
from policy.commands.output import leave_quietly, output, write_csv
from policy.ledger import LedgerReader, LedgerUnavailable
from policy.ledger.export import KINDS, Cell, columns

_CHINESE = {
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


class _OneOf(click.Choice[str]):
    """A choice whose mistake is answered with the nearest word."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            known = ", ".join(self.choices)
            nearest = did_you_mean(str(value), self.choices)
            self.fail(f"{value!r} is none of {known}{nearest}", param, ctx)
        return str(value)


@click.command(
    epilog="Example: callwarden log export --format csv --since 2026-03-01T00:00:00+08:00 "
    "-o violations.csv"
)
@click.option(
    "--format", "form", type=_OneOf(["csv", "jsonl"]), required=True, help="csv or jsonl."
)
@click.option(
    "--kind",
    type=_OneOf(list(KINDS)),
    default="violations",
    show_default=True,
    help=", ".join(KINDS),
)
@click.option("--since", type=Instant(), metavar="TIME", help="From then on: ISO 8601.")
@click.option("--until", type=Instant(), metavar="TIME", help="Before then: ISO 8601.")
@click.option(
    "--headings", type=_OneOf(["zh", "en"]), help="Language of CSV's first row (default: locale)."
)
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write (default: stdout).",
)
@with_settings
def export(
    configured: Settings,
    *,
    form: str,
    kind: str,
    since: datetime | None,
    until: datetime | None,
    headings: str | None,
    file: Path | None,
) -> None:
    """Writes the log for an auditor: violations found, decisions, calls, suppressions, coverage,
    what a rulebook in shadow would have decided, or calls that went round the gate.

    Oldest first, numbers masked, times in UTC.
    """
    if since and until and until <= since:
        raise click.UsageError("--until is not later than --since: nothing lies between")
    names = _headings(kind, headings or configured.locale)
    try:
        with (
            LedgerReader.open(configured.ledger_file, configured.ledger_key_file) as reader,
            output(file) as sink,
        ):
            rows = tqdm(
                reader.export(kind, since, until),
                total=reader.export_rows(kind, since, until),
                unit=" rows",
                disable=True if file is None and sys.stdout.isatty() else None,
                file=sys.stderr,
            )
            if form == "csv":
                write_csv(sink, names, (row.values() for row in rows))
            else:
                _write_jsonl(sink, rows)
    except BrokenPipeError:
        leave_quietly()
    except (LedgerUnavailable, OSError) as error:
        raise click.ClickException(str(error)) from None


def _headings(kind: str, language: str) -> list[str]:
    return [_CHINESE[name] if language == "zh" else name for name in columns(kind)]


def _write_jsonl(sink: IO[bytes], rows: Iterable[dict[str, Cell]]) -> None:
    for row in rows:
        sink.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
