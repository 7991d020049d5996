"""Owns reading the ledger: facts for a dry run, what happened lately, and counts.

Used by the commands, the console's history and the gateway after a restart. It cannot write; it
sees what was committed before each question, and never holds up the writer.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from policy.identity import RulebookText
from policy.ledger import activations, connection, consents, do_not_call, duties, opened
from policy.ledger import export as exporting
from policy.ledger.accounts import AccountsReader
from policy.ledger.acts import ActsReader
from policy.ledger.bypasses import bypass
from policy.ledger.deciding import whom
from policy.ledger.export_kinds import Cell, Opening, last_state
from policy.ledger.exported import ExportsReader
from policy.ledger.facts import KnownLists, gather, without_this_call
from policy.ledger.moment import instant, micros
from policy.ledger.past_calls import PastCall, past_call
from policy.ledger.records import (
    Activation,
    DecisionCounts,
    Mode,
    RecordedBypass,
    RecordedCall,
    RecordedDecision,
    RecordedFinding,
    RecordedSuppression,
)
from policy.ledger.seal import Seal
from policy.ledger.unavailable import explained
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.duty import Duty
from policy.speech.utterance import Utterance

_PAGE = 500
"""Rows read at once by what reads everything."""
_ASKED_AT_ONCE = 256
"""Requests whose facts are gathered together: more would be no faster."""


_CALLS = (
    "SELECT calls.seq, calls.call_id, calls.scene, calls.agent, calls.started_at, seconds, "
    "decisions.product FROM calls LEFT JOIN call_ends USING (call_id) "
    "LEFT JOIN decisions ON decisions.nonce = calls.call_id "
    "AND decisions.decision_id = calls.decision_id"
)


class LedgerReader:
    """The reading side. Safe to call from any thread, one question at a time; every method raises
    LedgerUnavailable when the ledger cannot be read."""

    def __init__(self, db: sqlite3.Connection, keys: Seal, file: Path) -> None:
        self._db = db
        self._keys = keys
        self._file = file
        self._asking = threading.Lock()
        self._lists = KnownLists()

    @classmethod
    def open(cls, file: Path, key_file: Path, *, busy_ms: int = 5000) -> "LedgerReader":
        """The ledger in `file` under the key in `key_file`. Makes nothing.

        Raises LedgerUnavailable: no ledger there, another's file, another's key, another version.
        """
        return cls(*connection.to_read(file, key_file, busy_ms), file)

    def close(self) -> None:
        with self._asking:
            self._db.close()

    def __enter__(self) -> "LedgerReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def facts(self, number: str, customer: str, now: datetime) -> Facts:
        """What a decision on this number (canonical) and customer would know at `now`."""
        return self.facts_of([DialRequest("", number, customer=customer)], now)[0]

    def facts_of(self, requests: Sequence[DialRequest], now: datetime) -> list[Facts]:
        """What decisions on these requests (their numbers canonical) would know at `now`, each as
        if it were the only one. For dial lists: hand in a thousand or so at a time."""
        found: list[Facts] = []
        for start in range(0, len(requests), _ASKED_AT_ONCE):
            some = requests[start : start + _ASKED_AT_ONCE]
            asked = [whom(self._keys, each) for each in some]
            with self._asking, explained(self._file):
                self._lists.refresh(self._db)
                facts, _ = gather(self._db, self._keys, asked, now, self._lists.newest)
            found += [
                without_this_call(each, request.linkedid)
                for each, request in zip(facts, some, strict=True)
            ]
        return found

    def decision_by_nonce(self, nonce: str) -> RecordedDecision | None:
        """The decision made under this nonce: the one that allowed, else the last."""
        found = self._rows(
            "SELECT * FROM decisions WHERE nonce = ? ORDER BY verdict = 'ALLOW' DESC, seq DESC "
            "LIMIT 1",
            [nonce],
        )
        return opened.decision_of(found[0], self._keys) if found else None

    def allowed_on(self, channel_id: str) -> list[RecordedDecision]:
        """The newest decisions that allowed a call asked for on this channel of Asterisk's, at most
        20: their nonces begin with its id."""
        found = self._rows(
            "SELECT * FROM decisions WHERE nonce > ? AND nonce < ? AND verdict = 'ALLOW' "
            "ORDER BY seq DESC LIMIT 20",
            [f"{channel_id}-", f"{channel_id}."],  # "." is the letter after "-"
        )
        return [opened.decision_of(row, self._keys) for row in found]

    def recent_bypasses(self, limit: int) -> list[RecordedBypass]:
        """The newest calls that went round the gate, newest first."""
        found = self._rows("SELECT * FROM bypasses ORDER BY seq DESC LIMIT ?", [limit])
        return [bypass(row, self._keys) for row in found]

    def recent_decisions(self, limit: int) -> list[RecordedDecision]:
        """The newest decisions, newest first."""
        found = self._rows("SELECT * FROM decisions ORDER BY seq DESC LIMIT ?", [limit])
        return [opened.decision_of(row, self._keys) for row in found]

    def decisions_from(self, since: datetime) -> Iterator[RecordedDecision]:
        """All decisions made from `since` on, oldest first. Memory stays flat."""
        last = 0
        while page := self._rows(
            "SELECT * FROM decisions WHERE seq > ? AND at >= ? ORDER BY seq LIMIT ?",
            [last, micros(since), _PAGE],
        ):
            yield from (opened.decision_of(row, self._keys) for row in page)
            last = page[-1]["seq"]

    def recent_findings(self, limit: int) -> list[RecordedFinding]:
        """The newest findings as they last stood, newest first."""
        found = self._rows(
            "SELECT findings.*, calls.agent, calls.scene FROM findings "  # noqa: S608 - own words
            "LEFT JOIN calls ON calls.call_id = findings.call_id "
            f"WHERE {last_state('findings')} ORDER BY findings.seq DESC LIMIT ?",
            [limit],
        )
        return [opened.finding_of(row, self._keys) for row in found]

    def findings_of(self, call_id: str, limit: int) -> list[RecordedFinding]:
        """The newest findings of one call as they last stood, newest first."""
        found = self._rows(
            "SELECT findings.*, calls.agent, calls.scene FROM findings "  # noqa: S608 - own words
            "LEFT JOIN calls ON calls.call_id = findings.call_id "
            f"WHERE findings.call_id = ? AND {last_state('findings')} "
            "ORDER BY findings.seq DESC LIMIT ?",
            [call_id, limit],
        )
        return [opened.finding_of(row, self._keys) for row in found]

    def utterances_of(self, call_id: str, limit: int) -> list[Utterance]:
        """What was said last on one call, newest first."""
        found = self._rows(
            "SELECT * FROM utterances WHERE call_id = ? ORDER BY seq DESC LIMIT ?", [call_id, limit]
        )
        return [opened.utterance_of(row, self._keys) for row in found]

    def second_looks_of(self, call_id: str) -> list[tuple[Doubt, SecondLook]]:
        """The doubts of one call and their answers, in the order in which they came."""
        found = self._rows("SELECT * FROM second_looks WHERE call_id = ? ORDER BY seq", [call_id])
        return [opened.second_look_of(row, self._keys) for row in found]

    def duties_of(self, call_id: str) -> list[tuple[datetime, tuple[Duty, ...]]]:
        """What had to be told on one call, each time that changed, oldest first."""
        return duties.of_call(self._rows, call_id)

    def recent_suppressions(self, limit: int) -> list[RecordedSuppression]:
        """The newest do-not-call entries, newest first, ended ones among them."""
        return do_not_call.newest(self._rows, self._keys, limit)

    def suppressions(self) -> Iterator[RecordedSuppression]:
        """All do-not-call entries, oldest first, ended ones among them."""
        return do_not_call.every(self._rows, self._keys)

    def suppressions_of(self, number: str) -> list[RecordedSuppression]:
        """The do-not-call entries of this number (canonical), oldest first."""
        return do_not_call.of_number(self._rows, self._keys, number)

    def suppression(self, suppression_id: str) -> RecordedSuppression | None:
        """The do-not-call entry of this id."""
        return do_not_call.of_id(self._rows, self._keys, suppression_id)

    def waivers(self) -> Iterator[consents.RecordedWaiver]:
        """All consents, oldest first, expired and revoked ones among them."""
        return consents.every(self._rows, self._keys)

    @property
    def acts(self) -> ActsReader:
        """What people did."""
        return ActsReader(self._rows, self._keys)

    def call(self, call_id: str) -> RecordedCall | None:
        """One call; None where there is none of that id."""
        found = self._rows(f"{_CALLS} WHERE calls.call_id = ?", [call_id])
        return opened.call_of(found[0]) if found else None

    def past_call(self, call_id: str) -> PastCall | None:
        """One call as a whole; None where there is none of that id."""
        return past_call(self._rows, self._keys, call_id)

    def calls_from(self, since: datetime) -> Iterator[RecordedCall]:
        """All calls that began from `since` on, in the order in which they were recorded."""
        last = 0
        while page := self._rows(
            f"{_CALLS} WHERE calls.seq > ? AND calls.started_at >= ? ORDER BY calls.seq LIMIT ?",
            [last, micros(since), _PAGE],
        ):
            yield from map(opened.call_of, page)
            last = page[-1]["seq"]

    def has_ended(self, call_id: str) -> bool:
        """Whether the end of this call is recorded."""
        return bool(self._rows("SELECT 1 FROM call_ends WHERE call_id = ?", [call_id]))

    def kept_of(self, call_id: str) -> set[str]:
        """What is there of a call whose end is not: `utterance ID`, `look ID`, `finding ID STATUS`,
        `coverage LEG`."""
        found = self._rows(
            "SELECT 'utterance ' || utterance_id AS name FROM utterances WHERE call_id = ?1 "
            "UNION ALL SELECT 'look ' || doubt_id FROM second_looks WHERE call_id = ?1 "
            "UNION ALL SELECT 'finding ' || finding_id || ' ' || status FROM findings "
            "WHERE call_id = ?1 "
            "UNION ALL SELECT 'coverage ' || leg FROM coverage WHERE call_id = ?1",
            [call_id],
        )
        return {row["name"] for row in found}

    def answered_at(self, call_id: str) -> datetime | None:
        """When both parties began to speak; None for a call that was not answered."""
        found = self._rows("SELECT answered_at FROM answers WHERE call_id = ?", [call_id])
        return instant(found[0]["answered_at"]) if found else None

    def activation(self, mode: Mode) -> Activation | None:
        """What was last put in this mode; None when nothing ever was."""
        return activations.latest(self._rows, mode)

    def activations(self, limit: int) -> list[Activation]:
        """The newest activations, newest first."""
        return activations.history(self._rows, limit)

    def rulebook(self, digest: str) -> RulebookText | None:
        """The text of a rulebook that was activated; None for one that never was. Raises
        ValueError where the recorded text is not that of the digest."""
        return activations.text(self._rows, digest)

    def decisions_since(self, since: datetime) -> DecisionCounts:
        """How many decisions were made from `since` on, how many of them were denials, and by
        which rules."""
        (row,) = self._rows(
            "SELECT count(*) AS decisions, coalesce(sum(verdict = 'DENY'), 0) AS denials "
            "FROM decisions WHERE at >= ?",
            [micros(since)],
        )
        by_rule = self._rows(
            "SELECT json_extract(reason.value, '$.rule') AS rule, count(*) AS denials "
            "FROM decisions, json_each(decisions.reasons) AS reason "
            "WHERE at >= ? AND verdict = 'DENY' GROUP BY rule",
            [micros(since)],
        )
        return DecisionCounts(
            row["decisions"], row["denials"], {each["rule"]: each["denials"] for each in by_rule}
        )

    @property
    def exports(self) -> ExportsReader:
        """What left the ledger."""
        return ExportsReader(self._rows)

    @property
    def books(self) -> AccountsReader:
        """The account of calls, findings and what else a period holds."""
        return AccountsReader(self._rows, self._keys)

    def export(
        self, kind: str, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[dict[str, Cell]]:
        """Rows for an auditor, of one of `export_kinds.KINDS`, from `since` (inclusive) to `until`
        (exclusive), oldest first. Numbers are masked. Memory stays flat."""
        return exporting.export(
            self._rows, self._tuples, self._keys, kind, exporting.Chosen(since, until)
        )

    def select(self, kind: str, chosen: exporting.Chosen) -> exporting.Selection:
        """Fixes which rows an export consists of; `export.select`."""
        return exporting.select(self._rows, kind, chosen)

    def selected(
        self, selection: exporting.Selection, piece: tuple[int, int], *, reveal: bool = False
    ) -> list[list[Cell]]:
        """The rows of one piece of a selection; `reveal`: numbers in full."""
        opening = Opening(self._keys, reveal)
        return exporting.rows_of(self._tuples, selection, opening, piece)

    def _rows(self, query: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        with self._asking, explained(self._file):
            cursor = self._db.cursor()
            cursor.row_factory = sqlite3.Row
            return cursor.execute(query, values).fetchall()

    def _tuples(self, query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Where names would cost too much."""
        with self._asking, explained(self._file):
            return self._db.execute(query, values).fetchall()
