"""Owns the two lines on top, the warning beneath them, and the keys at the foot.

The top says where one is, how the floor and the gateway's parts are, and how old the view is.
"""

from textual import events
from textual.message import Message

from callwarden.v1.oversight_pb2 import HealthStatus
from tui import phrasing
from tui.actions import PANES
from tui.call import NEEDS_PERSON
from tui.link import State
from tui.roles import may, role
from tui.sight import Sight
from tui.spans import Line, Span, fit, width, wrap
from tui.view import alert_severity
from tui.widgets.lines import Lines

_ALERT_S = 3600.0
"""How long a call that went round the gate stays on top."""
_PARTS = {
    "gate": "part.gate",
    "ledger": "part.ledger",
    "rulebook": "part.rulebook",
    "asterisk": "part.asterisk",
    "recognizer": "part.recognizer",
}


_FORMS = (
    (" ◆ CALLWARDEN ", "role"),
    (" ◆ ", "role"),
    ("", "role"),
    ("", "name"),
    ("", ""),
)
"""The name on top, and how much is told of who sits here."""


class PaneChosen(Message):
    """Somebody clicked a pane's name."""

    def __init__(self, pane: str) -> None:
        super().__init__()
        self.pane = pane


class Bar(Lines):
    """Name, panes, link; then the figures and the parts."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.can_focus = False
        self._places: list[tuple[int, int, str]] = []

    def update_from(self, sight: Sight, pane: str) -> None:
        cells = self.content_size.width
        warning = [*_warning(sight, cells), *_bypasses(sight, cells)]
        self.styles.height = 2 + len(warning)
        self.show(
            [
                self._first(sight, pane, cells),
                _between(_figures(sight), _parts(sight, cells), cells),
                *warning,
            ]
        )

    def _first(self, sight: Sight, pane: str, cells: int) -> Line:
        """The roomiest form in which every pane's name and the link still fit."""
        for brand, named in _FORMS:
            left = self._panes(sight, pane, brand)
            right = _link(sight, _who(sight, named))
            if width(left) + width(right) < cells:
                break
        return _between(left, right, cells)

    def _panes(self, sight: Sight, pane: str, brand: str) -> Line:
        spans: list[Span] = [(brand, "brand"), (" ", "")] if brand else []
        self._places = []
        for number, name in enumerate(PANES, start=1):
            start = width(tuple(spans))
            said = sight.language.say(f"pane.{name}")
            if name == pane:
                spans.append((f" {number} {said} ", "tab"))
            else:
                spans += [(f" {number}", "key"), (f" {said} ", "dim")]
            self._places.append((start, width(tuple(spans)), name))
        return tuple(spans)

    def on_click(self, event: events.Click) -> None:
        for start, end, pane in self._places:
            if event.y == 0 and start <= event.x < end:
                self.post_message(PaneChosen(pane))


class Keys(Lines):
    """The line at the foot."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.can_focus = False

    def update_from(self, sight: Sight) -> None:
        spans: list[Span] = [(f" 1-{len(PANES)}", "key")]
        # The way in and the way out before all others: a narrow screen cuts the line.
        for action in sorted(sight.actions, key=lambda each: each.id not in ("help", "quit")):
            if action.footer:
                said = sight.language.say(f"action.{action.id}")
                allowed = may(sight.who, action.act)
                spans += [(f"  {action.shown}", "key" if allowed else "faint")]
                spans += [(f" {said}", "dim" if allowed else "faint")]
        self.show([tuple(spans)])


def _between(left: Line, right: Line, cells: int) -> Line:
    """One at each end; the left one loses its last spans when they do not both fit."""
    room = cells - width(right) - 1
    while width(left) > room and len(left) > 1:
        left = left[:-1]
    return (*fit(left, max(0, room)), (" ", ""), *right)


def _link(sight: Sight, who: Line) -> Line:
    say, link = sight.language.say, sight.link
    clock = (*who, (f"  {sight.times.clock(sight.floor_now)} ", "strong"))
    old = link.age_s(sight.now)
    if old is None:
        text = "bar.never" if link.state is State.LOST else "bar.connecting"
        return ((f" ◌ {say(text)} ", "alarm" if link.state is State.LOST else "warn"), *clock)
    told = phrasing.age(old, sight.language)
    if link.fresh(sight.now):
        return ((f"● {say('bar.live')}", "good"), *clock)
    if link.state is State.LIVE:
        return ((f" ▲ {say('bar.silent', age=told)} ", "alarm"), *clock)
    return ((f" ✖ {say('bar.lost', age=told)} ", "alarm"), *clock)


def _who(sight: Sight, named: str) -> Line:
    """Who sits here and in which role, as the gateway knows them."""
    if sight.who is None or not named:
        return ()
    part = f"·{role(sight.who.role, sight.language)}"
    return ((f"  {sight.who.name}{part if named == 'role' else ''}", "dim"),)


def _bypasses(sight: Sight, cells: int) -> list[Line]:
    """Calls that went round the gate lately: how many, and the last of them."""
    late = [each for each in sight.view.bypasses.values() if sight.floor_now - each.at < _ALERT_S]
    if not late:
        return []
    last = max(late, key=lambda each: each.at)
    text = sight.language.say(
        "bar.bypass",
        count=str(len(late)),
        at=sight.times.clock(last.at),
        number=last.bypass.number_masked or "—",
        trunk=last.bypass.trunk,
    )
    return [fit(((f" ▲ {text} ", "alarm"),), cells)]


def _warning(sight: Sight, cells: int) -> list[Line]:
    """Why there is no live view, and when it is tried again."""
    link = sight.link
    if link.state is not State.LOST:
        return []
    text = sight.language.say(
        "bar.retry" if link.heard_at else "bar.retry.never",
        why=link.why,
        wait=phrasing.age(max(0.0, link.retry_at - sight.now) + 0.999, sight.language),
        address=sight.address,
    )
    lines = []
    for line in wrap(((text, "alarm"),), cells - 2):
        spare = max(0, cells - 1 - width(line))
        lines.append(((" ", "alarm"), *line, (" " * spare, "alarm")))
    return lines


def _figures(sight: Sight) -> Line:
    view, say = sight.view, sight.language.say
    live = view.live_calls()
    need = sum(call.attention(sight.floor_now) >= NEEDS_PERSON for call in live)
    unheard = sum(call.unheard for call in live)
    health = view.health
    spans: list[Span] = [(f" {note} ", "tab") for note in sight.notes]
    spans.append((f" {say('bar.calls', count=str(len(live)))}", "strong"))
    if need:
        spans += [("  ", ""), (f"▲ {say('bar.need', count=str(need))}", "major")]
    alerts = view.open_alerts()
    if alerts:
        severity = alert_severity(alerts[0].alert)
        mark = phrasing.MARKS[severity]
        spans += [("  ", ""), (f"{mark} {say('bar.alerts', count=str(len(alerts)))}", severity)]
    if unheard:
        mark = phrasing.NOT_ANALYSED
        spans += [("  ", ""), (f"{mark} {say('bar.unheard', count=str(unheard))}", "warn")]
    spans += [
        (f"  {say('bar.decisions', count=f'{health.decisions_today:,}')}", ""),
        (f"  {say('bar.denials', count=f'{health.denials_today:,}')}", ""),
        (f"  {say('bar.gate', ms=f'{health.gate_p99_ms:.1f}')}", "dim"),
    ]
    return tuple(spans)


def _parts(sight: Sight, cells: int) -> Line:
    """A mark each; the names too where there is room, and always of what is not well."""
    worst: dict[str, HealthStatus.ValueType] = {}
    for each in sight.view.health.parts:
        name = each.part.split("-")[0]
        worst[name] = max(worst.get(name, each.status), each.status)
    spans: list[Span] = []
    for name, status in worst.items():
        mark, role = phrasing.health_mark(status)
        said = sight.language.say_or(_PARTS.get(name, ""), name)
        if cells >= 120 or role != "good":
            spans.append((f"{mark} {said}  ", role if role != "good" else "dim"))
            if role == "good":
                spans[-1:] = [(f"{mark} ", role), (f"{said}  ", "dim")]
        else:
            spans.append((f"{mark} ", role))
    return tuple(spans)
