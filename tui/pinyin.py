"""Owns how syllables that a recognizer wrote as pinyin are shown: `bao3` as `bǎo`."""

import re

_MARKED = {
    "a": "āáǎà",
    "e": "ēéěè",
    "i": "īíǐì",
    "o": "ōóǒò",
    "u": "ūúǔù",
    "ü": "ǖǘǚǜ",
}
_SYLLABLE = re.compile(r"([a-zü]+)([1-5])$")


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
