"""Owns what people did in the ledger: acts, how findings stand after them, alerts.

Written by the gateway before it answers whoever asked; read by its history, by exports and reports.
The one invariant: a finding's standing is decided in the transaction that records it, so no two
people settle one appeal, and nobody settles the appeal against his own review.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final

from policy.ledger.moment import instant, micros
from policy.ledger.rows import insert, new_id
from policy.ledger.seal import Seal
from policy.ledger.writer import Submit

Rows = Callable[[str, Sequence[Any]], list[sqlite3.Row]]
_PAGE: Final = 500


class ActKind(Enum):
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    HANG_UP = "hang-up"
    REVIEW = "review"
    SUPPRESS = "suppress"
    ASSIGN_RETRAINING = "assign-retraining"
    SHADOW_RULE = "shadow-rule"
    ACKNOWLEDGE = "acknowledge"
    SETTLE_APPEAL = "settle-appeal"


class Standing(Enum):
    """How people judged a finding so far."""

    UPHELD = "upheld"
    DISMISSED = "dismissed"
    APPEALED = "appealed"


class Outcome(Enum):
    DONE = "done"
    FAILED = "failed"
    """What was recorded could then not be done: Asterisk or the ledger did not take it."""


class ReviewRefused(Exception):
    """The finding does not stand so that this review could follow; says why."""


class NoSuchFinding(Exception):
    """The ledger has no such finding."""


class SamePerson(Exception):
    """An appeal is settled by another person than the first reviewer and whoever appealed."""


@dataclass(frozen=True)
class DoneAct:
    """What somebody did, as it is recorded. `call_id`, `finding_id` and `subject` (a rule, an
    agent, an alert) are empty where it was done to none; `note` is his own words."""

    at: datetime
    act: ActKind
    who: str
    role: str
    call_id: str = ""
    finding_id: str = ""
    subject: str = ""
    standing: Standing | None = None
    outcome: Outcome = Outcome.DONE
    note: str = field(default="", repr=False)
    act_id: str = field(default_factory=new_id)


@dataclass(frozen=True)
class RaisedAlert:
    """Something that needs a person, when it was first raised; `quiet`: in quiet hours."""

    alert_id: str
    at: datetime
    kind: str
    severity: str
    title_zh: str
    title_en: str
    call_id: str
    agent: str
    quiet: bool


class ActsWriter:
    """The writing side of acts; each future resolves when the row is on disk."""

    def __init__(self, submit: Submit, keys: Seal) -> None:
        self._submit = submit
        self._keys = keys

    def record(self, act: DoneAct) -> Future[DoneAct]:
        """Raises ValueError where nobody is named."""
        if not act.who.strip():
            raise ValueError("an act names who did it")
        return self._submit(lambda db: self._add(db, act))

    def review(self, act: DoneAct) -> Future[DoneAct]:
        """Records how a finding stands from now on; resolves to the act as it was recorded, the
        settlement of an appeal as such. The future raises NoSuchFinding, SamePerson,
        ReviewRefused."""
        return self._submit(lambda db: self._add(db, _reviewed(db, act)))

    def raise_alert(self, alert: RaisedAlert) -> Future[None]:
        columns = vars(alert) | {"at": micros(alert.at), "quiet": int(alert.quiet)}
        return self._submit(lambda db: insert(db, "alerts", **columns))

    def _add(self, db: sqlite3.Connection, act: DoneAct) -> DoneAct:
        insert(
            db,
            "acts",
            act_id=act.act_id,
            at=micros(act.at),
            act=act.act.value,
            who=act.who,
            role=act.role,
            call_id=act.call_id,
            finding_id=act.finding_id,
            subject=act.subject,
            standing=act.standing.value if act.standing else "",
            outcome=act.outcome.value,
            note_sealed=self._keys.sealed("words", act.note),
        )
        return act


def _reviewed(db: sqlite3.Connection, act: DoneAct) -> DoneAct:
    """The act as it follows from those before it."""
    finding = (act.call_id, act.finding_id)
    if not db.execute(
        "SELECT 1 FROM findings WHERE call_id = ? AND finding_id = ?", finding
    ).fetchone():
        raise NoSuchFinding
    before = [
        (ActKind(kind), who, Standing(standing))
        for kind, who, standing in db.execute(
            "SELECT act, who, standing FROM acts WHERE call_id = ? AND finding_id = ? "
            "AND standing <> '' ORDER BY seq",
            finding,
        )
    ]
    standing = before[-1][2] if before else None
    if any(kind is ActKind.SETTLE_APPEAL for kind, _, _ in before):
        raise ReviewRefused("an appeal against this finding was settled; that is final")
    if act.standing is Standing.APPEALED:
        if standing is None or standing is Standing.APPEALED:
            raise ReviewRefused("only what was upheld or dismissed can be appealed against, once")
        return act
    if standing is not Standing.APPEALED:
        return act
    if act.who in {who for _, who, _ in before}:
        raise SamePerson
    return replace(act, act=ActKind.SETTLE_APPEAL)


class ActsReader:
    """The reading side of acts."""

    def __init__(self, rows: Rows, keys: Seal) -> None:
        self._rows = rows
        self._keys = keys

    def of_call(self, call_id: str) -> list[DoneAct]:
        """What was done to one call and to findings of it, in its order."""
        return self._acts("WHERE call_id = ? ORDER BY seq", [call_id])

    def recent(self, limit: int) -> list[DoneAct]:
        """The newest acts, newest first."""
        return self._acts("ORDER BY seq DESC LIMIT ?", [limit])

    def every(self) -> Iterator[DoneAct]:
        """All acts, oldest first. Memory stays flat."""
        last = 0
        while page := self._rows(
            "SELECT * FROM acts WHERE seq > ? ORDER BY seq LIMIT ?", [last, _PAGE]
        ):
            yield from map(self._act, page)
            last = page[-1]["seq"]

    def has_finding(self, call_id: str, finding_id: str) -> bool:
        return bool(
            self._rows(
                "SELECT 1 FROM findings WHERE call_id = ? AND finding_id = ?", [call_id, finding_id]
            )
        )

    def standing_of(self, call_id: str, finding_id: str) -> Standing | None:
        """How people judged one finding so far; None: nobody did."""
        return self.standings_of(call_id).get(finding_id)

    def standings_of(self, call_id: str) -> dict[str, Standing]:
        """How the findings of one call stand that somebody judged."""
        found = self._rows(
            "SELECT finding_id, standing FROM acts WHERE call_id = ? AND standing <> '' "
            "ORDER BY seq",
            [call_id],
        )
        return {row["finding_id"]: Standing(row["standing"]) for row in found}

    def standings(self, findings: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Standing]:
        """The same of findings of many calls: those that somebody judged, by call and finding."""
        of_call: dict[str, dict[str, Standing]] = {}
        found = {}
        for call_id, finding_id in findings:
            if call_id not in of_call:
                of_call[call_id] = self.standings_of(call_id)
            if standing := of_call[call_id].get(finding_id):
                found[call_id, finding_id] = standing
        return found

    def alert(self, alert_id: str) -> RaisedAlert | None:
        found = self._rows("SELECT * FROM alerts WHERE alert_id = ?", [alert_id])
        return _alert(found[0]) if found else None

    def alerts_since(self, since: datetime) -> list[RaisedAlert]:
        """The alerts raised from `since` on, oldest first."""
        found = self._rows("SELECT * FROM alerts WHERE at >= ? ORDER BY seq", [micros(since)])
        return [_alert(row) for row in found]

    def acknowledgements_since(self, since: datetime) -> dict[str, DoneAct]:
        """Who acknowledged alerts from `since` on, first, by the alert's id."""
        acts = self._acts(
            "WHERE act = ? AND at >= ? ORDER BY seq DESC",
            [ActKind.ACKNOWLEDGE.value, micros(since)],
        )
        return {act.subject: act for act in acts}

    def _acts(self, which: str, values: Sequence[Any]) -> list[DoneAct]:
        return [self._act(row) for row in self._rows(f"SELECT * FROM acts {which}", values)]  # noqa: S608 - own words

    def _act(self, row: sqlite3.Row) -> DoneAct:
        return DoneAct(
            instant(row["at"]),
            ActKind(row["act"]),
            row["who"],
            row["role"],
            row["call_id"],
            row["finding_id"],
            row["subject"],
            Standing(row["standing"]) if row["standing"] else None,
            Outcome(row["outcome"]),
            self._keys.opened("words", row["note_sealed"]),
            row["act_id"],
        )


def _alert(row: sqlite3.Row) -> RaisedAlert:
    return RaisedAlert(
        row["alert_id"],
        instant(row["at"]),
        row["kind"],
        row["severity"],
        row["title_zh"],
        row["title_en"],
        row["call_id"],
        row["agent"],
        bool(row["quiet"]),
    )
