"""Owns watching events that are made of other events: one of them, each of them, so many of them,
those that contradict the product.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from policy.speech.circumstances import ProductFacts
from policy.speech.event import AllOf, AnyOf, Compared, Counted, Event
from policy.speech.watching.occurrence import Occurrence
from policy.speech.watching.timeline import Timeline
from policy.speech.watching.watch import Watch


class MadeOf(Watch):
    """Takes the occurrences of its parts one by one, in the order of their time."""

    def __init__(self, event: Event, timeline: Timeline, parts: list[Watch]) -> None:
        super().__init__(event, timeline)
        self._parts = parts
        self._taken = [0] * len(parts)

    @property
    def waiting(self) -> bool:
        return any(
            taken < len(part.occurrences)
            for taken, part in zip(self._taken, self._parts, strict=True)
        )

    def settled_s(self) -> float:
        return min(
            part.occurrences[taken].at_s if taken < len(part.occurrences) else part.settled_s()
            for taken, part in zip(self._taken, self._parts, strict=True)
        )

    def work(self) -> None:
        while (next_one := self._next()) is not None:
            number, occurrence = next_one
            self._taken[number] += 1
            self._take(number, occurrence)

    def _next(self) -> tuple[int, Occurrence] | None:
        """The earliest that was not taken, once no part can have an earlier one."""
        ready = [
            (part.occurrences[taken].order, number)
            for number, (taken, part) in enumerate(zip(self._taken, self._parts, strict=True))
            if taken < len(part.occurrences)
        ]
        if not ready:
            return None
        order, number = min(ready)
        for at, (taken, part) in enumerate(zip(self._taken, self._parts, strict=True)):
            if at != number and taken == len(part.occurrences) and not part.settled_past(order[0]):
                return None
        return number, self._parts[number].occurrences[self._taken[number]]

    def _take(self, number: int, occurrence: Occurrence) -> None:
        raise NotImplementedError


class AnyOfWatch(MadeOf):
    def __init__(self, event: AnyOf, timeline: Timeline, parts: list[Watch]) -> None:
        super().__init__(event, timeline, parts)

    def _take(self, number: int, occurrence: Occurrence) -> None:
        self.occurrences.append(occurrence)

    def in_doubt(self) -> Iterator[Occurrence]:
        for part in self._parts:
            yield from part.in_doubt()


class AllOfWatch(MadeOf):
    """Happens with the last of them; the next time each has to happen again."""

    def __init__(self, event: AllOf, timeline: Timeline, parts: list[Watch]) -> None:
        super().__init__(event, timeline, parts)
        self._event = event
        self._latest: dict[int, Occurrence] = {}

    def _take(self, number: int, occurrence: Occurrence) -> None:
        if self._event.in_order and number and number - 1 not in self._latest:
            return
        self._latest[number] = occurrence
        since_s = occurrence.at_s - self._event.within_s
        self._latest = {at: one for at, one in self._latest.items() if one.at_s >= since_s}
        if self._event.in_order:
            self._latest = {
                at: one
                for at, one in self._latest.items()
                if all(before in self._latest for before in range(at))
            }
        if len(self._latest) < len(self._parts):
            return
        all_of = [self._latest[at] for at in sorted(self._latest)]
        self._latest = {}
        self.occurrences.append(
            replace(
                occurrence,
                certain=all(each.certain for each in all_of),
                confidence=min(each.confidence for each in all_of),
                spelled=" + ".join(each.spelled for each in all_of),
            )
        )


class CountedWatch(MadeOf):
    """Happens with the last of so many; then it is counted anew."""

    def __init__(self, event: Counted, timeline: Timeline, part: Watch) -> None:
        super().__init__(event, timeline, [part])
        self._event = event
        self._counted: dict[str, list[Occurrence]] = {}

    def _take(self, number: int, occurrence: Occurrence) -> None:
        asked = self._event
        name = occurrence.pattern if asked.same_pattern else ""
        counted = [
            each
            for each in self._counted.get(name, ())
            if asked.within_s is None or occurrence.at_s - each.at_s <= asked.within_s
        ]
        counted.append(occurrence)
        self._counted[name] = counted
        if len(counted) >= asked.at_least:
            self._counted[name] = []
            certain = all(each.certain for each in counted)
            spelled = f"{occurrence.spelled} × {len(counted)}".strip()
            self.occurrences.append(replace(occurrence, certain=certain, spelled=spelled))


class ComparedWatch(MadeOf):
    """What was told where another thing is true; silent where the truth is not known."""

    def __init__(
        self, event: Compared, timeline: Timeline, part: Watch, product: ProductFacts
    ) -> None:
        super().__init__(event, timeline, [part])
        self._event, self._product = event, product

    def _take(self, number: int, occurrence: Occurrence) -> None:
        contradicted = self._contradicted(occurrence)
        if contradicted:
            spelled = f"{occurrence.spelled} ({contradicted})"
            self.occurrences.append(replace(occurrence, spelled=spelled))

    def in_doubt(self) -> Iterator[Occurrence]:
        yield from (each for each in self._parts[0].in_doubt() if self._contradicted(each))

    def _contradicted(self, occurrence: Occurrence) -> str:
        """What was told and what is true; empty where they agree."""
        asked = self._event
        if asked.says:
            true = self._product.risk_level
            return f"{asked.says} ≠ {true}" if true and true != asked.says else ""
        fact = {
            "annual_rate_percent": self._product.annual_rate_percent,
            "fees_percent": self._product.fees_percent,
        }.get(asked.fact)
        told = occurrence.values.get(asked.slot)
        if fact is None or told is None:
            return ""
        above = told - Decimal(str(fact))
        far = abs(above) > Decimal(str(asked.tolerance))
        meant = {"different": True, "lower": above < 0, "higher": above > 0}[asked.told]
        return f"{told:f} ≠ {fact:g}" if far and meant else ""
