"""Owns what stands beside a call's words: what must be told on it, how it is spoken, how far behind
its words come.

Called by the call's panel, which has it in a column of its own where there is room, and in a line
or two above the words where there is not.
"""

from collections.abc import Sequence

from callwarden.v1.conversation_pb2 import Duty
from tui import phrasing
from tui.call import Call, Raised, severity_of
from tui.language import Language
from tui.pace import DEAD_AIR_S, Pace, pace
from tui.sight import Sight
from tui.spans import Line, Span, fit, width

TOLD, OWED, MISSED, UNKNOWN = "✔", "○", "✖", "?"
_BARS = "▁▂▃▄▅▆▇█"
_SLOW_S = 3.0
"""Lag of a word from which it stands out."""
_LAG_TOP_S = 4.0
"""What the highest bar stands for, at least."""


def side(call: Call, sight: Sight, cells: int) -> list[Line]:
    """The column: a subject under its heading, each duty a line."""
    language, say = sight.language, sight.language.say
    lines: list[Line] = []
    if call.duties:
        told = sum(each.HasField("made_s") for each in call.duties)
        count = f"{told}/{len(call.duties)}"
        lines.append(_apart(((say("duty.title"), "heading"),), ((count, "strong"),), cells))
        for each in call.duties:
            lines += _duty(each, call, language, cells)
        lines.append(())
    spoken = pace(call.utterances.values())
    if spoken.until_s:
        lines.append(((say("pace.title"), "heading"),))
        lines.append(_shares(spoken, language, cells))
        if spoken.longest_s:
            lines.append(_longest(spoken, language))
        lines += [each for each in (_dead_air(call, spoken, sight),) if each]
        lines.append(())
    if call.lags_s:
        lines.append(((say("lag.title"), "heading"),))
        lines.append(_lag(call.lags_s, language, cells))
        lines.append(())
    standing = call.standing()
    if standing:
        lines.append(((say("findings.title"), "heading"),))
        for found in standing:
            at = ((f" {phrasing.duration(found.finding.start_s)}", "dim"),)
            said = fit(phrasing.finding(found, language), max(4, cells - width(at)))
            lines.append((*said, *at))
    return lines


def owed(call: Call, language: Language, cells: int) -> list[Line]:
    """The duties in lines of their own, what is owed first."""
    lines: list[list[Span]] = [[]]
    for each in sorted(call.duties, key=lambda one: one.HasField("made_s")):
        mark, role = _mark(each, call)
        span = (f"{mark} {_title(each, language)}  ", role)
        if lines[-1] and width((*lines[-1], span)) > cells + 2:
            lines.append([])
        lines[-1].append(span)
    return [fit(tuple(each), cells) for each in lines if each]


def figures(call: Call, sight: Sight, cells: int) -> Line:
    """How it is spoken, as much as goes into so many cells."""
    language, spoken = sight.language, pace(call.utterances.values())
    if not spoken.until_s:
        return ()
    share = spoken.agent_share or 0.0
    spans: list[Span] = [
        (f"{language.say('leg.agent')} {share:.0%} ", "agent"),
        (f"{1 - share:.0%} {language.say('leg.customer')}", "customer"),
    ]
    dead = _dead_air(call, spoken, sight)
    silence = dead or (_longest(spoken, language) if spoken.longest_s else ())
    if silence and width((*spans, *silence)) + 2 <= cells:
        spans += [("  ", ""), *silence]
    if call.lags_s and width(tuple(spans)) + 24 <= cells:
        spans += [(f"  {language.say('lag.title')} ", "dim"), *_lag(call.lags_s, language, 16)]
    return tuple(spans)


def _duty(duty: Duty, call: Call, language: Language, cells: int) -> list[Line]:
    mark, role = _mark(duty, call)
    title = ((f"{mark} {_title(duty, language)}", role),)
    if duty.HasField("made_s"):
        return [_apart(title, ((phrasing.duration(duty.made_s), "dim"),), cells)]
    before = duty.before_zh if language.locale == "zh" else duty.before_en
    if duty.missed:
        owed = language.say("duty.unknown")
    elif mark == MISSED:
        owed = language.say("duty.missed")
    elif before:
        owed = language.say("duty.before", before=before)
    else:
        owed = language.say("duty.owed")
    if width(title) + width(((owed, ""),)) < cells:
        return [_apart(title, ((owed, "dim"),), cells)]
    return [fit(title, cells), (("  ", ""), *fit(((owed, "dim"),), max(1, cells - 2)))]


def _mark(duty: Duty, call: Call) -> Span:
    """Told; told too late or not at all, by the rule's own finding; owed; nobody can say."""
    late: Raised | None = next(
        (each for each in call.standing() if each.finding.rule == duty.rule), None
    )
    if late is not None:
        return MISSED, severity_of(late.finding)
    if duty.HasField("made_s"):
        return TOLD, "good"
    return (UNKNOWN, "dim") if duty.missed else (OWED, "warn" if call.live else "dim")


def _title(duty: Duty, language: Language) -> str:
    zh, en = duty.title_zh, duty.title_en
    return (zh or en if language.locale == "zh" else en or zh) or duty.rule


def _shares(spoken: Pace, language: Language, cells: int) -> Line:
    share = spoken.agent_share or 0.0
    left, right = f"{language.say('leg.agent')} {share:.0%} ", f" {1 - share:.0%}"
    name = f" {language.say('leg.customer')}"
    room = max(4, cells - width(((left + right + name, ""),)))
    agents = round(share * room)
    return (
        (left, "agent"),
        ("━" * agents, "agent"),
        ("━" * (room - agents), "customer"),
        (right, "customer"),
        (name, "customer"),
    )


def _longest(spoken: Pace, language: Language) -> Line:
    text = language.say(
        "pace.silence",
        seconds=f"{spoken.longest_s:.0f}",
        at=phrasing.duration(spoken.longest_at_s),
    )
    return ((text, "dim"),)


def _dead_air(call: Call, spoken: Pace, sight: Sight) -> Line:
    """Since when nobody speaks on a live call that is heard; empty where that is no matter."""
    if not call.live or call.unheard or call.change.talking:
        return ()
    silent_s = call.seconds(sight.floor_now) - spoken.until_s
    if silent_s < DEAD_AIR_S:
        return ()
    return ((sight.language.say("pace.dead", seconds=f"{silent_s:.0f}"), "warn"),)


def _lag(lags_s: Sequence[float], language: Language, cells: int) -> Line:
    """A bar for each of the latest words, the latest one on the right in figures."""
    latest = language.say("lag.seconds", seconds=f"{lags_s[-1]:.1f}")
    room = max(4, cells - len(latest) - 2)
    shown = list(lags_s)[-room:]
    top_s = max(_LAG_TOP_S, *shown)
    spans: list[Span] = [
        (
            _BARS[min(len(_BARS) - 1, int(each / top_s * len(_BARS)))],
            "warn" if each >= _SLOW_S else "accent",
        )
        for each in shown
    ]
    return (*spans, (f" {latest}", "warn" if lags_s[-1] >= _SLOW_S else ""))


def _apart(left: Line, right: Line, cells: int) -> Line:
    return (*fit(left, max(1, cells - width(right) - 1)), (" ", ""), *right)
