"""Owns how a phrase is written in a pack, and what it spells out to.

    不要再(给我|跟我)[来]打电话      alternatives in (), a part that may be missing in []
    保证…收益      up to four syllables between; …8 up to eight
    <negation>保本      the phrases of the pattern `negation` in this place

Blanks and punctuation count for nothing. Called by the pack's checks and by the compiler.
Invariant: parsing never loops and spelling out is bounded by MOST_SPELLINGS.
"""

from collections.abc import Callable
from dataclasses import dataclass

from policy.speech.sound import is_character

GAP_SYLLABLES = 4
LONGEST_GAP_SYLLABLES = 12
MOST_SPELLINGS = 4000


@dataclass(frozen=True)
class Gap:
    """Anything said in between, at most `most` syllables, but no 不."""

    most: int


Spelling = tuple[str | Gap, ...]
"""Characters and gaps, one after the other."""


@dataclass(frozen=True)
class _Text:
    marks: str


@dataclass(frozen=True)
class _Reference:
    name: str


@dataclass(frozen=True)
class _Choice:
    ways: tuple["_Sequence", ...]


@dataclass(frozen=True)
class _Sequence:
    parts: tuple["_Text | _Reference | _Choice | Gap", ...]


class PhraseError(ValueError):
    """A phrase that cannot be read, in words for the one who wrote it."""


@dataclass(frozen=True)
class Phrase:
    """One parsed phrase."""

    written: str
    _sequence: _Sequence

    def references(self) -> list[str]:
        """Names of the patterns it refers to."""
        return list(_references(self._sequence))

    def spellings(self, phrases_of: Callable[[str], list["Phrase"]]) -> list[Spelling]:
        """Every way to say it. Raises PhraseError when there are more than MOST_SPELLINGS."""
        return [_tidied(each) for each in self.guard_spellings(phrases_of)]

    def guard_spellings(self, phrases_of: Callable[[str], list["Phrase"]]) -> list[Spelling]:
        """As `spellings`, with the gaps at its ends, which are a guard's reach."""
        return _spell(self._sequence, phrases_of)


def parse(written: str) -> Phrase:
    """Raises PhraseError on an open bracket, an empty phrase or a mark without a sound."""
    reader = _Reader(written)
    sequence = reader.sequence(closing="")
    if not sequence.parts:
        raise PhraseError("the phrase is empty")
    return Phrase(written, sequence)


_BRACKETS = {"(": ")", "（": "）", "[": "]", "［": "］", "【": "】"}
_SILENT = frozenset(" \t\n，。、！？；：,.!?;:“”\"'《》")


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def sequence(self, closing: str) -> _Sequence:
        return self._ways(closing)[0] if not closing else _Sequence((_Choice(self._ways(closing)),))

    def _ways(self, closing: str) -> tuple[_Sequence, ...]:
        ways: list[_Sequence] = []
        parts: list[_Text | _Reference | _Choice | Gap] = []
        while self._at < len(self._text):
            mark = self._take()
            if closing and mark == closing:
                return (*ways, _Sequence(tuple(parts)))
            if mark in "|｜" and closing:
                ways.append(_Sequence(tuple(parts)))
                parts = []
            else:
                parts += self._part(mark)
        if closing:
            raise PhraseError(f"a bracket is not closed: {closing} is missing")
        return (_Sequence(tuple(parts)),)

    def _part(self, mark: str) -> list[_Text | _Reference | _Choice | Gap]:
        if mark in _BRACKETS:
            ways = self._ways(_BRACKETS[mark])
            return [_Choice(ways if mark in "(（" else (*ways, _Sequence(())))]
        if mark == "…":
            while self._peek() == "…":
                self._take()
            return [Gap(self._gap_length())]
        if mark == "<":
            name = self._text[self._at :].partition(">")[0]
            if self._at + len(name) >= len(self._text):
                raise PhraseError("a reference is not closed: > is missing")
            self._at += len(name) + 1
            return [_Reference(name.strip())]
        if mark in _SILENT:
            return []
        if is_character(mark) or (mark.isascii() and mark.isalpha()):
            return [_Text(mark)]
        if mark in "|｜":
            raise PhraseError("alternatives stand in round brackets: (甲|乙)")
        raise PhraseError(f"{mark!r} has no sound; write characters or Latin letters")

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


def _references(sequence: _Sequence) -> list[str]:
    found: list[str] = []
    for part in sequence.parts:
        if isinstance(part, _Reference):
            found.append(part.name)
        elif isinstance(part, _Choice):
            found += [name for way in part.ways for name in _references(way)]
    return found


def _spell(sequence: _Sequence, phrases_of: Callable[[str], list[Phrase]]) -> list[Spelling]:
    spellings: list[Spelling] = [()]
    for part in sequence.parts:
        match part:
            case _Text(marks):
                ways: list[Spelling] = [(marks,)]
            case Gap():
                ways = [(part,)]
            case _Choice(choices):
                ways = [each for way in choices for each in _spell(way, phrases_of)]
            case _Reference(name):
                ways = [
                    each
                    for phrase in phrases_of(name)
                    for each in _spell(phrase._sequence, phrases_of)
                ]
        if len(spellings) * len(ways) > MOST_SPELLINGS:
            raise PhraseError(
                f"the phrase has more than {MOST_SPELLINGS} spellings; "
                "write fewer alternatives or a gap"
            )
        spellings = [(*before, *way) for before in spellings for way in ways]
    return list(dict.fromkeys(spellings))


def _tidied(spelling: Spelling) -> Spelling:
    """Gaps at either end say nothing; two in a row are one."""
    kept: list[str | Gap] = []
    for part in spelling:
        if isinstance(part, Gap) and kept and isinstance(kept[-1], Gap):
            kept[-1] = Gap(kept[-1].most + part.most)
        elif kept or not isinstance(part, Gap):
            kept.append(part)
    while kept and isinstance(kept[-1], Gap):
        kept.pop()
    return tuple(kept)
