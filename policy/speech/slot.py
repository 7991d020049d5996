"""Owns the slots of phrases, {percent} {amount} {term}: what may be said in one.

    {percent}   百分之七点二 · 万分之五 · 七点二个[百分]点 · 7.2% · 七点二   in percent
    {amount}    三千块 · 一万二 · 两万五千元 · 五毛                  in yuan
    {term}      十二个月 · 三年 · 两年半 · 半年                      in months

Called by the compiler. What it is worth that was said there: `slot_value`.
"""

from collections.abc import Iterator, Mapping

DIGITS = "一二三四五六七八九零两幺"
_SMALL = DIGITS + "十"
NUMBER = _SMALL + "百千万"

SHAPES: Mapping[str, tuple[tuple[tuple[str, str, str], ...], frozenset[str]]] = {
    "percent": (
        (
            ("begin", "百千万", "hundred"),
            ("hundred", "分", "part"),
            ("part", "之", "of hundred"),
            ("of hundred", NUMBER, "share"),
            ("share", NUMBER, "share"),
            ("share", "点", "share point"),
            ("share point", DIGITS, "share fraction"),
            ("share fraction", DIGITS, "share fraction"),
            ("begin", _SMALL, "number"),
            ("number", _SMALL, "number"),
            ("number", "点", "point"),
            ("point", DIGITS, "fraction"),
            ("fraction", DIGITS, "fraction"),
            ("number", "%", "said"),
            ("fraction", "%", "said"),
            ("number", "个", "unit"),
            ("fraction", "个", "unit"),
            ("unit", "点", "said"),
            ("unit", "百", "unit hundred"),
            ("unit hundred", "分", "unit part"),
            ("unit part", "点", "said"),
        ),
        frozenset({"share", "share fraction", "fraction", "said"}),
    ),
    "amount": (
        (
            ("begin", _SMALL, "number"),
            ("number", _SMALL, "number"),
            ("number", "百千万", "large"),
            ("large", NUMBER, "large"),
            ("number", "点", "point"),
            ("point", DIGITS, "fraction"),
            ("fraction", DIGITS, "fraction"),
            ("fraction", "万", "large"),
            ("number", "毛角", "said"),
            ("number", "块元", "money"),
            ("fraction", "块元", "money"),
            ("large", "块元", "money"),
            ("money", DIGITS, "change"),
            ("change", "毛角", "said"),
            ("money", "钱", "said"),
            ("money", "一", "each"),
            ("each", "个年天次期", "said"),
        ),
        frozenset({"large", "money", "said"}),
    ),
    "term": (
        (
            ("begin", _SMALL, "number"),
            ("number", _SMALL, "number"),
            ("number", "个", "count"),
            ("count", "月", "said"),
            ("number", "年", "years"),
            ("years", "半", "said"),
            ("begin", "半", "half"),
            ("half", "年", "said"),
        ),
        frozenset({"said", "years"}),
    ),
}
"""For each slot the steps from place to place, with the characters that make them, and the places
where all of it may have been said."""
KINDS = tuple(SHAPES)
BEGIN = "begin"
LEAST_SYLLABLES, USUAL_SYLLABLES = 2, 6

TONED = {
    **{"一": "yi1", "二": "er4", "三": "san1", "四": "si4", "五": "wu3", "六": "liu4", "七": "qi1"},
    **{"八": "ba1", "九": "jiu3", "零": "ling2", "两": "liang3", "幺": "yao1", "十": "shi2"},
    **{"百": "bai3", "千": "qian1", "万": "wan4", "点": "dian3", "半": "ban4", "分": "fen"},
    **{"之": "zhi", "个": "ge", "块": "kuai", "元": "yuan", "毛": "mao", "角": "jiao"},
    **{"钱": "qian", "月": "yue", "年": "nian", "天": "tian", "次": "ci", "期": "qi", "%": "%"},
}
"""How each character sounds; without a tone where any tone will do."""


def steps(kind: str) -> Iterator[tuple[str, str, str]]:
    """What may be said in a slot: from a place (first BEGIN), over a syllable, to a place."""
    for before, marks, after in SHAPES[kind][0]:
        for mark in marks:
            yield before, TONED[mark].rstrip("12345"), after


def is_end(kind: str, place: str) -> bool:
    return place in SHAPES[kind][1]
