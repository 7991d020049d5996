"""Owns the speech rulebook in the form that listens: one tree of all phrases, the guards beside it,
and the rules that refer to them.

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
from policy.speech.finding import Severity
from policy.speech.tolerance import Tolerance
from policy.speech.tree import Node
from policy.speech.utterance import Leg


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


@dataclass(frozen=True)
class SpeechRule:
    """What every compiled rule has. `patterns` are the names it listens for."""

    id: str
    pack: str
    title: Title
    severity: Severity
    scenes: tuple[str, ...]
    leg: Leg
    effective_from: date | None
    effective_to: date | None
    citation: str
    patterns: frozenset[str]

    def holds(self, scene_of_call: str, on: date | None) -> bool:
        """Whether it speaks of a call in this scene on this day (None: rules of any day)."""
        first, last = self.effective_from, self.effective_to
        in_force = on is None or ((first is None or first <= on) and (last is None or on <= last))
        return in_force and scene.covers(self.scenes, scene_of_call)


@dataclass(frozen=True)
class Said(SpeechRule):
    """Found when one of the patterns is said."""


@dataclass(frozen=True)
class NotSaidAtOpening(SpeechRule):
    """Found when none of the patterns was said in the leg's first `speech_s` of speech."""

    speech_s: float


@dataclass(frozen=True)
class SpeechRulebook:
    identity: RulebookIdentity
    rules: tuple[SpeechRule, ...]
    patterns: Mapping[str, Pattern]
    """By the name `pack:pattern`, so that two packs may use one name."""
    phrases: Automaton

    @classmethod
    def compile(cls, packs: Sequence[pack.SpeechPack], identity: RulebookIdentity) -> Self:
        """The rulebook of these packs, each made by `pack.assemble`; `identity` is that of all
        rules in force, dialling too."""
        root, patterns = Node(), dict[str, Pattern]()
        for each in packs:
            for pattern in _patterns(each, root):
                patterns[pattern.name] = pattern
        rules = tuple(_rule(rule, each.pack) for each in packs for rule in each.rules)
        return cls(identity, rules, patterns, Automaton(root))

    def rules_for(self, scene_of_call: str, on: date | None) -> list[SpeechRule]:
        """The rules that hold for a call in this scene on this day, in the packs' order."""
        return [rule for rule in self.rules if rule.holds(scene_of_call, on)]


def _patterns(speech_pack: pack.SpeechPack, root: Node) -> Iterator[Pattern]:
    parsed = pack.parsed(speech_pack.patterns)
    guards = _Guards(parsed)
    listened_for = {name for rule in speech_pack.rules for name in rule.patterns}
    for name in (each for each in speech_pack.patterns if each in listened_for):
        text, full_name = speech_pack.patterns[name], f"{speech_pack.pack}:{name}"
        tolerance = Tolerance.GENEROUS if text.generous else Tolerance.USUAL
        for each in parsed[name]:
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


def _rule(rule: pack.SaidRule | pack.OpeningRule, pack_name: str) -> SpeechRule:
    common = (
        rule.id,
        pack_name,
        Title(zh=rule.title.zh, en=rule.title.en),
        Severity(rule.severity),
        rule.scenes,
        Leg(rule.leg),
        rule.effective_from,
        rule.effective_to,
        rule.citation,
        frozenset(f"{pack_name}:{name}" for name in rule.patterns),
    )
    match rule:
        case pack.SaidRule():
            return Said(*common)
        case pack.OpeningRule():
            return NotSaidAtOpening(*common, speech_s=rule.speech_s)
