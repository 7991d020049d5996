"""Owns how a syllable sounds: toneless pinyin, what a telephone recogniser mistakes it for, and how
much a mistaken syllable still counts.

The classes are those of Mandarin on the telephone, checked by `tests/recognizer/confusions.py`: of
1,046 syllables of 12 calls (synthetic, 8 kHz mu-law) the shipped model hears 94.5 % as meant, tones
right in 897 of 918; of its 58 mistakes 18 are blurred, 14 close, 14 near, 12 are none of these.

Used when phrases are compiled and for every token heard. Invariant: a token's sound depends on the
token alone, never on its neighbours, so it is the same however the audio was cut into partials.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from itertools import groupby
from typing import NamedTuple

from pypinyin import Style, lazy_pinyin

SAME = 1.0
BLURRED = 0.8
"""A confusion that Mandarin recognisers make on 8 kHz speech all the time (n/l, zh/z, in/ing …)."""
CLOSE = 0.7
"""The same initial with a final that it is often taken for: 信 heard as xun, 办 as ben."""
SAME_INITIAL = 0.5
"""Any other syllable with the same initial: most mistakes keep it."""
SAME_FINAL = 0.4
"""Any other syllable with the same final: 骚扰 heard as sao zhao."""
BLURRED_TWICE = 0.55
"""Confused in its initial and in its final: 零 heard as 您."""

POLARITY = frozenset({"bu", "mei", "bie", "wu"})
"""不 没 别 无 turn a sentence round: never taken for, nor heard in, another syllable."""

_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw")
_INITIAL_CLASSES = {"zh": "z", "ch": "c", "sh": "s", "n": "l", "h": "f"}
_FINAL_CLASSES = {"ing": "in", "eng": "en", "v": "i", "van": "ian", "ve": "ie", "vn": "in"}
_CLASSES_OF_FINALS = frozenset(
    {
        *("a", "ai", "an", "ang", "ao", "e", "ei", "en", "er", "o", "ou", "ong"),
        *("i", "ia", "ian", "iang", "iao", "ie", "in", "io", "iong", "iu"),
        *("u", "ua", "uai", "uan", "uang", "ueng", "ui", "un", "uo", "uong"),
    }
)
_CLOSE_FINALS = tuple(
    frozenset(each.split())
    for each in (
        "an en ai ang",
        "e en ei",
        "ai ei",
        "ian ie iang",
        "iao iang",
        "uan uai uang an",
        "u uo ou",
        "un ong en",
        "ang ong",
        "ui i",
        "ao ou",
        "a ang an",
    )
)
"""Classes of finals among which mistakes heard on the telephone lie, and their neighbours."""
_SHORT_FINALS = {"iou": "iu", "uei": "ui", "uen": "un"}
_NUMBERS: dict[str, int] = {}
_PALATALS = frozenset("jqxy")
_PINYIN = re.compile(r"[a-zü:]+[0-5]?")
_ALSO_READ = {
    "还": ("hai", "huan"),
    "得": ("de", "dei"),
    "着": ("zhe", "zhao"),
    "谁": ("shei", "shui"),
    "这": ("zhe", "zhei"),
    "那": ("na", "nei"),
    "哪": ("na", "nei"),
    "削": ("xue", "xiao"),
    "血": ("xie", "xue"),
    "都": ("dou", "du"),
}
FIGURES = dict(
    zip(
        "0123456789", ("ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu"), strict=True
    )
)
_IN_FIGURES = {".": "dian", "%": "%", "％": "%"}
_TONE_MARKS = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0300": "4"}
_SAME_PERSON = {"ni": "nin", "nin": "ni"}


class Heard(NamedTuple):
    """A syllable as it was heard, its class, and that class as a bit."""

    syllable: str
    alike: str
    bit: int


@lru_cache(maxsize=4096)
def heard(syllable: str) -> Heard:
    alike = blurred(syllable)
    return Heard(syllable, alike, bit(alike))


def sounds(token: str) -> tuple[str, ...]:
    """The toneless syllables of a token: `bao3`, `bǎo` and `保` are `("bao",)`."""
    return tuple(heard for heard, _ in marks(token))


@lru_cache(maxsize=8192)
def marks(token: str) -> tuple[tuple[str, str], ...]:
    """The syllables of a token, toneless, each with the mark that stands for it: pinyin as it is
    written (with its tone in figures), a character, a figure.

    A character has its most usual reading; figures are read one by one, with the point and the
    percent sign of a number; Latin letters in capitals are a syllable each; what is nothing of
    that (punctuation) has no sound.
    """
    plain = _without_tone_marks(token)
    if _PINYIN.fullmatch(plain):
        heard = plain.rstrip("012345").replace("u:", "v").replace("ü", "v")
        return ((heard, _numbered(token)),)
    figures = any(mark.isdecimal() for mark in token) or token in (".", "%")
    found: list[tuple[str, str]] = []
    for mark in token:
        if is_character(mark):
            found += [(heard, mark) for heard in lazy_pinyin(mark, style=Style.NORMAL)]
        elif mark in FIGURES:
            found.append((FIGURES[mark], mark))
        elif figures and mark in _IN_FIGURES:
            found.append((_IN_FIGURES[mark], mark))
        elif mark.isalnum():
            found.append((mark.upper(), mark))
    return tuple(found)


def readings(phrase: str) -> list[tuple[str, ...]]:
    """For each sounding mark of a phrase the syllables it may be heard as.

    These are its reading in this phrase, the reading it has alone (a model that writes characters
    is read so) and those that sentences change (还 hai, huan). 你 and 您 are heard for one another.
    """
    found: list[tuple[str, ...]] = []
    for mark, reading in spoken(phrase, Style.NORMAL):
        if not is_character(mark):
            found.append((reading,))
            continue
        syllables = [reading, *sounds(mark), *_ALSO_READ.get(mark, ())]
        syllables += [_SAME_PERSON[each] for each in syllables if each in _SAME_PERSON]
        found.append(tuple(dict.fromkeys(syllables)))
    return found


@lru_cache(maxsize=16384)
def spoken(text: str, style: Style) -> list[tuple[str, str]]:
    """Each sounding mark of a text with its syllable as it reads in this text; Latin letters and
    digits are syllables of their own, in capitals."""
    found: list[tuple[str, str]] = []
    marks = [mark for mark in text if is_character(mark) or mark.isalnum()]
    for characters, run in groupby(marks, is_character):
        together = "".join(run)
        syllables = list(together.upper())
        if characters:
            syllables = lazy_pinyin(together, style, neutral_tone_with_five=True)
        found += zip(together, syllables, strict=True)
    return found


def is_character(mark: str) -> bool:
    """Whether one mark is a Chinese character."""
    return "\u3400" <= mark <= "\u9fff"


@lru_cache(maxsize=4096)
def blurred(sound: str) -> str:
    """The class of sounds that a recogniser confuses with this one: zhing, zing and zin are one."""
    initial, final = _split(sound)
    return _INITIAL_CLASSES.get(initial, initial) + _FINAL_CLASSES.get(final, final)


@lru_cache(maxsize=65536)
def likeness(heard: str, meant: str) -> float:
    """How much a syllable of the same class (`blurred`) counts for the one that was meant."""
    if heard == meant:
        return SAME
    (initial, final), (other_initial, other_final) = _split(heard), _split(meant)
    return BLURRED_TWICE if initial != other_initial and final != other_final else BLURRED


def nearness(heard: str, meant: str) -> float:
    """How much a syllable of another class counts for the one that was meant; 0: nothing."""
    if heard in POLARITY or meant in POLARITY:
        return 0.0
    return _nearness(blurred(heard), blurred(meant))


@lru_cache(maxsize=2048)
def near_classes(alike: str) -> Mapping[str, float]:
    """The classes (`blurred`) whose syllables one of this class may count for, and how much."""
    (initial, final), of_initial, of_final = _split(alike), *_classes()
    other = {*of_initial.get(initial, ()), *of_final.get(final, ())} - {alike}
    near = {each: _nearness(alike, each) for each in other}
    return {each: got for each, got in near.items() if got}


@cache
def bit(alike: str) -> int:
    """A class as one bit of a set of classes."""
    return 1 << _NUMBERS.setdefault(alike, len(_NUMBERS))


@cache
def near_bits(alike: str, least: float) -> int:
    """The classes whose syllables count for one of this class, by at least so much, as a set."""
    found = 0
    for each, got in near_classes(alike).items():
        if got >= least:
            found |= bit(each)
    return found


@cache
def _classes() -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    """All classes that Mandarin syllables fall into, by initial and by final."""
    of_initial: dict[str, list[str]] = {}
    of_final: dict[str, list[str]] = {}
    initials = {"", *(_INITIAL_CLASSES.get(each, each) for each in _INITIALS)}
    for alike in (initial + final for initial in initials for final in _CLASSES_OF_FINALS):
        initial, final = _split(alike)
        of_initial.setdefault(initial, []).append(alike)
        of_final.setdefault(final, []).append(alike)
    return of_initial, of_final


def _nearness(heard: str, meant: str) -> float:
    (initial, final), (other_initial, other_final) = _split(heard), _split(meant)
    if initial == other_initial and any({final, other_final} <= each for each in _CLOSE_FINALS):
        return CLOSE
    if initial and initial == other_initial:
        return SAME_INITIAL
    return SAME_FINAL if final == other_final else 0.0


@lru_cache(maxsize=4096)
def _split(sound: str) -> tuple[str, str]:
    """Initial and final as they sound: the u of ju, qu, xu and yu is v; yan ends as bian, wei as
    hui."""
    initial = next((each for each in _INITIALS if sound.startswith(each)), "")
    final = sound[len(initial) :]
    if initial in _PALATALS and final.startswith("u"):
        final = "v" + final[1:]
    if initial == "y" and final[:1] not in ("i", "v"):
        final = "i" + final
    elif initial == "w" and final != "u":
        final = "u" + final
    return initial, _SHORT_FINALS.get(final, final)


def _numbered(token: str) -> str:
    """A syllable with its tone as a figure: `bǎo` is `bao3`; as it is, where it has none."""
    if token.isascii():
        return token
    marks = unicodedata.normalize("NFD", token)
    tones = [_TONE_MARKS[mark] for mark in marks if mark in _TONE_MARKS]
    return _without_tone_marks(token) + "".join(tones[:1])


def _without_tone_marks(token: str) -> str:
    if token.isascii():
        return token
    marks = unicodedata.normalize("NFD", token)
    bare = "".join(m for m in marks if unicodedata.category(m) != "Mn" or m == "\u0308")
    return unicodedata.normalize("NFC", bare)
