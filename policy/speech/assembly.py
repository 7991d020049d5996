"""Owns putting the files of a speech pack together, and everything that is wrong with them.

Called by `policy.rulebook` when rules are loaded. Invariant: what `assemble` lets through can be
compiled, and every rule of it can fire.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument, Path
from callwarden.problems import Problem, ProblemsFound, did_you_mean
from policy.speech import contradiction, pack, phrase
from policy.speech.pack import CALL_ENDS, Happening, PatternText, SpeechPack
from policy.speech.phrase import PhraseError

LARGEST_PHRASE = 5000
GUARDS = (
    "not_preceded_by",
    "not_followed_by",
    "doubtful_preceded_by",
    "doubtful_followed_by",
)


def assemble(documents: Sequence[LocatedDocument]) -> SpeechPack:
    """All files of one pack's folder (tests left out) as one pack.

    Raises ProblemsFound with every problem of every file: keys and values that are none, names
    given twice, a pattern or an event nobody wrote, patterns or events that refer to one another
    in a circle, phrases that cannot be read or heard, rules that can never fire.
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
    packs = [each for _, each in files]
    return SpeechPack(
        pack=packs[0].pack,
        version=next(each.version for each in packs if each.version),
        title=next((each.title for each in packs if each.title), None),
        patterns={name: one for each in packs for name, one in each.patterns.items()},
        events={name: one for each in packs for name, one in each.events.items()},
        rules=tuple(rule for each in packs for rule in each.rules),
    )


def problems(files: Sequence[tuple[LocatedDocument, SpeechPack]]) -> list[Problem]:
    """What the shape cannot tell about the files of one pack."""
    names = _Names.of(files)
    found = [*names.twice, *_naming(files)]
    for document, each in files:
        for name, pattern in each.patterns.items():
            found += _phrase_problems(document, name, pattern, names)
        for name, event in each.events.items():
            found += _event_problems(document, ("events", name), event, names, name)
        for index, rule in enumerate(each.rules):
            found += _event_problems(document, ("rules", index), rule, names)
    return found


@dataclass
class _Names:
    """Everything that has a name in the pack, and where it stands first."""

    patterns: dict[str, PatternText] = field(default_factory=dict)
    events: dict[str, Happening] = field(default_factory=dict)
    phrases: dict[str, list[phrase.Sequence]] = field(default_factory=dict)
    listened_for: set[str] = field(default_factory=set)
    """Patterns that a rule or an event names; the others only stand in phrases and guards."""
    twice: list[Problem] = field(default_factory=list)

    @property
    def known(self) -> list[str]:
        """Whatever a rule or an event may name."""
        return [*self.patterns, *self.events, CALL_ENDS]

    @classmethod
    def of(cls, files: Sequence[tuple[LocatedDocument, SpeechPack]]) -> Self:
        names, first = cls(), dict[tuple[str, str], str]()
        for document, each in files:
            paths: list[tuple[str, str, str, Path]] = [
                ("name", "pattern", name, ("patterns", name)) for name in each.patterns
            ]
            paths += [("name", "event", name, ("events", name)) for name in each.events]
            paths += [
                ("rule", "rule", rule.id, ("rules", at, "id")) for at, rule in enumerate(each.rules)
            ]
            for realm, kind, name, path in paths:
                line, _ = document.place(path)
                if (realm, name) in first:
                    other, place = first[realm, name].split(" ", 1)
                    message = f"another {other} has this name, at {place}"
                    names.twice.append(document.problem(path, message))
                if name == CALL_ENDS:
                    message = "every pack knows an event of this name; choose another"
                    names.twice.append(document.problem(path, message))
                first.setdefault((realm, name), f"{kind} {document.file}:{line}")
            names.patterns |= each.patterns
            names.events |= each.events
            for event in (*each.events.values(), *each.rules):
                names.listened_for |= {name for _, name in pack.names_in(event)}
        names.phrases = pack.parsed(names.patterns)
        return names


def _naming(files: Sequence[tuple[LocatedDocument, SpeechPack]]) -> Iterator[Problem]:
    if not files:
        return
    name = files[0][1].pack
    for document, each in files:
        if each.pack != name:
            message = f"the other files of this folder belong to the pack {name}"
            yield document.problem(("pack",), message)
    versions = [(document, each) for document, each in files if each.version]
    if not versions:
        yield files[0][0].problem((), "no file of the pack gives its version; add a key version")
    for document, _ in versions[1:]:
        yield document.problem(("version",), f"{versions[0][0].file} gives the version already")


def _phrase_problems(
    document: LocatedDocument, name: str, pattern: PatternText, names: _Names
) -> Iterator[Problem]:
    lists: list[tuple[Path, tuple[str, ...], bool]] = [(("phrases",), pattern.phrases, True)]
    lists += [(("dialects", each), said, True) for each, said in pattern.dialects.items()]
    lists += [((key,), getattr(pattern, key), False) for key in GUARDS]
    for key, written, is_said in lists:
        for index, each in enumerate(written):
            path: Path = ("patterns", name, *key, index)
            message = _phrase_mistake(each, name if is_said else "", names)
            if message:
                yield document.problem(path, message)
            if each in written[:index]:
                yield document.problem(path, "the phrase stands here twice")
    if pattern.second_look is None:
        return
    for side in ("heard", "instead"):
        for index, each in enumerate(getattr(pattern.second_look, side)):
            message = _spotting_mistake(each)
            if message:
                path = ("patterns", name, "second_look", side, index)
                yield document.problem(path, message)


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


def _spotting_mistake(written: str) -> str:
    """What is wrong with a phrase that is listened for again."""
    try:
        read = phrase.parse(written)
    except PhraseError as error:
        return str(error)
    if not all(isinstance(each, phrase.Text) for each in read):
        return "is listened for as it stands: characters alone, no brackets, gaps or references"
    return ""


def _circle(start: str, pattern: str, names: _Names) -> list[str]:
    """The way from `start` to `pattern` or back to a pattern on the way; empty when none."""

    def steps(name: str) -> set[str]:
        phrases = names.phrases.get(name, ())
        return {each for one in phrases for each in phrase.references(one)} & names.patterns.keys()

    open_ways, seen = [[start]], set[str]()
    while open_ways:
        way = open_ways.pop()
        if way[-1] == pattern:
            return [pattern, *way]
        if way[-1] in way[:-1]:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            open_ways += [[*way, step] for step in sorted(steps(way[-1]))]
    return []


def _event_problems(
    document: LocatedDocument, at: Path, event: Happening, names: _Names, own_name: str = ""
) -> Iterator[Problem]:
    """What is wrong with a rule or, with a name, an event."""
    told: set[Path] = set()
    for path, name in pack.names_in(event):
        place = _place(document, (*at, *path))
        message = _name_mistake(event, str(path[0]), name, names)
        if message:
            yield document.problem(place, message)
        elif (*place[:-1], name) in told:
            what = "event" if name in names.events or name == CALL_ENDS else "pattern"
            yield document.problem(place, f"the {what} stands here twice")
        elif own_name and (circle := _event_circle(name, own_name, names)):
            message = f"the event is made of itself: {' → '.join(circle)}"
            yield document.problem(place, message)
        told.add((*place[:-1], name))
    if isinstance(event, pack.SaidText) and event.compare is not None and not event.compare.says:
        for index, name in enumerate(event.patterns):
            if name in names.patterns and not _has_slot(name, event.compare.slot, names):
                message = f"no phrase of {name} has the slot {{{event.compare.slot}}} to compare"
                yield document.problem((*at, "patterns", index), message)
    for path, message in contradiction.found_in(event, names.patterns, names.events):
        yield document.problem(_place(document, (*at, *path)), message)


def _has_slot(name: str, kind: str, names: _Names) -> bool:
    """Whether a phrase of the pattern, or of one that it refers to, has a slot of this kind."""
    seen, left = {name}, [name]
    while left:
        pattern = left.pop()
        text = names.patterns[pattern]
        said = [*text.phrases, *(each for one in text.dialects.values() for each in one)]
        if any(f"{{{kind}}}" in each for each in said):
            return True
        steps = {one for each in names.phrases[pattern] for one in phrase.references(each)}
        left += sorted((steps & names.patterns.keys()) - seen)
        seen |= steps
    return False


def _name_mistake(event: Happening, key: str, name: str, names: _Names) -> str:
    """What is wrong with naming this pattern or event under this key."""
    if key in ("patterns", "answering", "to") and name not in names.patterns:
        if name in names.events:
            return f"{name} is an event; what is said must be a pattern"
        return f"no pattern is named {name}{did_you_mean(name, names.patterns)}"
    if name == CALL_ENDS:
        return "" if key == "by" else "only by: can name the end of the call"
    if name not in names.patterns and name not in names.events:
        return f"no pattern or event is named {name}{did_you_mean(name, names.known)}"
    if key in ("patterns", "answering", "to", "without") or name in names.events:
        return ""
    if names.patterns[name].leg is None:
        return f"whose words are meant? Give the pattern {name} a key leg: agent, customer, either"
    return ""


def _event_circle(start: str, event: str, names: _Names) -> list[str]:
    open_ways, seen = [[start]], set[str]()
    while open_ways:
        way = open_ways.pop()
        if way[-1] == event:
            return [event, *way]
        if way[-1] in seen or way[-1] not in names.events:
            continue
        seen.add(way[-1])
        steps = {name for _, name in pack.names_in(names.events[way[-1]])}
        open_ways += [[*way, step] for step in sorted(steps)]
    return []


def _place(document: LocatedDocument, path: Path) -> Path:
    """The path as the file has it: `after: [a]` stands for `after: {any: [a]}`."""
    node, found = document.value, list[str | int]()
    for step in path:
        if step == "any" and isinstance(node, list):
            continue
        found.append(step)
        try:
            node = node[step]
        except (LookupError, TypeError):
            node = None
    return tuple(found)
