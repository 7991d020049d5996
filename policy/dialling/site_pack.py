"""Owns a site's own version of a pack: a file that `extends` another, gives some of its rules other
parameters, and may add rules. What comes out is a pack like any other: plain rules.

Called by `policy.rulebook`. A change that loosens a rule taken from a law or a guideline is refused
unless it says why.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument, Path
from callwarden.problems import Problem, ProblemsFound, did_you_mean
from policy.dialling.pack import AnyRule, DiallingPack, KeepText
from policy.dialling.tightening import is_no_looser
from policy.rule import Name, Part, Text, TitleText

HOUSE_RULE = "house rule"
_FIXED = ("id", "kind", "title", "citation")
"""What says where a rule comes from stays as its source has it."""


class SitePack(Part):
    """A file that extends a pack, as it is written."""

    pack: Name
    version: Text
    title: TitleText
    extends: Name
    override: dict[str, dict[str, Any]] = Field(default_factory=dict)
    keep: tuple[KeepText, ...] = ()
    dialling: tuple[AnyRule, ...] = ()


@dataclass(frozen=True)
class _Overridden(LocatedDocument):
    """A rule with its changes; what is wrong with it is told at the changes' place in `file`."""

    site: LocatedDocument
    at: Path

    def problem(self, path: Path, message: str) -> Problem:
        return self.site.problem((*self.at, *path), message)


@dataclass(frozen=True)
class _Joined(LocatedDocument):
    """A pack that extends another; its rules' places are those of their changes, or of the site's
    own rules, in `site`."""

    site: LocatedDocument
    taken: tuple[str, ...]
    """Ids of the rules that come from the other pack: the first ones."""

    def place(self, path: Path) -> tuple[int, int]:
        if len(path) > 1 and path[0] == "dialling" and isinstance(path[1], int):
            number = path[1]
            if number < len(self.taken):
                path = ("override", self.taken[number], *path[2:])
            else:
                path = ("dialling", number - len(self.taken), *path[2:])
        return self.site.place(path)


def extends(document: LocatedDocument) -> str | None:
    """The pack the document extends, if it does. `document` may be of any shape."""
    value = document.value.get("extends") if isinstance(document.value, dict) else None
    return value if isinstance(value, str) else None


def joined(document: LocatedDocument, base: LocatedDocument) -> LocatedDocument:
    """The pack that comes of extending `base`, a pack free of problems.

    It holds the rules of `base` in their order, changed, and then the site's own; and what was
    changed and why, so that it is part of the rulebook's text. Raises ProblemsFound with everything
    that is wrong with the changes.
    """
    site = located_yaml.validate(document, SitePack)
    before = located_yaml.validate(base, DiallingPack)
    rules = {rule.id: rule for rule in before.dialling}
    written = {raw["id"]: raw for raw in base.value["dialling"]}
    problems: list[Problem] = []
    for name in site.override:
        if name not in rules:
            message = f"{before.pack} has no such rule{did_you_mean(name, rules)}"
            problems.append(document.problem(("override", name), message))
        else:
            problems += _problems(document, name, rules[name], written[name])
    problems += _taken(document, site, rules)
    if problems:
        raise ProblemsFound(problems)
    changed = [_changed(raw, site.override.get(name, {})) for name, raw in written.items()]
    value = dict(document.value)
    own = list(value.get("dialling", ()))
    value["dialling"] = [*changed, *own]
    value["keep"] = [*base.value.get("keep", ()), *value.get("keep", ())]
    return _Joined(document.file, value, document, tuple(written))


def _changed(rule: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {**rule, **{key: value for key, value in changes.items() if key != "because"}}


def _problems(
    document: LocatedDocument, name: str, rule: AnyRule, written: Mapping[str, Any]
) -> Iterator[Problem]:
    """What is wrong with the changes to that rule."""
    place: Path = ("override", name)
    changes = document.value["override"][name]
    fixed = [key for key in _FIXED if key in changes]
    if fixed:
        for key in fixed:
            message = "cannot be changed: it says where the rule comes from"
            yield document.problem((*place, key), message)
        return
    because = changes.get("because", "")
    if not isinstance(because, str) or (not because.strip() and "because" in changes):
        yield document.problem((*place, "because"), "must be text: why the rule is changed")
        return
    merged = _Overridden(document.file, _changed(written, changes), document, place)
    try:
        new = located_yaml.validate(merged, type(rule))
    except ProblemsFound as found:
        yield from found.problems
        return
    if new == rule:
        yield document.problem(place, "changes nothing")
    elif rule.citation != HOUSE_RULE and not because and not is_no_looser(new, rule):
        message = f"may allow what its source forbids ({rule.citation}): say why, with because:"
        yield document.problem(place, message)


def _taken(
    document: LocatedDocument, site: SitePack, rules: Mapping[str, AnyRule]
) -> Iterator[Problem]:
    for index, rule in enumerate(site.dialling):
        if rule.id in rules:
            message = f"{site.extends} has a rule with this id: change it under override"
            yield document.problem(("dialling", index, "id"), message)
