"""Owns when the console rings: the terminal's bell and a desktop notification, each by choice.

Told of every alert by the app and asked each second what is due. Pure: what it gives is written to
the terminal, so that it rings wherever the terminal is, over SSH too. The one invariant: a flood is
one ring, and what is quiet, acknowledged or was there before the console rings nothing.
"""

from dataclasses import dataclass, field

from callwarden.settings import Notify
from tui.call import SEVERITIES
from tui.language import Language
from tui.phrasing import MARKS
from tui.view import Alerted, alert_severity

LEAST_GAP_S = 5.0
"""Between two rings: what comes meanwhile is told together at the next."""
_LONGEST = 200


@dataclass
class Ringing:
    """`tmux`: the terminal is one of tmux's, which passes on only what is wrapped for it."""

    bell: bool = False
    notify: Notify = "off"
    tmux: bool = False
    muted: bool = False
    _known: dict[str, int] = field(default_factory=dict)
    _waiting: dict[str, Alerted] = field(default_factory=dict)
    _rang_at: float = float("-inf")

    def know(self, alerts: dict[str, Alerted]) -> None:
        """These were there when the console began to watch: they ring nothing."""
        for each in alerts.values():
            self._known[each.alert.alert_id] = _rank(each)

    def hear(self, raised: Alerted) -> None:
        """An alert came or changed. It rings when it is new, or worse than it was."""
        alert_id = raised.alert.alert_id
        worse = _rank(raised) > self._known.get(alert_id, -1)
        self._known[alert_id] = max(_rank(raised), self._known.get(alert_id, -1))
        if raised.alert.quiet or not raised.open:
            self._waiting.pop(alert_id, None)
        elif worse or alert_id in self._waiting:
            self._waiting[alert_id] = raised

    def due(self, now: float, language: Language) -> str:
        """What to write to the terminal now; empty for nothing. `now` in seconds of any clock."""
        if not self._waiting or now - self._rang_at < LEAST_GAP_S:
            return ""
        told = _told(list(self._waiting.values()), language)
        self._waiting.clear()
        if self.muted or not (self.bell or self.notify != "off"):
            return ""
        self._rang_at = now
        return ("\a" if self.bell else "") + self._notification(told)

    def _notification(self, told: str) -> str:
        if self.notify == "off":
            return ""
        body = f"9;{told}" if self.notify == "osc9" else f"777;notify;Callwarden;{told}"
        escape = f"\x1b]{body}\a"
        return f"\x1bPtmux;{escape.replace(chr(27), chr(27) * 2)}\x1b\\" if self.tmux else escape


def title(raised: Alerted, language: Language) -> str:
    """What an alert is called in this language, else in the other one."""
    zh, en = raised.alert.title_zh, raised.alert.title_en
    return (zh or en if language.locale == "zh" else en or zh) or raised.alert.kind


def _told(alerts: list[Alerted], language: Language) -> str:
    """The worst of them in words, and how many more. Nothing in it can end the escape."""
    worst = max(alerts, key=_rank)
    severity = alert_severity(worst.alert)
    said = f"{MARKS[severity]} {language.say(f'severity.{severity}')} · {title(worst, language)}"
    if worst.alert.agent:
        said += f" · {worst.alert.agent}"
    if len(alerts) > 1:
        said += f" · {language.say('alert.more', count=str(len(alerts) - 1))}"
    safe = "".join(letter for letter in said if letter.isprintable() and letter != ";")
    return safe[:_LONGEST]


def _rank(raised: Alerted) -> int:
    return SEVERITIES.index(alert_severity(raised.alert))
