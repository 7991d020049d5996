"""Owns how a day's figures are laid out: one page of tables, as text, Markdown or HTML.

Called by `callwarden report`. A page is the same in each form; every part stands beside its share
of the whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from unicodedata import east_asian_width

from policy import daily
from policy.daily import Day, Judged, shares

_ZH_EN: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("日报", "Daily report"),
    "calls": ("呼叫", "Calls"),
    "in-full": ("已接通，全部分析", "answered, analysed in full"),
    "in-part": ("已接通，部分分析", "answered, analysed in part"),
    "not-at-all": ("已接通，未分析", "answered, not analysed"),
    "not-answered": ("未接通", "not answered"),
    "unsettled": ("结果不明", "end not known"),
    "bypassed": ("未经闸门拨出", "went round the gate"),
    "refused": ("闸门拒绝", "refused by the gate"),
    "all": ("合计", "in all"),
    "seconds": ("通话秒数（双方）", "Seconds of talk, both legs"),
    "analysed": ("已分析", "analysed"),
    "no-account": ("无覆盖记录", "no coverage recorded"),
    "unexplained": ("原因不明", "no cause recorded"),
    "not_answered": ("未接通的结果", "Not answered, by result"),
    "refusals": ("拒绝理由（首要）", "Refusals, by the first reason"),
    "reasons": ("拒绝理由（全部）", "Refusals, every reason"),
    "violations": ("违规", "Violations"),
    "agents": ("按坐席", "By agent"),
    "teams": ("按团队", "By team"),
    "nobody": ("（无）", "(none)"),
    "upheld": ("成立", "upheld"),
    "dismissed": ("驳回", "dismissed"),
    "appealed": ("申诉中", "appealed"),
    "open": ("待复核", "not reviewed"),
    "settled": ("申诉已裁定", "appeal settled"),
    "precision": ("准确率", "precision"),
    "severity": ("严重程度", "severity"),
    "rule": ("规则", "rule"),
    "agent": ("坐席", "agent"),
    "team": ("团队", "team"),
    "withdrawn": ("已撤回的发现", "findings withdrawn"),
    "suppressions": ("禁呼", "Suppressions"),
    "provisional": ("其中待复核", "of them provisional"),
    "releases": ("解除", "ended before their time"),
    "recordings": ("扫描的录音", "recordings scanned"),
    "retraining": ("培训", "Retraining assigned"),
    "other": ("其他", "Other"),
    "adds_up": ("各部分之和等于总数", "every whole is the sum of its parts"),
    "does_not": ("各部分之和不等于总数", "THE PARTS DO NOT ADD UP"),
}
_CSS: Final = (
    "body{font:15px/1.5 system-ui,'Noto Sans SC',sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem;color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem;width:100%}"
    "th,td{padding:.25rem .75rem;border-bottom:1px solid #ccc;text-align:right}"
    "th:first-child,td:first-child{text-align:left}tr:last-child td{font-weight:600}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#111}th,td{border-color:#444}}"
)


@dataclass(frozen=True)
class Table:
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def as_text(self) -> str:
        lines = [self.heads, *self.rows]
        widths = [max(map(_width, cells)) for cells in zip(*lines, strict=True)]
        return "\n".join([self.title, *(_line(cells, widths) for cells in lines)])


@dataclass(frozen=True)
class Page:
    """`language` is "zh" or "en"."""

    title: str
    language: str
    tables: tuple[Table, ...]
    verdict: str

    def as_text(self) -> str:
        parts = [self.title]
        parts += [table.as_text() for table in self.tables]
        return "\n\n".join([*parts, self.verdict]) + "\n"

    def as_markdown(self) -> str:
        parts = [f"# {_md(self.title)}"]
        for table in self.tables:
            lines = [f"## {_md(table.title)}", "", _md_row(table.heads)]
            lines.append("| --- |" + " ---: |" * (len(table.heads) - 1))
            lines += [_md_row(cells) for cells in table.rows]
            parts.append("\n".join(lines))
        return "\n\n".join([*parts, _md(self.verdict)]) + "\n"

    def as_html(self) -> str:
        language = "zh-CN" if self.language == "zh" else "en"
        parts = [
            f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
            f"<title>{escape(self.title)}</title><style>{_CSS}</style></head><body>",
            f"<h1>{escape(self.title)}</h1>",
        ]
        for table in self.tables:
            heads = "".join(f"<th>{escape(each)}</th>" for each in table.heads)
            rows = "".join(
                "<tr>" + "".join(f"<td>{escape(each)}</td>" for each in cells) + "</tr>\n"
                for cells in table.rows
            )
            parts.append(
                f"<h2>{escape(table.title)}</h2>\n<table><thead><tr>{heads}</tr></thead>\n"
                f"<tbody>{rows}</tbody></table>"
            )
        return "\n".join([*parts, f"<p>{escape(self.verdict)}</p></body></html>"]) + "\n"


def word(name: str, language: str) -> str:
    """What a figure is called; what has no other name goes by its own."""
    return _ZH_EN[name][language != "zh"] if name in _ZH_EN else name


def judged_table(title: str, name: str, of: Mapping[str, Judged], language: str) -> Table:
    """Findings by rule, agent or team (`name`), by how they stand; those with most upheld first."""
    ordered = sorted(of.items(), key=lambda each: (-each[1].counts["upheld"], -each[1].total))
    named = {key: word("nobody", language) if key == "" else key for key in of}
    rows = [(_named(named[key], each, language), *_counts(each)) for key, each in ordered]
    whole = Judged()
    for each in of.values():
        whole.counts.update(each.counts)
    rows.append((word("all", language), *_counts(whole)))
    heads = [word(each, language) for each in (name, *daily.STANDINGS, "all", "precision")]
    return Table(word(title, language), tuple(heads), tuple(rows))


def page(made: Day, of_day: str, language: str) -> Page:
    """The day's figures under `of_day`, which names it."""

    def parts(title: str, of: Mapping[str, float]) -> Table:
        share = shares(of)
        rows = [(word(name, language), _figure(of[name]), f"{share[name]:.1f} %") for name in of]
        rows.append(
            (word("all", language), _figure(sum(of.values())), f"{sum(share.values()):.1f} %")
        )
        return Table(word(title, language), ("", "", "%"), tuple(rows))

    def plain(title: str, of: Iterable[tuple[str, float]]) -> Table:
        return Table(
            word(title, language),
            ("", ""),
            tuple((word(name, language), _figure(n)) for name, n in of),
        )

    tables = [
        parts("calls", {name: made.calls[name] for name in daily.CLASSES}),
        parts("seconds", {"analysed": made.analysed_s, **dict(sorted(made.missing_s.items()))}),
    ]
    if made.not_answered:
        tables.append(parts("not_answered", dict(made.not_answered.most_common())))
    if made.refused_by:
        tables.append(parts("refusals", dict(made.refused_by.most_common())))
        tables.append(plain("reasons", made.reasons.most_common()))
    tables.append(judged_table("violations", "rule", made.by_rule, language))
    if made.by_agent:
        tables.append(judged_table("agents", "agent", made.by_agent, language))
    if made.by_team:
        tables.append(judged_table("teams", "team", made.by_team, language))
    counts = made.counts
    sources = [*counts.suppressions.items(), ("all", sum(counts.suppressions.values()))]
    more = [("provisional", counts.provisional), ("releases", counts.releases)]
    tables.append(plain("suppressions", [*sources, *more]))
    if counts.retraining:
        tables.append(plain("retraining", counts.retraining.items()))
    other = [("withdrawn", made.withdrawn), ("recordings", counts.recordings)]
    tables.append(plain("other", other))
    verdict = word("adds_up" if made.adds_up else "does_not", language)
    return Page(f"{word('title', language)} {of_day}", language, tuple(tables), verdict)


def _named(key: str, judged: Judged, language: str) -> str:
    if judged.title is None:
        return key
    title = judged.title.zh if language == "zh" else judged.title.en
    return f"{title} ({key}, {judged.severity})"


def _counts(judged: Judged) -> tuple[str, ...]:
    precision = "" if judged.precision is None else f"{judged.precision:.0%}"
    counts = (_figure(judged.counts[each]) for each in daily.STANDINGS)
    return *counts, _figure(judged.total), precision


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _width(text: str) -> int:
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in text)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = [
        (cell, " " * (width - _width(cell))) for cell, width in zip(cells, widths, strict=True)
    ]
    return ("  " + "".join(first) + "".join(f"  {gap}{cell}" for cell, gap in rest)).rstrip()


def _md(text: str) -> str:
    """A rule's or an agent's name is no markup."""
    return "".join(f"\\{each}" if each in "\\`*_{}[]<>#|~" else each for each in text).replace(
        "\n", " "
    )


def _md_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(_md, cells)) + " |"
