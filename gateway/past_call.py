"""Owns one call as the ledger has it, told as the events it was.

Called by oversight when a console opens or replays it, in a thread, since it reads the disk. The
invariant: what people judged stands on each finding as it stands now; who did it follows as an act
of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from gateway.acts.messages import STANDING, act_done
from policy.dialling import number as numbers
from policy.ledger import LedgerReader, RecordedFinding, RecordedSuppression
from policy.ledger.acts import Outcome, Standing
from policy.ledger.past_calls import PastCall
from policy.on_the_wire import (
    WIRE_OF,
    duties_message,
    finding_message,
    missing_messages,
    utterance_message,
)

_MOST = 100_000
"""Utterances, and as many findings, of one call: more than a day of talk."""


@dataclass(frozen=True)
class Told:
    """The call's agent, and its events: first the call, then what fell, in its order."""

    agent: str
    events: Sequence[oversight.Event]


def tell(reader: LedgerReader, call_id: str) -> Told | None:
    """None where the ledger has no such call. Raises LedgerUnavailable."""
    call = reader.past_call(call_id)
    if call is None:
        return None
    began = (call.answered_at or call.started_at).timestamp()
    standings = reader.acts.standings_of(call_id)
    fell = [
        *(
            oversight.Event(
                at=began + each.end_s,
                utterance=oversight.UtteranceHeard(
                    call_id=call_id, utterance=utterance_message(each)
                ),
            )
            for each in reader.utterances_of(call_id, _MOST)
        ),
        *(
            raised(each, standings.get(each.finding.finding_id))
            for each in reader.findings_of(call_id, _MOST)
        ),
        *(
            oversight.Event(
                at=at.timestamp(),
                duty=oversight.DutyChanged(call_id=call_id, duties=duties_message(duties).duties),
            )
            for at, duties in reader.duties_of(call_id)
        ),
        *map(suppressed, call.suppressions),
        *(
            oversight.Event(at=each.at.timestamp(), act=act_done(each))
            for each in reader.acts.of_call(call_id)
            if each.outcome is Outcome.DONE
        ),
    ]
    return Told(call.agent, [_call(call), *sorted(fell, key=lambda event: event.at)])


def raised(recorded: RecordedFinding, standing: Standing | None) -> oversight.Event:
    """A finding as it was raised, and as people judged it since."""
    return oversight.Event(
        at=recorded.at.timestamp(),
        finding=oversight.FindingRaised(
            call_id=recorded.call_id,
            agent=recorded.agent,
            scene=recorded.scene,
            finding=finding_message(recorded.finding),
            standing=STANDING[standing] if standing else oversight.STANDING_UNSPECIFIED,
        ),
    )


def suppressed(recorded: RecordedSuppression) -> oversight.Event:
    """A do-not-call entry as it is published: the number masked."""
    return oversight.Event(
        at=recorded.suppression.since.timestamp(),
        suppression=oversight.SuppressionMade(
            suppression_id=recorded.suppression.suppression_id,
            number_masked=numbers.masked(recorded.number),
            source=recorded.suppression.source,
            call_id=recorded.call_id,
            finding_id=recorded.finding_id,
            provisional=recorded.suppression.provisional,
        ),
    )


def _call(call: PastCall) -> oversight.Event:
    heard = call.coverage and not any(leg.causes for leg in call.coverage)
    up = oversight.CALL_STATE_LISTENED if heard else oversight.CALL_STATE_UNHEARD
    if call.answered_at is None:
        up = oversight.CALL_STATE_DIALLING
    return oversight.Event(
        at=call.started_at.timestamp(),
        call=oversight.CallChanged(
            call_id=call.call_id,
            state=oversight.CALL_STATE_ENDED if call.ended_at else up,
            number_masked=numbers.masked(call.number),
            agent=call.agent,
            scene=call.scene,
            started_at=call.started_at.timestamp(),
            answered_at=call.answered_at.timestamp() if call.answered_at else 0.0,
            ended_at=call.ended_at.timestamp() if call.ended_at else 0.0,
            coverage=[
                conversation.LegCoverage(
                    leg=WIRE_OF[each.leg],
                    received_s=each.received_s,
                    analysed_s=each.analysed_s,
                    causes=each.causes,
                    missing=missing_messages(each.missing),
                )
                for each in call.coverage
            ],
            q850_cause=call.q850_cause,
        ),
    )
