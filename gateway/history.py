"""Owns what a watcher is shown of before: the ledger's newest decisions, findings and suppressions,
and what was said and found on the calls that are up, as the events they were.

Called by oversight in a thread, since it reads the disk. A ledger that cannot be read is an empty
past: the present is shown all the same.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path

import structlog

from callwarden.v1 import oversight_pb2 as oversight
from gateway.floor import LiveCall
from gateway.gate.gatekeeper import decision_made
from gateway.past_call import Told, raised, suppressed, tell
from policy.dialling import number as numbers
from policy.ledger import (
    DecisionCounts,
    LedgerReader,
    LedgerUnavailable,
    RecordedBypass,
    RecordedFinding,
)
from policy.on_the_wire import utterance_message

_log = structlog.get_logger(__name__)


class History:
    """Opens the ledger for each question: it is asked when a console connects,
    no more often."""

    def __init__(self, file: Path, key_file: Path) -> None:
        self._file = file
        self._key_file = key_file

    def events(self, limit: int) -> Sequence[oversight.Event]:
        """The newest `limit` decisions, findings, suppressions and bypasses each, oldest first."""
        try:
            with LedgerReader.open(self._file, self._key_file) as reader:
                found = [
                    *(
                        oversight.Event(
                            at=each.at.timestamp(),
                            decision=decision_made(
                                each.request, each.decision, each.decision_id, 0.0
                            ),
                        )
                        for each in reader.recent_decisions(limit)
                    ),
                    *_raised(reader, reader.recent_findings(limit)),
                    *(
                        oversight.Event(at=each.bypass.at.timestamp(), bypass=bypass_found(each))
                        for each in reader.recent_bypasses(limit)
                    ),
                    *map(suppressed, reader.recent_suppressions(limit)),
                ]
        except LedgerUnavailable as error:
            _log.warning("no history to show", why=str(error))
            return ()
        return sorted(found, key=lambda event: event.at)

    def of_call(self, call: LiveCall, limit: int) -> Sequence[oversight.Event]:
        """The newest `limit` final utterances and findings each of one call, oldest first."""
        try:
            with LedgerReader.open(self._file, self._key_file) as reader:
                said = reader.utterances_of(call.call_id, limit)
                found = _raised(reader, reader.findings_of(call.call_id, limit))
        except LedgerUnavailable as error:
            _log.warning("no history of a call to show", call=call.call_id, why=str(error))
            return ()
        began = (call.answered_at or call.started_at).timestamp()
        events = [
            *(
                oversight.Event(
                    at=began + each.end_s,
                    utterance=oversight.UtteranceHeard(
                        call_id=call.call_id, utterance=utterance_message(each)
                    ),
                )
                for each in said
            ),
            *found,
        ]
        return sorted(events, key=lambda event: event.at)

    def past_call(self, call_id: str) -> Told | None:
        """One call with all that fell on it; None where there is none. Raises LedgerUnavailable."""
        with LedgerReader.open(self._file, self._key_file) as reader:
            return tell(reader, call_id)

    def agent_of(self, call_id: str) -> str:
        """The agent of a call; empty where nobody knows."""
        try:
            with LedgerReader.open(self._file, self._key_file) as reader:
                call = reader.call(call_id)
        except LedgerUnavailable:
            return ""
        return call.agent if call else ""

    def today(self) -> DecisionCounts:
        """Decisions of this box's calendar day so far. Raises LedgerUnavailable."""
        midnight = datetime.combine(datetime.now(UTC).astimezone().date(), time()).astimezone()
        with LedgerReader.open(self._file, self._key_file) as reader:
            return reader.decisions_since(midnight)


def bypass_found(recorded: RecordedBypass) -> oversight.BypassFound:
    """A call that went round the gate as it is published: the number masked."""
    bypass = recorded.bypass
    return oversight.BypassFound(
        bypass_id=recorded.bypass_id,
        number_masked=numbers.masked(bypass.number),
        trunk=bypass.trunk,
        linkedid=bypass.linkedid,
        source=bypass.source,
    )


def _raised(reader: LedgerReader, found: Sequence[RecordedFinding]) -> list[oversight.Event]:
    """The findings as they were raised, each with how people judged it since."""
    names = [(each.call_id, each.finding.finding_id) for each in found]
    standings = reader.acts.standings(names)
    return [raised(each, standings.get(name)) for each, name in zip(found, names, strict=True)]
