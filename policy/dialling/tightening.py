"""Owns whether a changed rule is surely no looser than the one it was made of. Called where a site
changes a shipped rule: what is not surely no looser counts as loosening, and wants a reason.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import get_args

from policy.dialling import pack
from policy.dialling.pack import AnyRule

_UNITS = ("attempt", "connected", "conversation")


def is_no_looser(new: AnyRule, old: AnyRule) -> bool:
    """Whether every call that `old` denies is denied by `new` too. Both are of one kind."""
    return _holds_wherever(new, old) and _denies_whatever(new, old)


def _holds_wherever(new: AnyRule, old: AnyRule) -> bool:
    scenes = "*" in new.scenes or set(old.scenes) <= set(new.scenes)
    since = new.effective_from is None or (
        old.effective_from is not None and new.effective_from <= old.effective_from
    )
    until = new.effective_to is None or (
        old.effective_to is not None and new.effective_to >= old.effective_to
    )
    return scenes and since and until and (old.waivable or not new.waivable)


def _denies_whatever(new: AnyRule, old: AnyRule) -> bool:
    match new, old:
        case pack.TimeRule(), pack.TimeRule():
            days = get_args(pack.DayKind)
            return new.holidays == old.holidays and all(_lies_in(new, old, day) for day in days)
        case pack.LimitRule(), pack.LimitRule():
            return (
                new.key == old.key
                and _UNITS.index(new.unit) <= _UNITS.index(old.unit)
                and new.at_most <= old.at_most
                and _at_most(new.talk_s, old.talk_s)
                and _is_longer(new.within, old.within)
                and _at_least(new.unsettled_after_h, old.unsettled_after_h)
            )
        case pack.CoolingRule(), pack.CoolingRule():
            return (
                (new.after, new.key) == (old.after, old.key)
                and _includes(new.sources, old.sources)
                and _at_most(new.talk_s, old.talk_s)
                and _is_longer(new.term, old.term)
                and _at_least(new.unsettled_after_h, old.unsettled_after_h)
            )
        case pack.SuppressionRule(), pack.SuppressionRule():
            return (
                set(old.channels) <= set(new.channels)
                and _includes(new.sources, old.sources)
                and _includes(new.lists, old.lists)
                and set(new.except_lists) <= set(old.except_lists)
                and (
                    old.at_least is None
                    or (new.at_least is not None and _is_longer(new.at_least, old.at_least))
                )
            )
        case pack.ListAgeRule(), pack.ListAgeRule():
            return new.list_name == old.list_name and new.at_most_days <= old.at_most_days
        case pack.PartyRule(), pack.PartyRule():
            return set(new.may_be) <= set(old.may_be) and _asks_as_much(new, old)
        case pack.CallerIdRule(), pack.CallerIdRule():
            return set(new.may_show) <= set(old.may_show)
        case pack.ConsentRule(), pack.ConsentRule():
            return True
    return False


def _lies_in(new: pack.TimeRule, old: pack.TimeRule, day: str) -> bool:
    """Whether on that kind of day `new` is open only while `old` is."""
    return all(
        any(
            opens <= window.opens_s and window.closes_s <= closes
            for opens, closes in _open(old, day)
        )
        for window in new.windows
        if day in window.days
    )


def _open(rule: pack.TimeRule, day: str) -> Iterator[tuple[int, int]]:
    """The windows of that kind of day, those that touch joined."""
    windows = sorted((each.opens_s, each.closes_s) for each in rule.windows if day in each.days)
    while windows:
        opens, closes = windows.pop(0)
        while windows and windows[0][0] <= closes:
            closes = max(closes, windows.pop(0)[1])
        yield opens, closes


def _at_most(new: float | None, old: float | None) -> bool:
    return new is None or old is None or new <= old


def _at_least(new: int | None, old: int | None) -> bool:
    """None: for ever."""
    return new is None or (old is not None and new >= old)


def _includes(new: Collection[str] | None, old: Collection[str] | None) -> bool:
    """None: every one."""
    return new is None or (old is not None and set(old) <= set(new))


def _is_longer(new: pack.Within | pack.TermText, old: pack.Within | pack.TermText) -> bool:
    """Whether it is of the same unit, and as long or longer."""
    lengths: Sequence[str] = ("calendar_days", "rolling_hours", "days", "months", "hours")
    if getattr(new, "first_day_counts", False) and not getattr(old, "first_day_counts", False):
        return False
    pairs = [(getattr(new, unit, None), getattr(old, unit, None)) for unit in lengths]
    return all(
        (ours is None) == (theirs is None) and (ours is None or ours >= theirs)
        for ours, theirs in pairs
    )


def _asks_as_much(new: pack.PartyRule, old: pack.PartyRule) -> bool:
    """Whether a third party may be called only where he might before."""
    asked, before = new.third_party_when, old.third_party_when
    if asked is None or "third-party" in old.may_be:
        return True
    return (
        before is not None
        and asked.within == before.within
        and asked.unsuccessful >= before.unsuccessful
        and _at_least(asked.unsettled_after_h, before.unsettled_after_h)
    )
