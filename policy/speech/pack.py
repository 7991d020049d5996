"""Owns the language of speech rules: the shape of a pack's YAML files, and what is wrong with them.

A speech pack is a folder of files that are read as one: named patterns (what can be said) and rules
(what it means that it was said, or was not). Read by `policy.rulebook`, compiled by
`policy.speech.rulebook`. Invariant: what `assemble` lets through can be compiled, and every rule of
it can fire.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument, Path
from callwarden.problems import Problem, ProblemsFound, did_you_mean
from policy.rule import Name, Part, Rule, Text, TitleText
from policy.speech import phrase
from policy.speech.phrase import PhraseError

LARGEST_PHRASE = 5000
GUARDS = (
    "not_preceded_by",
    "not_followed_by",
    "doubtful_preceded_by",
    "doubtful_followed_by",
)


class PatternText(Part):
    """Ways to say one thing. Guards touch the phrase: what they say stands right before or right
    after it, in one breath with it; a gap in a guard reaches further (…), or over a pause (……)."""

    phrases: tuple[Text, ...] = Field(min_length=1)
    not_preceded_by: tuple[Text, ...] = Field((), description="then it was not said: 不 + 保本")
    not_followed_by: tuple[Text, ...] = Field((), description="then it was not said: 保本 + 吗")
    doubtful_preceded_by: tuple[Text, ...] = Field((), description="then it is provisional")
    doubtful_followed_by: tuple[Text, ...] = Field((), description="then it is provisional")
    followed_within_s: float = Field(
        0.6, ge=0.1, le=3, description="silence over which no guard reaches, not even one with ……"
    )
    certain_from: float = Field(0.86, ge=0.5, le=1, description="confidence of a certain match")
    provisional_from: float | None = Field(
        None, ge=0.5, le=1, description="confidence of a provisional match; none: not reported"
    )
    generous: bool = Field(
        False, description="for what must be told: heard also where half of it is misheard"
    )

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        if self.provisional_from is not None and self.provisional_from > self.certain_from:
            raise ValueError("provisional_from is above certain_from: nothing would be provisional")
        return self


class SpokenRule(Rule):
    """What every speech rule has besides."""

    leg: Literal["agent", "customer"] = Field(description="who is found to have said it, or not")


class SaidRule(SpokenRule):
    """One of the patterns was said by the leg."""

    kind: Literal["said"]
    patterns: tuple[Name, ...] = Field(min_length=1)


class OpeningRule(SpokenRule):
    """None of the patterns was said in the first seconds of the leg's speech.

    Speech is counted without pauses; found when they have passed, or when the call ends.
    """

    kind: Literal["not_said_at_opening"]
    patterns: tuple[Name, ...] = Field(min_length=1)
    speech_s: float = Field(gt=0, le=600, description="seconds of the leg's own speech")


SpeechRule = Annotated[SaidRule | OpeningRule, Field(discriminator="kind")]


class SpeechPack(Part):
    """One file of a pack, or all files of it as one (`assemble`)."""

    pack: Name
    version: Text | None = Field(None, description="stands in one file of the pack")
    title: TitleText | None = None
    patterns: dict[Name, PatternText] = Field(default_factory=dict)
    rules: tuple[SpeechRule, ...] = ()


def assemble(documents: Sequence[LocatedDocument]) -> SpeechPack:
    """All files of one pack's folder (tests left out) as one pack.

    Raises ProblemsFound with every problem of every file: keys and values that are none, names
    given twice, a pattern nobody wrote, patterns that refer to one another in a circle, phrases
    that cannot be read or heard, rules that can never fire.
    """
    found: list[Problem] = []
    files: list[tuple[LocatedDocument, SpeechPack]] = []
    for document in documents:
        try:
            files.append((document, located_yaml.validate(document, SpeechPack)))
        except ProblemsFound as error:
            found += error.problems
    found += problems(files) if len(files) == len(documents) else ()
    if found:
        raise ProblemsFound(found)
    packs = [pack for _, pack in files]
    return SpeechPack(
        pack=packs[0].pack,
        version=next(pack.version for pack in packs if pack.version),
        title=next((pack.title for pack in packs if pack.title), None),
        patterns={name: each for pack in packs for name, each in pack.patterns.items()},
        rules=tuple(rule for pack in packs for rule in pack.rules),
    )


def problems(files: Sequence[tuple[LocatedDocument, SpeechPack]]) -> list[Problem]:
    """What the shape cannot tell about the files of one pack."""
    names = _Names.of(files)
    found = [*names.twice, *_naming(files)]
    for document, pack in files:
        for name, pattern in pack.patterns.items():
            found += _phrase_problems(document, name, pattern, names)
        for index, rule in enumerate(pack.rules):
            found += _rule_problems(document, index, rule, names)
    return found


@dataclass
class _Names:
    """Everything that has a name in the pack, and where it stands first."""

    patterns: dict[str, PatternText] = field(default_factory=dict)
    phrases: dict[str, list[phrase.Sequence]] = field(default_factory=dict)
    listened_for: set[str] = field(default_factory=set)
    """Patterns that a rule names; the others only stand in phrases and guards."""
    twice: list[Problem] = field(default_factory=list)

    @classmethod
    def of(cls, files: Sequence[tuple[LocatedDocument, SpeechPack]]) -> Self:
        names, first = cls(), dict[tuple[str, str], str]()
        for document, pack in files:
            paths: list[tuple[str, str, Path]] = [
                ("pattern", name, ("patterns", name)) for name in pack.patterns
            ]
            paths += [("rule", rule.id, ("rules", at, "id")) for at, rule in enumerate(pack.rules)]
            for kind, name, path in paths:
                line, _ = document.place(path)
                if (kind, name) in first:
                    message = f"another {kind} has this name, at {first[kind, name]}"
                    names.twice.append(document.problem(path, message))
                first.setdefault((kind, name), f"{document.file}:{line}")
            names.patterns |= pack.patterns
            names.listened_for |= {name for rule in pack.rules for name in rule.patterns}
        names.phrases = parsed(names.patterns)
        return names


def parsed(patterns: Mapping[str, PatternText]) -> dict[str, list[phrase.Sequence]]:
    """The phrases of every pattern that can be read; the others are left out."""
    found: dict[str, list[phrase.Sequence]] = {name: [] for name in patterns}
    for name, pattern in patterns.items():
        for written in pattern.phrases:
            try:
                found[name].append(phrase.parse(written))
            except PhraseError:
                continue
    return found


def _naming(files: Sequence[tuple[LocatedDocument, SpeechPack]]) -> Iterator[Problem]:
    if not files:
        return
    name = files[0][1].pack
    for document, pack in files:
        if pack.pack != name:
            message = f"the other files of this folder belong to the pack {name}"
            yield document.problem(("pack",), message)
    versions = [(document, pack) for document, pack in files if pack.version]
    if not versions:
        yield files[0][0].problem((), "no file of the pack gives its version; add a key version")
    for document, _ in versions[1:]:
        yield document.problem(("version",), f"{versions[0][0].file} gives the version already")


def _phrase_problems(
    document: LocatedDocument, name: str, pattern: PatternText, names: _Names
) -> Iterator[Problem]:
    for key in ("phrases", *GUARDS):
        written: tuple[str, ...] = getattr(pattern, key)
        for index, each in enumerate(written):
            path: Path = ("patterns", name, key, index)
            message = _phrase_mistake(each, name if key == "phrases" else "", names)
            if message:
                yield document.problem(path, message)
            if each in written[:index]:
                yield document.problem(path, "the phrase stands here twice")


def _phrase_mistake(written: str, pattern: str, names: _Names) -> str:
    """What is wrong with one phrase; the empty string when nothing is."""
    try:
        read = phrase.parse(written)
    except PhraseError as error:
        return str(error)
    for reference in phrase.references(read):
        if reference not in names.patterns:
            near = did_you_mean(reference, names.patterns)
            return f"no pattern is named {reference}{near}"
        circle = _circle(reference, pattern, names)
        if circle:
            return f"the pattern refers to itself: {' → '.join(circle)}"
    phrases_of = names.phrases.__getitem__
    if phrase.is_larger_than(LARGEST_PHRASE, read, phrases_of):
        return f"with all it refers to, the phrase has more than {LARGEST_PHRASE} syllables"
    shortest = phrase.syllables(read, phrases_of, min)
    if shortest == 0:
        return "the phrase can be empty: something of it must always be said"
    if shortest == 1 and pattern in names.listened_for:
        return "one syllable alone sounds like many words; say at least two"
    open_ended = phrase.may_begin_with_gap(read, phrases_of)
    open_ended = open_ended or phrase.may_end_with_gap(read, phrases_of)
    if pattern in names.listened_for and open_ended:
        return "before its first gap and after its last one something must always be said"
    return ""


def _circle(start: str, pattern: str, names: _Names) -> list[str]:
    """The way from `start` to `pattern` or back to a pattern on the way; empty when none."""
    open_ways, seen = [[start]], set[str]()
    while open_ways:
        way = open_ways.pop()
        if way[-1] == pattern:
            return [pattern, *way]
        if way[-1] in way[:-1]:
            return way
        if way[-1] in seen:
            continue
        seen.add(way[-1])
        phrases = names.phrases.get(way[-1], ())
        steps = {name for each in phrases for name in phrase.references(each)}
        open_ways += [[*way, step] for step in sorted(steps & names.patterns.keys())]
    return []


def _rule_problems(
    document: LocatedDocument, index: int, rule: SaidRule | OpeningRule, names: _Names
) -> Iterator[Problem]:
    for at, name in enumerate(rule.patterns):
        path: Path = ("rules", index, "patterns", at)
        if name not in names.patterns:
            near = did_you_mean(name, names.patterns)
            yield document.problem(path, f"no pattern is named {name}{near}")
        elif name in rule.patterns[:at]:
            yield document.problem(path, "the pattern stands here twice")
