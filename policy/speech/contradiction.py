"""Owns what makes a rule or an event impossible: it asks for what can never happen.

Called by `assembly` for each rule and event, whose names are known to be right or reported
elsewhere.
"""

from collections.abc import Iterator, Mapping

from callwarden.located_yaml import Path
from policy.speech.pack import AroundText, Happening, NotSaidText, PatternText, SaidText

_OTHER = {"agent": "customer", "customer": "agent"}
_OPPOSITES = (("after", "unless_after"), ("followed_by", "unless_followed_by"))


def found_in(
    event: Happening, patterns: Mapping[str, PatternText], events: Mapping[str, Happening]
) -> Iterator[tuple[Path, str]]:
    """Each place in it and why nothing can ever be found."""
    for key, unless in _OPPOSITES:
        yield from _opposed(unless, getattr(event, key), getattr(event, unless))
    match event:
        case SaidText():
            yield from _said(event, patterns)
        case NotSaidText():
            yield from _not_said(event, patterns, events)
    leg = getattr(event, "leg", None)
    for at, name in enumerate(getattr(event, "to", ())):
        if leg and _is_not_by(patterns.get(name), _OTHER[leg]):
            yield ("to", at), f"never fires: {name} is said by the {leg}, who should answer"
    for at, name in enumerate(getattr(event, "without", ())):
        if leg and _is_not_by(patterns.get(name), leg):
            yield ("without", at), f"is never met: {name} is not said by the {leg}"


def _opposed(
    key: str, asked: AroundText | None, refused: AroundText | None
) -> Iterator[tuple[Path, str]]:
    """`unless X` where X is asked for as well, at least as far away."""
    if asked is None or refused is None or not refused.any:
        return
    needed = asked.all if asked.all else asked.any if len(asked.any) == 1 else ()
    reaches = _reaches(refused.within_s, asked.within_s)
    reaches = reaches and _reaches(refused.within_turns, asked.within_turns)
    reaches = reaches and not refused.until
    for at, name in enumerate(refused.any):
        if reaches and name in needed:
            asking = key.removeprefix("unless_")
            yield (key, "any", at), f"never fires: {asking} asks for {name} as well"


def _reaches(further: float | None, than: float | None) -> bool:
    return further is None or (than is not None and further >= than)


def _said(event: SaidText, patterns: Mapping[str, PatternText]) -> Iterator[tuple[Path, str]]:
    for at, name in enumerate(event.patterns):
        if _is_not_by(patterns.get(name), event.leg):
            yield ("patterns", at), f"never fires: {name} is not said by the {event.leg}"
    for at, name in enumerate(event.answering):
        if _is_not_by(patterns.get(name), _OTHER[event.leg]):
            message = f"never fires: {name} is said by the {event.leg}, who answers"
            yield ("answering", at), message


def _not_said(
    event: NotSaidText, patterns: Mapping[str, PatternText], events: Mapping[str, Happening]
) -> Iterator[tuple[Path, str]]:
    """A deadline that is met by saying just what must be said finds nothing."""
    for at, name in enumerate(event.patterns):
        if _is_not_by(patterns.get(name), event.leg):
            yield ("patterns", at), f"is never met: {name} is not said by the {event.leg}"
    told = set(event.patterns)
    for at, name in enumerate(event.by):
        by = events.get(name)
        is_telling = name in told or (
            isinstance(by, SaidText) and by.leg == event.leg and set(by.patterns) <= told
        )
        if is_telling:
            yield ("by", at), f"never fires: {name} is what must be said by then"
    after = event.after
    if after is not None and ((told & set(after.all)) or (after.any and set(after.any) <= told)):
        yield ("after",), "never fires: this is what must not have been said"


def _is_not_by(pattern: PatternText | None, leg: str) -> bool:
    return pattern is not None and pattern.leg is not None and pattern.leg not in ("either", leg)
