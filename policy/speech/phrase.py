"""Owns how a phrase is written in a pack, and the parts it is made of.

    不要再(给我|跟我)[来]打电话      alternatives in (), a part that may be missing in []
    保证…收益      up to four syllables between, in one breath; …8 up to eight
    再不还……上门    the same, also over a pause
    <words.denied>保本      the phrases of the pattern `words.denied` in this place
    年化利率[是]{percent}    a number with its unit; also {amount}, {term} (`slot`)

Blanks and punctuation count for nothing. Called by the pack's checks and by the compiler.
Invariant: a phrase is never spelled out; its size is that of its parts, references included.
"""

from collections.abc import Callable
from dataclasses import dataclass

from callwarden.problems import did_you_mean
from policy.speech import slot
from policy.speech.sound import is_character

GAP_SYLLABLES = 4
LONGEST_GAP_SYLLABLES = 12


@dataclass(frozen=True)
class Text:
    """Characters and Latin letters said one after the other."""

    marks: str


@dataclass(frozen=True)
class Gap:
    """Anything said in between, at most `most` syllables, but no 不; a pause only if `pauses`."""

    most: int
    pauses: bool = False


@dataclass(frozen=True)
class Reference:
    """Any phrase of the pattern of this name."""

    name: str


@dataclass(frozen=True)
class Choice:
    """One of these; an empty one means that it may be missing."""

    ways: tuple["Sequence", ...]


@dataclass(frozen=True)
class Slot:
    """A number with its unit, of a kind of `slot.KINDS`."""

    kind: str


Part = Text | Gap | Reference | Choice | Slot
Sequence = tuple[Part, ...]
PhrasesOf = Callable[[str], list[Sequence]]
"""The phrases of a pattern, by its name."""


class PhraseError(ValueError):
    """A phrase that cannot be read, in words for the one who wrote it."""


def parse(written: str) -> Sequence:
    """Raises PhraseError on an open bracket, an empty phrase or a mark without a sound."""
    parts = _Reader(written).ways(closing="")[0]
    if not parts:
        raise PhraseError("the phrase is empty")
    return parts


def references(sequence: Sequence) -> list[str]:
    """Names of the patterns it refers to."""
    found: list[str] = []
    for part in sequence:
        if isinstance(part, Reference):
            found.append(part.name)
        elif isinstance(part, Choice):
            found += [name for way in part.ways for name in references(way)]
    return found


def ways_of(part: Reference | Choice, phrases_of: PhrasesOf) -> list[Sequence]:
    return list(part.ways) if isinstance(part, Choice) else phrases_of(part.name)


def is_larger_than(most: int, sequence: Sequence, phrases_of: PhrasesOf) -> bool:
    """Whether it has more than `most` syllables and alternatives, those it refers to included."""
    size, open_ways = 0, [sequence]
    while open_ways:
        for part in open_ways.pop():
            if isinstance(part, Text):
                size += len(part.marks)
            elif isinstance(part, Slot):
                size += slot.USUAL_SYLLABLES
            elif not isinstance(part, Gap):
                ways = ways_of(part, phrases_of)
                size += len(ways)
                open_ways += ways
        if size > most:
            return True
    return False


def syllables(sequence: Sequence, phrases_of: PhrasesOf, choose: Callable[[list[int]], int]) -> int:
    """How many syllables of it are said: with `min` the fewest, with `max` the most."""
    found = 0
    for part in sequence:
        if isinstance(part, Text):
            found += len(part.marks)
        elif isinstance(part, Slot):
            found += choose([slot.LEAST_SYLLABLES, slot.USUAL_SYLLABLES])
        elif not isinstance(part, Gap):
            ways = ways_of(part, phrases_of)
            found += choose([syllables(way, phrases_of, choose) for way in ways] or [0])
    return found


def may_begin_with_gap(sequence: Sequence, phrases_of: PhrasesOf) -> bool:
    return _beginning(sequence, phrases_of, backwards=False)[0]


def may_end_with_gap(sequence: Sequence, phrases_of: PhrasesOf) -> bool:
    return _beginning(sequence, phrases_of, backwards=True)[0]


def _beginning(sequence: Sequence, phrases_of: PhrasesOf, *, backwards: bool) -> tuple[bool, bool]:
    """Whether a gap may stand first, and whether nothing at all may be said."""
    gap_first = False
    for part in sequence[::-1] if backwards else sequence:
        if isinstance(part, Text | Slot):
            return gap_first, False
        if isinstance(part, Gap):
            return True, False
        ways = ways_of(part, phrases_of)
        found = [_beginning(way, phrases_of, backwards=backwards) for way in ways]
        gap_first = gap_first or any(gap for gap, _ in found)
        if not any(nothing for _, nothing in found):
            return gap_first, False
    return gap_first, True


_BRACKETS = {"(": ")", "（": "）", "[": "]", "［": "］", "【": "】"}
_SILENT = frozenset(" \t\n，。、！；：,.!;:“”\"'《》")


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def ways(self, closing: str) -> tuple[Sequence, ...]:
        """The alternatives up to a closing bracket, or the one way up to the end."""
        ways: list[Sequence] = []
        parts: list[Part] = []
        while self._at < len(self._text):
            mark = self._take()
            if closing and mark == closing:
                return (*ways, tuple(parts))
            if mark in "|｜" and closing:
                ways.append(tuple(parts))
                parts = []
            else:
                self._read_part(mark, parts)
        if closing:
            raise PhraseError(f"a bracket is not closed: {closing} is missing")
        return (tuple(parts),)

    def _read_part(self, mark: str, parts: list[Part]) -> None:
        if mark in _BRACKETS:
            ways = self.ways(_BRACKETS[mark])
            parts.append(Choice(ways if mark in "(（" else (*ways, ())))
        elif mark == "…":
            pauses = self._peek() == "…"
            while self._peek() == "…":
                self._take()
            parts.append(Gap(self._gap_length(), pauses))
        elif mark == "<":
            name = self._text[self._at :].partition(">")[0]
            if self._at + len(name) >= len(self._text):
                raise PhraseError("a reference is not closed: > is missing")
            self._at += len(name) + 1
            parts.append(Reference(name.strip()))
        elif mark in "{｛":
            parts.append(self._slot())
        elif is_character(mark) or (mark.isascii() and mark.isalpha()):
            before = parts[-1] if parts else None
            if isinstance(before, Text):
                parts[-1] = Text(before.marks + mark)
            else:
                parts.append(Text(mark))
        elif mark in "?？":
            raise PhraseError("a part that may be missing stands in square brackets: [请]不要")
        elif mark in "|｜":
            raise PhraseError("alternatives stand in round brackets: (甲|乙)")
        elif mark not in _SILENT:
            raise PhraseError(f"{mark!r} has no sound; write characters or Latin letters")

    def _slot(self) -> Slot:
        kind, closed, _ = self._text[self._at :].replace("｝", "}").partition("}")
        if not closed:
            raise PhraseError("a slot is not closed: } is missing")
        self._at += len(kind) + 1
        if kind.strip() not in slot.KINDS:
            known = ", ".join(f"{{{each}}}" for each in slot.KINDS)
            near = did_you_mean(kind.strip(), slot.KINDS)
            raise PhraseError(f"no slot is named {{{kind}}}{near}; there are {known}")
        return Slot(kind.strip())

    def _gap_length(self) -> int:
        digits = ""
        while self._peek().isdigit():
            digits += self._take()
        length = int(digits) if digits else GAP_SYLLABLES
        if not 0 < length <= LONGEST_GAP_SYLLABLES:
            raise PhraseError(f"a gap is 1 to {LONGEST_GAP_SYLLABLES} syllables long")
        return length

    def _take(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]
