"""Owns what has become of one obligation on one call: owed, told, or not owed at all.

Called by the conversation, one Owing for each rule about what must be told. Invariant: it only
looks at what the rules' watches have seen.
"""

from collections.abc import Mapping

from policy.speech.duty import Duty, Obligation
from policy.speech.event import Around, Event
from policy.speech.watching.watch import Watch


class Owing:
    """One rule's obligation on one call."""

    def __init__(self, rule: str, obligation: Obligation, watches: Mapping[Event, Watch]) -> None:
        self._rule, self._obligation = rule, obligation
        self._told = watches[obligation.told]
        self._after = _watched(obligation.after, watches)
        self._unless_after = _watched(obligation.unless_after, watches)

    def duty(self) -> Duty | None:
        """As it stands; None where nothing is owed and nothing was told."""
        made = next((each for each in self._told.occurrences if each.certain), None)
        if made is None and not self._is_owed():
            return None
        obligation = self._obligation
        return Duty(
            self._rule,
            obligation.title,
            made.end_s if made else None,
            obligation.before,
            made is None and self._told.may_have_missed,
        )

    def _is_owed(self) -> bool:
        return all(map(_happened, self._after)) and not any(map(_happened, self._unless_after))


def _watched(
    arounds: tuple[Around, ...], watches: Mapping[Event, Watch]
) -> list[tuple[bool, list[Watch]]]:
    return [(each.every, [watches[event] for event in each.of]) for each in arounds]


def _happened(around: tuple[bool, list[Watch]]) -> bool:
    every, of = around
    happened = (any(each.certain for each in watch.occurrences) for watch in of)
    return all(happened) if every else any(happened)
