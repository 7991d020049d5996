"""Owns writing the ledger: decisions with their reservations, suppressions, calls and what was
heard and found on them.

The gateway holds one for its life; a command opens one for a moment. Every method returns at once
with a future that resolves when the row is on disk, or with LedgerUnavailable when it is not; rows
are added, never changed.
"""

import json
import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import TracebackType

from policy.dialling.decision import Decision
from policy.dialling.facts import Waiver
from policy.dialling.request import DialRequest
from policy.identity import RulebookText
from policy.ledger import (
    activations,
    checkpoints,
    connection,
    consents,
    do_not_call,
    duties,
    heard,
    left_over,
    settling,
    signing,
)
from policy.ledger.acts import ActsWriter
from policy.ledger.checkpoints import Checkpoint
from policy.ledger.deciding import Asked, Evaluate, recorded_reasons
from policy.ledger.do_not_call import ListedEntry
from policy.ledger.exported import ExportsWriter
from policy.ledger.facts import KnownLists
from policy.ledger.moment import micros
from policy.ledger.records import Bypass, CallRecord, Decided, ImportedList, LegCoverage, Mode
from policy.ledger.rows import Value, insert, named, new_id
from policy.ledger.seal import Seal
from policy.ledger.signing import Signer
from policy.ledger.writer import GroupWriter
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.duty import Duty
from policy.speech.finding import Finding
from policy.speech.not_analysed import NotAnalysed
from policy.speech.utterance import Leg, Utterance


class Ledger:
    """The writing side. Safe to call from any thread; `close` ends its own thread."""

    def __init__(self, writer: GroupWriter, keys: Seal, signer: Signer, lists: KnownLists) -> None:
        self._writer = writer
        self._keys = keys
        self._signer = signer
        self._lists = lists

    @classmethod
    def open(cls, file: Path, key_file: Path, *, busy_ms: int = 500) -> "Ledger":
        """The ledger in `file` under the key in `key_file`; both, and their folders, are made when
        absent. `busy_ms` is how long a write waits for another process' lock: below the gate's
        deadline for the gateway, longer for commands.

        Raises LedgerUnavailable, saying what is wrong and what to do.
        """
        keys = connection.make_files(file, key_file)
        lists = KnownLists()
        writer = GroupWriter(
            file, lambda: connection.to_write(file, key_file, keys, busy_ms), lists.refresh
        )
        writer.start()
        return cls(writer, keys, signing.load(key_file), lists)

    def close(self) -> None:
        """Returns when everything handed in is recorded, or known not to be."""
        self._writer.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def decide(self, request: DialRequest, evaluate: Evaluate, now: datetime) -> Future[Decided]:
        """Decides and, when allowed, reserves an attempt, in one transaction: nobody else can take
        the customer's last attempt between the facts and the reservation.

        `request.number` is canonical. Earlier attempts of the same linkedid that were not answered
        are this very call and not among the facts. The future raises LedgerUnavailable when
        nothing was recorded, ValueError when the nonce is empty or was allowed before (each call
        needs its own), and whatever `evaluate` raises; none of these is an ALLOW.
        """
        asked = Asked(self._keys, request)
        return self._writer.submit(lambda db: asked.decide(db, evaluate, now, self._lists.newest))

    def record_decision(
        self, request: DialRequest, decision: Decision, now: datetime
    ) -> Future[str]:
        """Records a decision made without facts: a denial before they were asked for, or a call
        for help. It reserves nothing. Resolves to the decision's id."""
        asked = Asked(self._keys, request)
        return self._writer.submit(lambda db: asked.record(db, decision, now))

    def record_shadow(self, decision_id: str, decision: Decision, now: datetime) -> Future[None]:
        """What the rulebook in shadow would have decided, where that one decided. Nothing acts on
        it."""
        return self._add(
            "shadow_decisions",
            decision_id=decision_id,
            at=micros(now),
            verdict=decision.verdict.value,
            reasons=recorded_reasons(decision.reasons),
            earliest=None if decision.earliest is None else micros(decision.earliest),
            rulebook_version=decision.rulebook.version,
            rulebook_digest=decision.rulebook.digest,
        )

    def settle(
        self,
        nonce: str,
        *,
        disposition: str,
        q850_cause: int,
        connected: bool,
        talk_seconds: float,
        now: datetime,
    ) -> Future[None]:
        """Says how the attempt of this nonce ended, at `now`. Where another end is said later, the
        attempt counts as the fuller of both: connected when one says so, with the longer talk and
        the later end. The same end said again changes nothing."""
        said = (nonce, disposition, q850_cause, int(connected), float(talk_seconds))
        return self._writer.submit_beside(lambda db: settling.add(db, said, now))

    def suppress(
        self,
        number: str,
        *,
        source: str,
        now: datetime,
        until: datetime | None = None,
        channel: str = "voice",
        purpose: str = "*",
        customer: str = "",
        call_id: str = "",
        finding_id: str = "",
        provisional: bool = False,
        note: str = "",
    ) -> Future[str]:
        """Adds a do-not-call entry for the number (canonical) and, where given, the customer's id:
        a call to either is suppressed. A provisional entry suppresses as well; entries add up and
        none weakens another. Resolves to the suppression's id."""
        whom = named(self._keys, number, customer)
        entry = do_not_call.Entry(
            source,
            now,
            until,
            channel,
            purpose,
            call_id,
            finding_id,
            provisional,
            self._keys.sealed("words", note),
        )
        return self._writer.submit(lambda db: do_not_call.add(db, whom, entry))

    def release(self, suppression_id: str, *, who: str, why: str, now: datetime) -> Future[None]:
        """Ends a do-not-call entry before its time: what stays is when, who and why, and what a
        rule's minimum term still holds. Raises ValueError when nobody says who and why, the future
        when there is no such entry."""
        why_sealed = self._said(who, why)
        return self._writer.submit(
            lambda db: do_not_call.release(
                db, suppression_id, who=who, why_sealed=why_sealed, now=now
            )
        )

    def consent(
        self, waiver: Waiver, *, number: str = "", customer: str = "", who: str
    ) -> Future[str]:
        """Records a consent of this number (canonical), this customer or both; resolves to its id,
        which takes the place of `waiver.waiver_id`. The future raises ValueError, see
        `consents.add`."""
        whom = named(self._keys, number, customer)
        return self._writer.submit(lambda db: consents.add(db, self._keys, whom, waiver, who))

    def revoke(self, waiver_id: str, *, who: str, why: str, now: datetime) -> Future[None]:
        """Ends a consent at once. Raises ValueError as `release` does."""
        why_sealed = self._said(who, why)
        return self._writer.submit(
            lambda db: consents.revoke(db, waiver_id, who=who, why_sealed=why_sealed, now=now)
        )

    def suppress_listed(
        self,
        listed: Sequence[ListedEntry],
        *,
        list_name: str,
        source: str,
        channel: str,
        now: datetime,
    ) -> Future[int]:
        """Adds some hundred rows of a list, together; `add_list` says when it has ended. What the
        list has said before is not added again. Resolves to how many were."""
        entries = [
            (
                named(self._keys, each.number, each.customer),
                do_not_call.Entry(
                    source, now, each.until, channel, each.purpose, list_name=list_name
                ),
            )
            for each in listed
        ]
        return self._writer.submit(lambda db: do_not_call.add_listed(db, entries))

    def add_list(self, made: ImportedList) -> Future[None]:
        """Says that an import has ended. Only this makes a list as new as its `as_of`, and only
        when the import was complete."""

        def write(db: sqlite3.Connection) -> None:
            columns = asdict(made) | {
                "as_of": micros(made.as_of),
                "at": micros(made.at),
                "complete": int(made.complete),
            }
            insert(db, "lists", list_id=new_id(), **columns)
            self._lists.forget()

        return self._writer.submit(write)

    def suppress_left_over(self, rule: str) -> Future[list[str]]:
        """Adds the entry that each finding of `rule`, a refusal, has not got: the gateway that
        heard it did not live to write it. Resolves to the ids of their calls."""
        return self._writer.submit(lambda db: left_over.suppress(db, rule))

    def activate(
        self,
        rulebook: RulebookText | None,
        *,
        mode: Mode,
        who: str,
        now: datetime,
        note: str = "",
    ) -> Future[int]:
        """Puts a rulebook in force or in shadow (None ends the shadow); `activations.activate`."""
        return self._writer.submit(
            lambda db: activations.activate(db, rulebook, mode=mode, who=who, note=note, now=now)
        )

    def record_bypass(self, bypass: Bypass) -> Future[str]:
        """A call went round the gate. Resolves to the bypass' id; to an empty text when this
        channel's was recorded before."""
        bypass_id = new_id()
        number = named(self._keys, bypass.number, "")

        def write(db: sqlite3.Connection) -> str:
            before = db.total_changes
            insert(
                db,
                "bypasses",
                bypass_id=bypass_id,
                at=micros(bypass.at),
                number_hash=number.number_hash,
                number_sealed=number.number_sealed,
                trunk=bypass.trunk,
                channel_id=bypass.channel_id,
                linkedid=bypass.linkedid,
                source=bypass.source,
            )
            return bypass_id if db.total_changes > before else ""

        return self._writer.submit_beside(write)

    def begin_call(self, call: CallRecord) -> Future[None]:
        """A call is being placed. Said again (by a gateway that was restarted), it stays."""
        return self._add(
            "calls",
            call_id=call.call_id,
            decision_id=call.decision_id,
            **named(self._keys, call.number, call.customer)._asdict(),
            agent=call.agent,
            scene=call.scene,
            linkedid=call.linkedid,
            started_at=micros(call.started_at),
        )

    def answer_call(self, call_id: str, answered_at: datetime) -> Future[None]:
        """Both parties speak. Said again, the first time stays."""
        return self._add("answers", call_id=call_id, answered_at=micros(answered_at))

    def end_call(
        self, call_id: str, ended_at: datetime, seconds: float, q850_cause: int
    ) -> Future[None]:
        """The call is over after `seconds` of its channels' life. Said again, the first stays."""
        return self._add(
            "call_ends",
            call_id=call_id,
            ended_at=micros(ended_at),
            seconds=float(seconds),
            q850_cause=q850_cause,
        )

    def add_leg(self, call_id: str, leg: Leg, channel_id: str) -> Future[None]:
        """Which of Asterisk's channels is this leg of the call."""
        return self._add("legs", call_id=call_id, leg=leg.value, channel_id=channel_id)

    def add_utterance(self, call_id: str, utterance: Utterance) -> Future[None]:
        """What one leg said, once it is final. Raises ValueError on a partial."""
        if not utterance.final:
            raise ValueError("only a final utterance is recorded")
        return self._add("utterances", **heard.utterance(self._keys, call_id, utterance))

    def add_second_look(self, call_id: str, doubt: Doubt, look: SecondLook) -> Future[None]:
        """Seconds that were in doubt and what was heard in them: with the utterances, all that a
        replay of the call needs to find what was found."""
        return self._add("second_looks", **heard.second_look(self._keys, call_id, doubt, look))

    def add_duty(self, call_id: str, duty: Duty, now: datetime) -> Future[None]:
        """Something that must be told on a call stands otherwise from now on."""
        return self._add("duties", **duties.columns(call_id, duty, now))

    def add_finding(self, call_id: str, finding: Finding, now: datetime) -> Future[None]:
        """What a speech rule found; a change of its status is another row."""
        return self._add_found("findings", call_id, finding, now)

    def add_shadow_finding(self, call_id: str, finding: Finding, now: datetime) -> Future[None]:
        """What a rule of the rulebook in shadow found. Nothing acts on it."""
        return self._add_found("shadow_findings", call_id, finding, now)

    def _add_found(self, table: str, call_id: str, finding: Finding, now: datetime) -> Future[None]:
        return self._add(table, **heard.finding(self._keys, call_id, finding, now))

    def add_coverage(self, call_id: str, coverage: LegCoverage, now: datetime) -> Future[None]:
        """How much of one leg was received and analysed, and why not all of it."""
        return self._add(
            "coverage",
            call_id=call_id,
            at=micros(now),
            leg=coverage.leg.value,
            call_seconds=float(coverage.call_seconds),
            received_s=float(coverage.received_s),
            analysed_s=float(coverage.analysed_s),
            causes=json.dumps(coverage.causes, ensure_ascii=False),
            missing=json.dumps([_millis(each) for each in coverage.missing], ensure_ascii=False),
        )

    @property
    def acts(self) -> ActsWriter:
        """What people did."""
        return ActsWriter(self._writer.submit, self._keys)

    @property
    def exports(self) -> ExportsWriter:
        """What left the ledger."""
        return ExportsWriter(self._writer.submit, self._signer)

    def checkpoint(self, now: datetime) -> Future[Checkpoint | None]:
        """Signs the head of the chain as it stands at its turn and records it. Resolves to None
        when nothing was added since the last one."""
        return self._writer.submit_beside(lambda db: checkpoints.add(db, self._signer, now))

    def _add(self, table: str, **values: Value) -> Future[None]:
        return self._writer.submit_beside(lambda db: insert(db, table, **values))

    def _said(self, who: str, why: str) -> bytes:
        """Raises ValueError when nobody answers for it."""
        sealed = self._keys.sealed("words", why.strip())
        if not who.strip() or sealed is None:
            raise ValueError("say who decided it, and why")
        return sealed


def _millis(span: NotAnalysed) -> tuple[float, float, str, float]:
    """To the millisecond, in the order of its fields."""
    return round(span.start_s, 3), round(span.end_s, 3), span.cause, round(span.analysed_s, 3)
