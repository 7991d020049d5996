"""Owns one call: what both parties say as they say it, with the findings pinned to their words.

The agent's words stand on the left, the customer's on the right. The one invariant: a call that is
not analysed says so above its words, with the cause and the way to a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from callwarden.v1.conversation_pb2 import LEG_CUSTOMER, Utterance
from tui import phrasing
from tui.call import LAG_S, Call, Heard, Raised, severity_of
from tui.playback import Playback
from tui.sight import Sight
from tui.spans import Line, Span, fit, width, wrap
from tui.widgets.call_side import figures, owed, side
from tui.widgets.lines import Lines
from tui.widgets.played import played

_MARGIN = 8
"""Cells of ` 00:08 ▌` before the agent's words; the customer has as many behind."""
_SIDE_CELLS = 36
_SIDE_FROM_CELLS = 92
"""Width of the panel from which duties and figures have a column of their own."""
_AIRY_ROWS = 20
"""Height from which a blank line parts the turns."""


@dataclass(frozen=True)
class _Drawn:
    """An utterance's lines, good for as long as what they were drawn from stays."""

    made_from: tuple[object, ...]
    lines: list[Line]


class CallPanel(Vertical):
    """The selected call."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.head = Lines(id="call-head")
        self.head.can_focus = False
        self.transcript = Lines(id="call-transcript", follow=True)
        self.side = Lines(id="call-side")
        self.side.can_focus = False
        self._entitled = ""
        self._aim_s: float | None = None
        self._places: list[tuple[float, int]] = []
        """On which line the words of a second begin."""
        self._drawn: dict[str, _Drawn] = {}
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield self.head
        with Horizontal(id="call-body"):
            yield self.transcript
            yield self.side

    def aim(self, at_s: float | None) -> None:
        """The words of that second are in sight when the call is shown next."""
        self._aim_s = at_s

    def update_from(
        self, sight: Sight, call: Call | None, playback: Playback | None = None
    ) -> None:
        """`playback`: the call is a past one that is played."""
        language = sight.language
        if call is None:
            self._entitle(language.say("pane.floor"))
            self._show_head([])
            self.transcript.show([(), ((f"  {language.say('call.choose')}", "dim"),)])
            self.side.display = False
            self._shown = ()
            return
        change = call.change
        agent = change.agent or "—"
        self._entitle(language.say("call.title", agent=agent, number=change.number_masked))
        whole = self.content_size.width
        beside = whole >= _SIDE_FROM_CELLS
        cells = max(24, whole - 2 - (_SIDE_CELLS if beside else 0))
        head = _head(call, sight, max(24, whole - 1), beside=beside)
        if playback is not None:
            head.insert(0, ((" ", ""), *played(playback, language, max(24, whole - 3))))
        self._show_head(head)
        self.side.display = beside
        if beside:
            self.side.show([(), *_indented(side(call, sight, _SIDE_CELLS - 3))])
        airy = self.transcript.content_size.height >= _AIRY_ROWS
        showing = (
            id(call),
            change.call_id,
            call.version,
            change.state,
            cells,
            airy,
            language.locale,
        )
        if showing != self._shown:
            other = not self._shown or self._shown[1] != change.call_id
            if other:
                self._drawn.clear()
            self._shown = showing
            self.transcript.show(self._timeline(call, sight, cells, airy))
            if other:
                self.transcript.to_end()
        if self._aim_s is not None:
            self._scroll_near(self._aim_s)
            self._aim_s = None

    def _scroll_near(self, at_s: float) -> None:
        """Puts the words of that second near the top, once the layout knows where that is."""
        line = max((line for start_s, line in self._places if start_s <= at_s), default=0)
        to_there = partial(self.transcript.scroll_to, y=max(0, line - 2), animate=False)
        self.call_after_refresh(to_there)

    def _entitle(self, title: str) -> None:
        if title != self._entitled:
            self._entitled = self.border_title = title

    def on_resize(self) -> None:
        self._shown = ()

    def _show_head(self, lines: list[Line]) -> None:
        self.head.styles.height = len(lines)
        self.head.display = bool(lines)
        self.head.show(lines)

    def _timeline(self, call: Call, sight: Sight, cells: int, airy: bool) -> list[Line]:
        """Utterances and findings without words of their own, in the order of the call."""
        pinned, loose = _pin(call)
        spoken = list(call.utterances.values())
        parts: list[tuple[float, list[Line]]] = [
            (each.start_s, self._bubble(each, pinned.get(each.utterance_id, []), sight, cells))
            for each in spoken
        ]
        parts += [(each.finding.start_s, _standalone(each, sight, cells)) for each in loose]
        parts += [
            (place, [_middle(((f"⋯ {sight.language.say('call.break')} ⋯", "dim"),), cells)])
            for place in call.breaks_s
        ]
        lines: list[Line] = [()] if airy else []
        self._places = []
        for start_s, part in sorted(parts, key=lambda each: each[0]):
            self._places.append((start_s, len(lines)))
            lines += [*part, ()] if airy else part
        if not spoken:
            lines += [(), ((f"  {sight.language.say(_silence(call))}", "dim"),)]
        return lines

    def _bubble(
        self, utterance: Utterance, findings: Sequence[Raised], sight: Sight, cells: int
    ) -> list[Line]:
        made_from = (utterance, *findings, cells, sight.language.locale)
        drawn = self._drawn.get(utterance.utterance_id)
        if drawn is None or not _same(drawn.made_from, made_from):
            drawn = _Drawn(made_from, bubble(utterance, findings, sight, cells))
            self._drawn[utterance.utterance_id] = drawn
        return drawn.lines


def bubble(
    utterance: Utterance, findings: Sequence[Raised], sight: Sight, cells: int
) -> list[Line]:
    """An utterance on its party's side, a partial one in italics, its findings beneath."""
    right = utterance.leg == LEG_CUSTOMER
    role = phrasing.LEG_ROLES.get(utterance.leg, "dim")
    time = phrasing.duration(utterance.start_s)
    room = max(12, cells - _MARGIN - max(2, cells // 8))
    wrapped = wrap(_marked(utterance, findings), room)
    lines: list[Line] = []
    for number, line in enumerate(wrapped):
        stamp = time if number == 0 else " " * len(time)
        if right:
            said = (*line, (" ▐", role), (f" {stamp} ", "dim"))
            lines.append(fit(said, cells, "right"))
        else:
            lines.append(((f" {stamp} ", "dim"), ("▌", role), *line))
    language = sight.language
    for found in findings:
        matched = found.finding.matched
        spans: list[Span] = list(phrasing.finding(found, language))
        if matched:
            spans.append((f"  {language.say('call.matched', matched=matched)}", "dim"))
        for place, part in enumerate(wrap(tuple(spans), room - 2)):
            corner = " " if place else "╯" if right else "╰"
            if right:
                note = (*part, (f" {corner}", role), (" " * (_MARGIN - 1), ""))
                lines.append(fit(note, cells, "right"))
            else:
                lines.append(((" " * (_MARGIN - 1), ""), (f"{corner} ", role), *part))
    return lines


def _marked(utterance: Utterance, findings: Sequence[Raised]) -> Line:
    """Its words, those that a standing finding is about marked with its severity."""
    base = "" if utterance.final else "partial"
    pieces = phrasing.words(utterance)
    standing = [each for each in findings if each.stands]
    if len(pieces) > 1:
        roles = [
            next((_words_role(each) for each in standing if _covers(each, start_s)), base)
            for start_s in utterance.token_starts_s
        ]
        spans: list[Span] = []
        for piece, role, following in zip(pieces, roles, [*roles[1:], base], strict=False):
            spans += [(piece, role), (" ", role if role == following else base)]
        words: Line = tuple(spans)
    else:
        words = ((pieces[0], base),)
        for each in standing:
            words = _highlight(words, each)
    return words if utterance.final else (*words, ("…", "partial"))


def _highlight(words: Line, found: Raised) -> Line:
    heard, role = found.finding.heard_text, _words_role(found)
    spans: list[Span] = []
    for text, former in words:
        before, match, after = text.partition(heard) if heard else (text, "", "")
        spans += [each for each in ((before, former), (match, role), (after, former)) if each[0]]
    return tuple(spans)


def _words_role(found: Raised) -> str:
    return f"{severity_of(found.finding)}-words"


def _covers(found: Raised, start_s: float) -> bool:
    """Whether the finding is about a word that begins there; half a frame of slack."""
    return found.finding.start_s - 0.02 <= start_s < found.finding.end_s - 0.02


def _pin(call: Call) -> tuple[dict[str, list[Raised]], list[Raised]]:
    """Each finding beneath the utterance whose words it is about; those about none apart."""
    pinned: dict[str, list[Raised]] = {}
    loose: list[Raised] = []
    for found in call.findings.values():
        finding = found.finding
        best, shared_s = "", 0.0
        for utterance in call.utterances.values():
            if utterance.leg == finding.leg:
                end_s = min(utterance.end_s, finding.end_s)
                overlap_s = end_s - max(utterance.start_s, finding.start_s)
                if overlap_s > shared_s:
                    best, shared_s = utterance.utterance_id, overlap_s
        if best and (finding.heard_text or finding.heard_pinyin):
            pinned.setdefault(best, []).append(found)
        else:
            loose.append(found)
    return pinned, loose


def _standalone(found: Raised, sight: Sight, cells: int) -> list[Line]:
    """A finding about something that was not said."""
    who = phrasing.leg(found.finding.leg, sight.language)
    said = phrasing.finding(found, sight.language)
    return [_middle((("── ", "faint"), *said, (f" · {who}", "dim"), (" ──", "faint")), cells)]


def _middle(line: Line, cells: int) -> Line:
    spare = max(0, cells - width(line))
    return fit((((" " * (spare // 2)), ""), *line), cells)


def _head(call: Call, sight: Sight, cells: int, *, beside: bool) -> list[Line]:
    """State, scene, time, coverage; then what stands against it, or why nobody hears it; and how it
    is spoken and what must be told, unless that stands `beside` its words."""
    language, now, say = sight.language, sight.floor_now, sight.language.say
    change = call.change
    heard, share = call.analysed(now)
    first: list[Span] = [
        *phrasing.call_state(change.state, language),
        (f"  {phrasing.scene(change.scene, language)}", ""),
        (f"  {phrasing.duration(call.seconds(now))}", "strong"),
    ]
    if heard is not Heard.PENDING:
        role = "dim" if heard is Heard.FULL else "warn"
        first.append((f"  {say('call.coverage', share=phrasing.percent(share))}", role))
    if call.live and change.answered_at:
        first += [("  ", ""), *phrasing.talking(call, language)]
    if not call.live and change.q850_cause:
        first.append((f"  {say('call.q850', cause=str(change.q850_cause))}", "dim"))
    second: list[Span] = [*phrasing.counts(call)] if call.standing() else []
    if call.suppressed:
        doubt = call.suppressed.suppression.provisional
        text = "call.suppressed.provisional" if doubt else "call.suppressed"
        second.append((f"⊘ {say(text)}", "minor" if doubt else "accent"))
    if not beside:
        room = cells - 4 - width(tuple(second))
        second += [("  ", "") if second else ("", ""), *figures(call, sight, room)]
    lines = wrap(tuple(first), cells - 2)
    if width(tuple(second)):
        lines += wrap(tuple(second), cells - 2)
    if not beside:
        lines += owed(call, language, cells - 2)
    if call.unheard or heard in (Heard.NONE, Heard.PARTIAL):
        lines += [part for line in _why_unheard(call, sight) for part in wrap(line, cells - 2)]
    remarks = sorted({remark for each in call.change.coverage for remark in each.remarks})
    if remarks:
        told = (language.say("call.remark", why=", ".join(remarks)), "warn")
        lines += wrap((told,), cells - 2)
    return [((" ", ""), *line) for line in lines]


def _indented(lines: Sequence[Line]) -> list[Line]:
    return [((" ", ""), *line) if line else line for line in lines]


def _why_unheard(call: Call, sight: Sight) -> list[Line]:
    say = sight.language.say
    lines: list[Line] = []
    if call.unheard:
        lines.append(((f"{phrasing.NOT_ANALYSED} {say('call.unheard')}", "warn"),))
    if call.change.unheard_cause:
        lines.append(((say("call.unheard.cause", cause=call.change.unheard_cause), "warn"),))
    spoken_s = call.seconds(sight.floor_now)
    for each in call.change.coverage:
        missing_s = spoken_s - each.analysed_s
        if each.causes or missing_s > LAG_S:
            missing = say(
                "call.missing",
                leg=phrasing.leg(each.leg, sight.language),
                seconds=phrasing.age(max(0.0, missing_s), sight.language),
                causes=", ".join(each.causes) or say("call.cause.unknown"),
            )
            lines.append(((missing, "warn"),))
        if each.missing:
            spans = phrasing.missing(each.missing)
            who = phrasing.leg(each.leg, sight.language)
            lines.append(((say("call.missing.when", leg=who, spans=spans), "warn"),))
    if not sight.view.health.model:
        lines.append(((say("call.unheard.model"), "accent"),))
    return lines


def _silence(call: Call) -> str:
    """Why there are no words: silence is only claimed of a call that is heard."""
    if call.live and not call.change.answered_at:
        return "call.dialling"
    return "call.silent" if call.live and not call.unheard else "call.nothing.heard"


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == len(other) and all(
        a is b or (isinstance(a, int | str) and a == b) for a, b in zip(one, other, strict=True)
    )
