"""Owns turning a model's output units into the tokens that the rules match on.

Called in a worker for each result. The joined tokens of a growing utterance only grow: what was
joined once is never joined otherwise later.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

_INITIALS = frozenset({"zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw"})
_TONES = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0300": "4"}
_WORD_BEGINS = "▁"
_WORD_GOES_ON = "@@"


@dataclass(frozen=True)
class Heard:
    """One syllable, character or word as the model heard it.

    `text` is what rules match on (`bao3`), `shown` what people read (`bǎo`); `start_s` counts
    from the start of the audio.
    """

    text: str
    shown: str
    start_s: float


Join = Callable[[Sequence[str], Sequence[float]], list[Heard]]
"""Turns units and the times they begin at into what rules match on."""


def joining(units: Iterable[str]) -> Join:
    """How the units of a model that has these are joined."""
    known = set(units)
    if are_initials_and_finals(known):
        return join_pinyin
    return join_marked if any(each.endswith(_WORD_GOES_ON) for each in known) else join_words


def units_of(lines: Iterable[str]) -> list[str]:
    """The units of a model's list, a unit and its number a line."""
    return [line.rsplit(maxsplit=1)[0] for line in lines if line.strip()]


def are_initials_and_finals(units: Iterable[str]) -> bool:
    """Whether a model's units are pinyin initials and finals with tone marks."""
    known = set(units)
    return {"zh", "sh", "ch"} <= known and any(_numbered(unit)[1] for unit in known)


def join_pinyin(units: Sequence[str], starts_s: Sequence[float]) -> list[Heard]:
    """Initials and finals as syllables that begin where their initial begins.

    An initial that no final follows is no syllable and is left out; so is the last one, until its
    final comes.
    """
    heard: list[Heard] = []
    initial, initial_s = "", 0.0
    for unit, start_s in zip(units, starts_s, strict=True):
        if unit in _INITIALS:
            initial, initial_s = unit, start_s
            continue
        syllable, tone = _numbered(initial + unit)
        begins_s = initial_s if initial else start_s
        heard.append(Heard(syllable + tone, initial + unit, begins_s))
        initial = ""
    return heard


def open_since(units: Sequence[str], starts_s: Sequence[float]) -> float | None:
    """When the syllable begins whose final is still to come, if there is one."""
    return starts_s[-1] if units and units[-1] in _INITIALS else None


def join_words(units: Sequence[str], starts_s: Sequence[float]) -> list[Heard]:
    """Characters as they are; pieces of a word as one word, which a piece marked `▁` begins."""
    heard: list[Heard] = []
    for unit, start_s in zip(units, starts_s, strict=True):
        text = unit.removeprefix(_WORD_BEGINS).strip()
        if not text:
            continue
        goes_on = not unit.startswith((_WORD_BEGINS, " ")) and text.isascii() and text.isalnum()
        if goes_on and heard and heard[-1].text.isascii():
            word = heard[-1].text + text
            heard[-1] = Heard(word, word, heard[-1].start_s)
        else:
            heard.append(Heard(text, text, start_s))
    return heard


def join_marked(units: Sequence[str], starts_s: Sequence[float]) -> list[Heard]:
    """Characters and words as they are; a piece marked `@@` goes on in the next unit."""
    heard: list[Heard] = []
    goes_on = False
    for unit, start_s in zip(units, starts_s, strict=True):
        text = unit.removesuffix(_WORD_GOES_ON).strip()
        if not text:
            continue
        if goes_on and heard:
            word = heard[-1].text + text
            heard[-1] = Heard(word, word, heard[-1].start_s)
        else:
            heard.append(Heard(text, text, start_s))
        goes_on = unit.endswith(_WORD_GOES_ON)
    return heard


def as_text(heard: Sequence[Heard]) -> str:
    """For people: syllables and words apart, characters without blanks between them."""
    text = ""
    for each in heard:
        apart = text and (text[-1].isalpha() and not _is_han(text[-1])) and not _is_han(each.shown)
        text += f" {each.shown}" if apart else each.shown
    return text


def _is_han(text: str) -> bool:
    return "\u3400" <= text[0] <= "\u9fff"


def _numbered(syllable: str) -> tuple[str, str]:
    """`lǜ` as `("lv", "4")`: ü is written v, the neutral tone has no figure."""
    tone, letters = "", ""
    for letter in unicodedata.normalize("NFD", syllable):
        if letter in _TONES:
            tone = _TONES[letter]
        elif letter == "\u0308":
            letters = letters[:-1] + "v"
        else:
            letters += letter
    return letters, tone
