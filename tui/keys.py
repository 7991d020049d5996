"""Owns the keys that a site chose, `console.keys` of the configuration: reading and checking them.

Called by `tui.command` before a screen is there. The one invariant: every action keeps a key, and
no key means two things; what is wrong is told at its line and column, all at once.
"""

from collections.abc import Mapping

from textual.binding import Binding
from textual.keys import Keys

from callwarden.located_yaml import LocatedDocument
from callwarden.problems import Problem, ProblemsFound, did_you_mean
from tui.actions import ACTIONS

_NAMED = frozenset(each.value for each in Keys if not each.value.startswith("<"))
_MODIFIERS = ("ctrl", "shift", "alt")
_RESERVED = {
    "pageup": "scrolls a page",
    "pagedown": "scrolls a page",
    "home": "goes to the first row",
    "end": "goes to the last row",
    "ctrl+c": "copies or leaves, by the terminal",
}


def checked(document: LocatedDocument, keys: Mapping[str, str]) -> dict[str, str]:
    """The keys as Textual names them, by the ids of their actions. Raises ProblemsFound: an action
    that is none, a key that is none, a key of two actions."""
    problems: list[Problem] = []
    chosen: dict[str, str] = {}
    known = [action.id for action in ACTIONS]
    for action, written in keys.items():
        wrong = "" if action in known else f"no such action{did_you_mean(action, known)}"
        if not wrong:
            chosen[action], wrong = _read(written)
        if wrong:
            problems.append(document.problem(("console", "keys", action), wrong))
    problems += _conflicts(document, chosen)
    if problems:
        raise ProblemsFound(problems)
    return chosen


def _read(written: str) -> tuple[str, str]:
    """The keys, separated by commas, and what is wrong with one of them."""
    parts = written.split(",")
    names = [_named(part.strip()) for part in parts]
    for part, name in zip(parts, names, strict=True):
        if not name:
            near = did_you_mean(part.strip().lower(), _NAMED)
            return "", f'"{part.strip()}" is no key: a character, or such as f5, ctrl+x{near}'
        if name in _RESERVED:
            return "", f"{name} is taken: it {_RESERVED[name]}"
    return ",".join(names), ""


def _named(key: str) -> str:
    """A key as Textual names it; empty where there is none of that name."""
    if len(key) == 1:
        return next(iter(Binding.make_bindings([(key, "", "")]))).key if key.isprintable() else ""
    *modifiers, last = key.lower().split("+")
    if not all(each in _MODIFIERS for each in modifiers):
        return ""
    single = len(last) == 1 and last.isprintable()
    if modifiers and single:
        return "+".join([*modifiers, last])
    return key.lower() if {key.lower(), last} & _NAMED or last in _CHARACTERS else ""


_CHARACTERS = frozenset(
    next(iter(Binding.make_bindings([(chr(code), "", "")]))).key
    for code in range(0x21, 0x7F)
    if chr(code) != ","
)
"""Names of the characters on a keyboard, such as `slash`."""


def _conflicts(document: LocatedDocument, chosen: Mapping[str, str]) -> list[Problem]:
    problems = []
    of_key: dict[str, str] = {}
    remapped_last = sorted(ACTIONS, key=lambda action: action.id in chosen)
    for action in remapped_last:
        for key in chosen.get(action.id, action.keys).split(","):
            other = of_key.setdefault(key, action.id)
            if other != action.id:
                wrong = f'"{key}" is the key of {other} too: give one of them another'
                problems.append(document.problem(("console", "keys", action.id), wrong))
    return problems
