"""Owns the value of what was said in a slot (`slot`): 百分之七点二 is 7.2 percent.

Called by `hearing`; apart from `slot` because reading numbers takes a third of a second to load.
Invariant: a wrong value is worse than none. Where a syllable may be 四 or 十, or 七 or 期, where
another number or 多, 到, 不到 stands beside it, there is no value.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import cn2an

from policy.speech import slot, sound

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
    ways = [(slot.BEGIN, "")]
    for at in range(begin, len(breath)):
        marks = _marks(breath[at])
        if at == begin and not any(sure for _, sure in marks):
            return
        ways = [
            (after, said + (breath[at].mark if breath[at].mark in _FIGURES else mark))
            for place, said in ways
            for mark, _ in marks
            for before, over, after in slot.SHAPES[kind][0]
            if before == place and mark in over
        ]
        if not ways or len(ways) > _MOST_WAYS:
            return
        for place, said in ways:
            read = _value_of(kind, said) if slot.is_end(kind, place) else None
            if read is not None:
                yield _Reading(at + 1, read, any(sure for _, sure in marks))


@lru_cache(maxsize=4096)
def _marks(written: Written) -> tuple[tuple[str, bool], ...]:
    """The characters of slots that a syllable may stand for, and whether they are sure; those that
    are not are left out where one is."""
    mark = _WRITTEN_AS.get(written.mark, written.mark)
    if mark and not mark[0].isascii():
        return ((mark, True),) if mark in slot.TONED else ()
    tone = mark[-1:]
    found = []
    for character, toned in slot.TONED.items():
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
    return any(sure and each in slot.NUMBER + "点%" for each, sure in _marks(written)) and (
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
    if not _WELL_FORMED.fullmatch(whole) or not set(fraction) <= set(slot.DIGITS):
        return None
    try:
        read = Decimal(int(cn2an.cn2an(whole, "normal")))
    except ValueError:
        return None
    digits = "".join(str(int(cn2an.cn2an(each, "normal"))) for each in fraction)
    return (read + Decimal(f"0.{digits}") if digits else read) * scale
