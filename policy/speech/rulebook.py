"""Owns the speech rulebook in the form that listens: one tree of all phrases, the guards beside it,
the events that are made of them, and the rules that are about events.

Compiled once when rules are loaded, shared by all conversations, never changed after that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

from policy import scene
from policy.identity import RulebookIdentity, Title
from policy.speech import pack, phrase, tree
from policy.speech.automaton import Automaton
from policy.speech.compiling import Compiler
from policy.speech.duty import Obligation
from policy.speech.event import Event
from policy.speech.finding import Severity
from policy.speech.tolerance import Tolerance
from policy.speech.tree import Node
from policy.speech.utterance import Leg


@dataclass(frozen=True)
class SecondLook:
    """Phrases to listen for once more: what `heard` means that it was said, `instead` that it was
    not; `thresholds` of those that must be heard more or less surely than usual."""

    heard: tuple[str, ...]
    instead: tuple[str, ...]
    thresholds: Mapping[str, float]


@dataclass(frozen=True)
class Pattern:
    """A named thing that can be said, without its phrases, which stand in the rulebook's tree.

    Guards are trees read from the phrase's edge: backwards before it, forwards after it.
    """

    name: str
    not_before: tuple[Automaton, ...]
    not_after: tuple[Automaton, ...]
    doubtful_before: tuple[Automaton, ...]
    doubtful_after: tuple[Automaton, ...]
    followed_within_s: float
    certain_from: float
    provisional_from: float
    second_look: SecondLook | None = None


@dataclass(frozen=True)
class SpeechRule:
    """A rule is about an event, by or against a leg.

    `missing` names what was not said, where that is what it is about; its finding lies on the first
    of `lies_on`, where there is one. `shadow`: it is judged, and nothing follows from it.
    """

    id: str
    pack: str
    title: Title
    severity: Severity
    scenes: tuple[str, ...]
    leg: Leg
    effective_from: date | None
    effective_to: date | None
    citation: str
    event: Event
    once_a_call: bool
    lies_on: tuple[Event, ...]
    missing: tuple[str, ...]
    owes: Obligation | None = None
    """What must be told, where that is what it is about."""
    shadow: bool = False

    def holds(self, scene_of_call: str, on: date | None) -> bool:
        """Whether it speaks of a call in this scene on this day (None: rules of any day)."""
        first, last = self.effective_from, self.effective_to
        in_force = on is None or ((first is None or first <= on) and (last is None or on <= last))
        return in_force and scene.covers(self.scenes, scene_of_call)


@dataclass(frozen=True)
class SpeechRulebook:
    identity: RulebookIdentity
    rules: tuple[SpeechRule, ...]
    patterns: Mapping[str, Pattern]
    """By the name `pack:pattern`, so that two packs may use one name; a dialect's variant has the
    name `pack:pattern@dialect`."""
    phrases: Automaton
    packs: Mapping[str, pack.SpeechPack]
    """As they are written, by name, for explanations."""
    names: Mapping[Event, str]
    """What the packs call an event, where they have a name for it."""

    @classmethod
    def compile(cls, packs: Sequence[pack.SpeechPack], identity: RulebookIdentity) -> Self:
        """The rulebook of these packs, each made by `assembly.assemble`; `identity` is that of all
        rules in force, dialling too."""
        root, patterns, rules = Node(), dict[str, Pattern](), list[SpeechRule]()
        names: dict[Event, str] = {}
        for each in packs:
            for pattern in _patterns(each, root):
                patterns[pattern.name] = pattern
            compiler = Compiler(each)
            rules += _rules(each, compiler)
            names |= compiler.names()
        written = {each.pack: each for each in packs}
        return cls(identity, tuple(rules), patterns, Automaton(root), written, names)

    @property
    def in_shadow(self) -> frozenset[str]:
        """Ids of the rules that are judged without anything following from it."""
        return frozenset(rule.id for rule in self.rules if rule.shadow)

    def rules_for(self, scene_of_call: str, on: date | None) -> list[SpeechRule]:
        """The rules that hold for a call in this scene on this day, in the packs' order."""
        return [rule for rule in self.rules if rule.holds(scene_of_call, on)]


def plain_name(pattern: str) -> str:
    """As its pack names it: `told.apr` for `base:told.apr@yue`."""
    return pattern.partition(":")[2].partition("@")[0]


def _patterns(speech_pack: pack.SpeechPack, root: Node) -> Iterator[Pattern]:
    parsed = pack.parsed(speech_pack.patterns)
    guards = _Guards(parsed)
    named = (*speech_pack.events.values(), *speech_pack.rules)
    listened_for = {name for event in named for _, name in pack.names_in(event)}
    for name in (each for each in speech_pack.patterns if each in listened_for):
        text = speech_pack.patterns[name]
        tolerance = Tolerance.GENEROUS if text.generous else Tolerance.USUAL
        looked = text.second_look
        variants = {f"{speech_pack.pack}:{name}": parsed[name]}
        for dialect, written in text.dialects.items():
            variants[f"{speech_pack.pack}:{name}@{dialect}"] = [*map(phrase.parse, written)]
        for full_name, phrases in variants.items():
            for each in phrases:
                tree.grow(root, full_name, each, parsed.__getitem__, tolerance)
            yield Pattern(
                full_name,
                guards.of(text.not_preceded_by, backwards=True),
                guards.of(text.not_followed_by, backwards=False),
                guards.of(text.doubtful_preceded_by, backwards=True),
                guards.of(text.doubtful_followed_by, backwards=False),
                text.followed_within_s,
                text.certain_from,
                text.certain_from if text.provisional_from is None else text.provisional_from,
                SecondLook(looked.heard, looked.instead, looked.thresholds) if looked else None,
            )


class _Guards:
    """Trees of guards; a guard that is a reference alone is one tree for all who refer to it."""

    def __init__(self, parsed: Mapping[str, list[phrase.Sequence]]) -> None:
        self._parsed = parsed
        self._shared: dict[tuple[str, bool], Automaton] = {}

    def of(self, written: Iterable[str], *, backwards: bool) -> tuple[Automaton, ...]:
        own: list[phrase.Sequence] = []
        trees: list[Automaton] = []
        for each in map(phrase.parse, written):
            match each:
                case (phrase.Reference(name),):
                    if (name, backwards) not in self._shared:
                        shared = self._tree(self._parsed[name], backwards=backwards)
                        self._shared[name, backwards] = shared
                    trees.append(self._shared[name, backwards])
                case _:
                    own.append(each)
        return (*trees, self._tree(own, backwards=backwards)) if own else tuple(trees)

    def _tree(self, phrases: Iterable[phrase.Sequence], *, backwards: bool) -> Automaton:
        phrases_of = self._parsed.__getitem__
        return Automaton(tree.guard(phrases, phrases_of, backwards=backwards))


def _rules(speech_pack: pack.SpeechPack, compiler: Compiler) -> Iterator[SpeechRule]:
    for rule in speech_pack.rules:
        yield SpeechRule(
            rule.id,
            speech_pack.pack,
            Title(zh=rule.title.zh, en=rule.title.en),
            Severity(rule.severity),
            rule.scenes,
            Leg(rule.leg),
            rule.effective_from,
            rule.effective_to,
            rule.citation,
            event=compiler.event(rule),
            once_a_call=rule.once == "call",
            lies_on=tuple(compiler.named(each) for each in getattr(rule, "lies_on", ())),
            missing=rule.patterns if isinstance(rule, pack.NotSaidText) else (),
            owes=compiler.obligation(rule) if isinstance(rule, pack.NotSaidRule) else None,
            shadow=rule.shadow,
        )
