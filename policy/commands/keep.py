"""Owns keeping the results of recorded calls in the ledger: what was heard, what was found, and
what was not analysed; and that a refusal heard on a recording suppresses.

Loaded by `callwarden scan --into-ledger` through the entry point `callwarden.keepers`: the room
that reads recordings may not touch the ledger. A recording is kept once; its end is written last,
so that one whose end is there is there whole.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from callwarden.settings import Settings
from policy.ledger import CallRecord, Ledger, LedgerReader, LegCoverage
from policy.speech.finding import Finding, FindingStatus
from policy.speech.heard_call import JudgedRecording

REFUSAL: Final = "refusal.explicit"
_PATIENCE_MS: Final = 10_000
_NORMAL_CLEARING: Final = 16


class LedgerKeeper:
    """Implements `policy.speech.heard_call.Keeper`. Raises LedgerUnavailable, an OSError."""

    def __init__(self, settings: Settings) -> None:
        files = settings.ledger_file, settings.ledger_key_file
        self._ledger = Ledger.open(*files, busy_ms=_PATIENCE_MS)
        self._reader = LedgerReader.open(*files)

    def has(self, call_id: str) -> bool:
        return self._reader.has_ended(call_id)

    def keep(self, recording: JudgedRecording) -> None:
        call, now = recording.heard, datetime.now(UTC)
        call_id, started_at = call.call_id, recording.started_at.astimezone(UTC)
        if self.has(call_id):
            return
        ledger, known = self._ledger, self._reader.kept_of(call_id)
        record = CallRecord(
            call_id,
            decision_id="",
            number="",
            agent=recording.agent,
            scene=call.circumstances.scene,
            customer=recording.customer,
            linkedid="",
            started_at=started_at,
        )
        writes = {"call": partial(ledger.begin_call, record)}
        writes["answer"] = partial(ledger.answer_call, call_id, started_at)
        for said in call.utterances:
            writes[f"utterance {said.utterance_id}"] = partial(ledger.add_utterance, call_id, said)
        for doubt, look in call.looks:
            writes[f"look {doubt.doubt_id}"] = partial(ledger.add_second_look, call_id, doubt, look)
        for found in recording.findings:
            writes[_state(found)] = partial(ledger.add_finding, call_id, found, now)
        for leg in recording.legs:
            told = LegCoverage(
                leg.leg, call.seconds, leg.received_s, leg.analysed_s, leg.causes, leg.missing
            )
            writes[f"coverage {leg.leg.value}"] = partial(ledger.add_coverage, call_id, told, now)
        waiting = [write() for name, write in writes.items() if name not in known]
        for future in waiting:
            future.result()
        self._suppress(recording, now)
        ended_at = started_at + timedelta(seconds=call.seconds)
        ledger.end_call(call_id, ended_at, call.seconds, _NORMAL_CLEARING).result()

    def _suppress(self, recording: JudgedRecording, now: datetime) -> None:
        """Who refused is not called again, as far as the recording says who he is."""
        refusals = {each.finding_id: each for each in recording.findings if each.rule == REFUSAL}
        for each in refusals.values():
            if recording.customer and each.status is not FindingStatus.WITHDRAWN:
                self._ledger.suppress(
                    "",
                    source="refusal",
                    now=now,
                    customer=recording.customer,
                    call_id=recording.heard.call_id,
                    finding_id=each.finding_id,
                    provisional=each.status is FindingStatus.PROVISIONAL,
                ).result()

    def close(self) -> None:
        self._reader.close()
        self._ledger.close()


def _state(finding: Finding) -> str:
    return f"finding {finding.finding_id} {finding.status.value}"
