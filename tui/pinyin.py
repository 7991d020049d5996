"""Owns pinyin: syllables that a recognizer wrote so are shown with their tones (`bao3` as `bǎo`),
and Chinese names are found by it."""

import re
from functools import lru_cache

_MARKED = {
    "a": "āáǎà",
    "e": "ēéěè",
    "i": "īíǐì",
    "o": "ōóǒò",
    "u": "ūúǔù",
    "ü": "ǖǘǚǜ",
}
_SYLLABLE = re.compile(r"([a-zü]+)([1-5])$")


@lru_cache(maxsize=4096)
def spelled(name: str) -> str:
    """A Chinese name as it is typed: `张伟` → `zhangwei zw`; empty for one without characters."""
    if not any("一" <= letter <= "鿿" for letter in name):
        return ""
    from pypinyin import lazy_pinyin  # a dictionary that few floors need

    syllables = lazy_pinyin(name)
    return f"{''.join(syllables)} {''.join(each[0] for each in syllables)}"


def toned(syllable: str) -> str:
    """`bao3` → `bǎo`, `lv4` → `lǜ`, `de5` → `de`; anything else as it is."""
    match = _SYLLABLE.match(syllable.replace("u:", "ü").replace("v", "ü"))
    if match is None:
        return syllable
    letters, tone = match[1], int(match[2])
    if tone == 5:
        return letters
    # The mark stands on a or e, on the o of ou, else on the last vowel.
    for vowel in ("a", "e", "ou"):
        if vowel in letters:
            place = letters.index(vowel)
            break
    else:
        place = max((i for i, letter in enumerate(letters) if letter in "iouü"), default=-1)
    if place < 0:
        return syllable
    return letters[:place] + _MARKED[letters[place]][tone - 1] + letters[place + 1 :]
