"""Owns what a speech model can spell: phrases in characters as the units that its tokens.txt lists.

Called by the recognizer before it listens for a phrase, and by `rules check` when a model is known.
Pure. Invariant: what `spell` gives holds units of the model alone; a unit that the model does not
have would end the engine's process.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import islice, product
from typing import Self

from pypinyin import Style
from pypinyin.contrib.tone_convert import to_finals_tone, to_initials, to_tone

from callwarden.problems import did_you_mean
from policy.speech import sound

MOST_SPELLINGS = 16
"""Of one phrase: 保本 is said with the tones báo běn as often as bǎo běn."""
_FIGURES = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
_BU = ("bu4", "bu2", "bu5")
_YI = ("yi1", "yi2", "yi4")
_LEAST_INITIALS = frozenset({"zh", "ch", "sh"})


class Writing(Enum):
    """What a model's units are."""

    PINYIN_PARTS = "pinyin initials and finals"
    CHARACTERS = "characters"
    OTHER = "pieces of words"


class UnknownUnit(ValueError):
    """A phrase that the model cannot spell, in words for the one who wrote it."""


@dataclass(frozen=True)
class Units:
    """The units of one model. `name` is the model's."""

    name: str
    known: frozenset[str]
    writing: Writing

    @classmethod
    def read(cls, name: str, tokens: Iterable[str]) -> Self:
        """From the lines of the model's tokens.txt: a unit and its number each."""
        known = frozenset(line.split()[0] for line in tokens if len(line.split()) == 2)
        if known >= _LEAST_INITIALS and any(each in known for each in ("ǎo", "āng")):
            writing = Writing.PINYIN_PARTS
        elif sum(map(_is_character, known)) > len(known) // 4:
            writing = Writing.CHARACTERS
        else:
            writing = Writing.OTHER
        return cls(name, known, writing)

    def spell(self, phrase: str) -> list[tuple[str, ...]]:
        """The ways in which the phrase may be said, in units; the most usual one first.

        Raises UnknownUnit when a mark of it cannot be spelled.
        """
        return list(_spellings(self, phrase))

    def _part(self, unit: str, mark: str) -> str:
        if unit not in self.known:
            near = f" (did you mean {_FIGURES[unit]}?)" if unit in _FIGURES else ""
            near = near or did_you_mean(unit, filter(str.isalpha, self.known))
            raise UnknownUnit(
                f"the model {self.name} has no unit {unit} for {mark!r}{near}: "
                "write it as it is said, in characters of common sounds"
            )
        return unit


@lru_cache(maxsize=8192)
def _spellings(units: Units, phrase: str) -> tuple[tuple[str, ...], ...]:
    marks = sound.spoken(phrase, Style.TONE3)
    if not marks:
        raise UnknownUnit(f"{phrase!r} holds nothing that is said")
    if units.writing is Writing.OTHER:
        raise UnknownUnit(f"the model {units.name} writes pieces of words: it spots no phrases")
    if units.writing is Writing.CHARACTERS:
        return (tuple(units._part(mark, mark) for mark, _ in marks),)
    ways = [list(_said(marks, at)) for at in range(len(marks))]
    spelled = [
        tuple(
            unit for way, (mark, _) in zip(each, marks, strict=True) for unit in _parts(way, mark)
        )
        for each in islice(product(*ways), MOST_SPELLINGS)
    ]
    usual, *others = dict.fromkeys(spelled)
    for mark, syllable in marks:
        for unit in _parts(syllable, mark):
            units._part(unit, mark)
    # A neutral tone that no unit stands for is only one way less to say it.
    return (usual, *(each for each in others if units.known.issuperset(each)))


def _said(marks: list[tuple[str, str]], at: int) -> Iterator[str]:
    """How one syllable may be said in its place: a third tone before another one is a second."""
    mark, syllable = marks[at]
    yield syllable
    if mark == "不":
        yield from (each for each in _BU if each != syllable)
    elif mark == "一":
        yield from (each for each in _YI if each != syllable)
    elif syllable.endswith("3") and at + 1 < len(marks) and marks[at + 1][1].endswith("3"):
        yield f"{syllable[:-1]}2"


def _parts(syllable: str, mark: str) -> list[str]:
    """`bao3` as `b`, `ǎo`; a Latin letter as it is."""
    if not _is_character(mark):
        return [syllable]
    toned = to_tone(syllable.removesuffix("5"))
    parts = [to_initials(toned, strict=False), to_finals_tone(toned, strict=False)]
    return [each for each in parts if each] or [toned]


def _is_character(mark: str) -> bool:
    return len(mark) == 1 and sound.is_character(mark)
