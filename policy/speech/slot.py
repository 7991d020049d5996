"""Owns the slots of phrases, {percent} {amount} {term}: what may be said in one, and its value.

    {percent}   百分之七点二 · 万分之五 · 七点二个[百分]点 · 7.2% · 七点二   in percent
    {amount}    三千块 · 一万二 · 两万五千元 · 五毛                  in yuan
    {term}      十二个月 · 三年 · 两年半 · 半年                      in months

Called by the compiler (the syllables a slot takes) and by `hearing` (the value). Invariant: a wrong
value is worse than none. Where a syllable may be 四 or 十, or 七 or 期, where another number or
多, 到, 不到 stands beside it, there is no value.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import cn2an

from policy.speech import sound

_DIGITS = "一二三四五六七八九零两幺"
_SMALL = _DIGITS + "十"
_NUMBER = _SMALL + "百千万"

_SHAPES: Mapping[str, tuple[tuple[tuple[str, str, str], ...], frozenset[str]]] = {
    "percent": (
        (
            ("begin", "百千万", "hundred"),
            ("hundred", "分", "part"),
            ("part", "之", "of hundred"),
            ("of hundred", _NUMBER, "share"),
            ("share", _NUMBER, "share"),
            ("share", "点", "share point"),
            ("share point", _DIGITS, "share fraction"),
            ("share fraction", _DIGITS, "share fraction"),
            ("begin", _SMALL, "number"),
            ("number", _SMALL, "number"),
            ("number", "点", "point"),
            ("point", _DIGITS, "fraction"),
            ("fraction", _DIGITS, "fraction"),
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
            ("large", _NUMBER, "large"),
            ("number", "点", "point"),
            ("point", _DIGITS, "fraction"),
            ("fraction", _DIGITS, "fraction"),
            ("fraction", "万", "large"),
            ("number", "毛角", "said"),
            ("number", "块元", "money"),
            ("fraction", "块元", "money"),
            ("large", "块元", "money"),
            ("money", _DIGITS, "change"),
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
KINDS = tuple(_SHAPES)
BEGIN = "begin"
LEAST_SYLLABLES, USUAL_SYLLABLES = 2, 6

_TONED = {
    **{"一": "yi1", "二": "er4", "三": "san1", "四": "si4", "五": "wu3", "六": "liu4", "七": "qi1"},
    **{"八": "ba1", "九": "jiu3", "零": "ling2", "两": "liang3", "幺": "yao1", "十": "shi2"},
    **{"百": "bai3", "千": "qian1", "万": "wan4", "点": "dian3", "半": "ban4", "分": "fen"},
    **{"之": "zhi", "个": "ge", "块": "kuai", "元": "yuan", "毛": "mao", "角": "jiao"},
    **{"钱": "qian", "月": "yue", "年": "nian", "天": "tian", "次": "ci", "期": "qi", "%": "%"},
}
"""How each character sounds; without a tone where any tone will do."""
_FIGURES = dict(zip(sound.FIGURES, "零一二三四五六七八九", strict=True))
_WRITTEN_AS = {**{"〇": "零", "圆": "元", "％": "%", ".": "点"}, **_FIGURES}

_NOT_EXACT = frozenset({"duo1", "ji3", "dao4", "lai2", "zhi4", "zuo3", "yi3", *"多几到来至左以"})
"""After a number: 多, 几, 到, 来, 至, 左右, 以上."""
_NOT_EXACTLY = frozenset(
    {
        *("bu dao", "bu zu", "bu man", "chao guo", "jiang jin", "jie jin", "da yue", "da gai"),
        *("di yu", "gao yu", "da yu", "xiao yu", "zhi shao"),
        *("zui di", "zui gao", "zui duo", "zui shao", "di zhi", "gao da"),
    }
)
"""Before a number: 不到, 超过, 低于, 至少, 最低 …"""
_ORDINAL = frozenset({"di", "ji"})
"""Before a number: 第, 几."""
_BEFORE_SEVEN = frozenset(
    {
        *("shi", "wei", "you", "yao", "de", "le", "hua", "lv", "zhi", "gong", "zong", "yue"),
        *("tian", "fu", "huan", "jie", "dai", "jiao", "cun", "mai"),
    }
)
"""是 为 有 要, 年化, 利率, 只, 共, 每月, 付, 还, 借 …; after any other syllable qi may be 期."""
_AFTER_YEAR = frozenset({"hua", "li"})
"""年化, 年利率."""

_SMALL_FORM = "(?:D千)?(?:零?D百)?(?:零?D?十)?(?:零?D)?".replace("D", "[一二三四五六七八九两]")
_WELL_FORMED = re.compile(f"零|幺|(?![零万])(?=.)(?:{_SMALL_FORM}万)?{_SMALL_FORM}")
_IN_FIGURES = re.compile(r"([0-9]+)(?:点([0-9]+))?([百千万]*)")
_LARGE = {"百": 100, "千": 1000, "万": 10_000}
_SAID_WITH = {"一": "124"}
"""More than one tone, by what follows."""
_MOST_WAYS = 16
_LONGEST_TERM_MONTHS = 1200


def steps(kind: str) -> Iterator[tuple[str, str, str]]:
    """What may be said in a slot: from a place (first BEGIN), over a syllable, to a place."""
    for before, marks, after in _SHAPES[kind][0]:
        for mark in marks:
            yield before, _TONED[mark].rstrip("12345"), after


def is_end(kind: str, place: str) -> bool:
    return place in _SHAPES[kind][1]


class Written(NamedTuple):
    """One syllable of a breath, and how the model wrote it: `qi1`, `七` or `7`."""

    sound: str
    mark: str


class _Reading(NamedTuple):
    end: int
    value: Decimal
    sure: bool


def value(kind: str, breath: Sequence[Written], first: int, last: int) -> Decimal | None:
    """The value of the one slot of this kind in the syllables `first` to `last` of a breath, both
    included; None where there is not exactly one or it is not sure."""
    found: list[Decimal | None] = []
    begin = 0
    while begin <= last:
        readings = list(_readings(kind, breath, begin))
        end = max((each.end for each in readings), default=begin + 1)
        if readings and end > first:
            longest = [each for each in readings if each.end == end]
            inside = first <= begin and end <= last + 1
            alone = len({each.value for each in longest}) == 1 and longest[0].sure
            sure = inside and alone and _stands_alone(breath, begin, end)
            found.append(longest[0].value if sure else None)
        begin = end
    return found[0] if len(found) == 1 else None


def _readings(kind: str, breath: Sequence[Written], begin: int) -> Iterator[_Reading]:
    """Every well-formed number with its unit that begins there."""
    ways = [(BEGIN, "")]
    for at in range(begin, len(breath)):
        marks = _marks(breath[at])
        if at == begin and not any(sure for _, sure in marks):
            return
        ways = [
            (after, said + (breath[at].mark if breath[at].mark in _FIGURES else mark))
            for place, said in ways
            for mark, _ in marks
            for before, over, after in _SHAPES[kind][0]
            if before == place and mark in over
        ]
        if not ways or len(ways) > _MOST_WAYS:
            return
        for place, said in ways:
            read = _value_of(kind, said) if is_end(kind, place) else None
            if read is not None:
                yield _Reading(at + 1, read, any(sure for _, sure in marks))


@lru_cache(maxsize=4096)
def _marks(written: Written) -> tuple[tuple[str, bool], ...]:
    """The characters of `_TONED` that a syllable may stand for, and whether they are sure; those
    that are not are left out where one is."""
    mark = _WRITTEN_AS.get(written.mark, written.mark)
    if mark and not mark[0].isascii():
        return ((mark, True),) if mark in _TONED else ()
    tone = mark[-1:]
    found = []
    for character, toned in _TONED.items():
        meant, meant_tone = toned.rstrip("12345"), toned[len(toned.rstrip("12345")) :]
        alike = sound.blurred(written.sound) == sound.blurred(meant)
        if alike and sound.likeness(written.sound, meant) >= sound.BLURRED:
            tones = _SAID_WITH.get(character, meant_tone)
            sure = not meant_tone or (written.sound == meant and tone in tones)
            found.append((character, sure))
    return tuple(each for each in found if each[1]) or tuple(found)


def _stands_alone(breath: Sequence[Written], begin: int, end: int) -> bool:
    """Whether nothing beside a number makes it another number, or about so much."""
    first, latest = breath[begin], breath[end - 1]
    before = breath[begin - 1] if begin else None
    if before is not None:
        told_before = " ".join(each.sound for each in breath[max(0, begin - 2) : begin])
        if told_before in _NOT_EXACTLY or before.sound in _ORDINAL:
            return False
        if _is_number(before) and not any(_is(first, each) for each in _LARGE):
            return False
        may_be_term = first.sound == "qi" and first.mark[-1:] not in ("七", "7")
        if may_be_term and before.sound not in _BEFORE_SEVEN:
            return False
    if end == len(breath):
        return True
    after = breath[end]
    if after.mark in _NOT_EXACT or (_is_number(after) and not _is(latest, "钱")):
        return False
    if _is(latest, "年") and after.sound in _AFTER_YEAR:
        return False
    return not _is(latest, "半") or latest.mark == "半"


def _is(written: Written, character: str) -> bool:
    return any(each == character for each, _ in _marks(written))


def _is_number(written: Written) -> bool:
    return any(sure and each in _NUMBER + "点%" for each, sure in _marks(written)) and (
        written.mark not in ("yi2", "yi4")  # 收益三千块
    )


def _value_of(kind: str, said: str) -> Decimal | None:
    """The value of a slot in characters; None where its number is not well-formed."""
    if kind == "percent":
        share = _number(re.sub("[百千万]分之|个百分点|个点|%", "", said))
        whole = _LARGE[said[0]] if said[1:3] == "分之" else 100
        return share if share is None or whole == 100 else share * 100 / whole
    if kind == "term":
        return _months(said)
    told, unit, rest = re.split("([块元毛角]|$)", said, maxsplit=1)
    amount = _number(told)
    if amount is None or unit in ("块", "元", ""):
        change = _number(rest[0]) if rest[-1:] in ("毛", "角") else Decimal(0)
        if amount is None or change is None:
            return None
        return amount + change / 10 if change else amount
    return amount / 10


def _months(said: str) -> Decimal | None:
    number = _number(re.sub("个月|年半?", "", said)) if said != "半年" else Decimal(0)
    if number is None or number != number.to_integral_value():
        return None
    months = number * (12 if "年" in said else 1) + (6 if "半" in said else 0)
    return months if 0 < months <= _LONGEST_TERM_MONTHS else None


def _number(said: str) -> Decimal | None:
    """一万二, 七点二五, 一点二万, 1点2万; None of anything else."""
    if said == "百":
        return Decimal(100)
    figures = _IN_FIGURES.fullmatch(said)
    if figures:
        whole, fraction, large = figures.groups()
        scale = Decimal(1)
        for each in large:
            scale *= _LARGE[each]
        return Decimal(f"{whole}.{fraction}" if fraction else whole) * scale
    whole, point, fraction = said.partition("点")
    scale = Decimal(_LARGE["万"] if point and fraction.endswith("万") else 1)
    fraction = fraction.removesuffix("万") if point else ""
    if not _WELL_FORMED.fullmatch(whole) or not set(fraction) <= set(_DIGITS):
        return None
    try:
        read = Decimal(int(cn2an.cn2an(whole, "normal")))
    except ValueError:
        return None
    digits = "".join(str(int(cn2an.cn2an(each, "normal"))) for each in fraction)
    return (read + Decimal(f"0.{digits}") if digits else read) * scale
