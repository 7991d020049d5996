"""Owns the transaction of a decision: facts, evaluation, the decision's row, the reservation.

Called by `Ledger` within the writer's thread. The one invariant: the facts are those at the moment
of the reservation, and nobody else's reservation falls between the two.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache

from policy.dialling.decision import Decision, Reason
from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from policy.ledger import people
from policy.ledger.facts import gather, without_this_call
from policy.ledger.moment import micros
from policy.ledger.people import Whom
from policy.ledger.records import Decided
from policy.ledger.rows import new_id, statement
from policy.ledger.seal import Seal

Evaluate = Callable[[Facts], Decision]

_DECISION = (
    "decision_id",
    "nonce",
    "at",
    "verdict",
    "reasons",
    "earliest",
    "rulebook_version",
    "rulebook_digest",
    "number_hash",
    "number_sealed",
    "customer_hash",
    "customer_sealed",
    "region",
    "scene",
    "agent",
    "linkedid",
    "debt_hash",
    "debt_sealed",
    "product",
    "campaign",
    "agency",
    "party",
    "caller_id",
)
_ATTEMPT = (
    "decision_id",
    "nonce",
    "reserved_at",
    "number_hash",
    "customer_hash",
    "scene",
    "linkedid",
    "debt_hash",
    "product",
    "party",
)
_ADD_DECISION = statement("decisions", _DECISION)
_ADD_ATTEMPT = statement("attempts", _ATTEMPT)


class Asked:
    """One request, hashed and sealed before its turn, so that the writer's thread need not."""

    __slots__ = ("_keys", "_request", "_sealed", "_whom")

    def __init__(self, keys: Seal, request: DialRequest) -> None:
        self._keys = keys
        self._request = request
        self._whom = whom(keys, request)
        self._sealed = (
            keys.sealed("number", request.number),
            keys.sealed("customer", request.customer),
            keys.sealed("debt", request.debt),
        )

    def record(self, db: sqlite3.Connection, decision: Decision, now: datetime) -> str:
        """Adds the decision's row; returns its id."""
        decision_id = new_id()
        self._record(db, decision_id, decision, micros(now))
        return decision_id

    def decide(
        self,
        db: sqlite3.Connection,
        evaluate: Evaluate,
        now: datetime,
        lists: Mapping[str, datetime],
    ) -> Decided:
        """See `Ledger.decide`. The reservation is the first row: where there can be none, because
        the nonce was used, nothing was added."""
        request = self._request
        if not request.nonce:
            raise ValueError("a decision needs a nonce")
        (facts,), (person,) = gather(db, self._keys, (self._whom,), now, lists)
        decision = evaluate(without_this_call(facts, request.linkedid))
        decision_id, at = new_id(), micros(now)
        attempt_id = self._reserve(db, decision_id, at) if decision.allowed else None
        self._record(db, decision_id, decision, at)
        number, customer, *_ = self._whom
        if attempt_id is None and customer is not None and customer not in person.of_number:
            people.link(db, number, customer)
        return Decided(decision_id, decision, attempt_id)

    def _reserve(self, db: sqlite3.Connection, decision_id: str, at: int) -> str:
        """The reservation goes by the id of its decision."""
        request, (number, customer, debt, product) = self._request, self._whom
        row = (
            decision_id,
            request.nonce,
            at,
            number,
            customer,
            request.scene,
            request.linkedid,
            debt,
            product,
            request.party,
        )
        try:
            db.execute(_ADD_ATTEMPT, row)
        except sqlite3.IntegrityError:
            raise ValueError("a call was already allowed under this nonce") from None
        return decision_id

    def _record(
        self, db: sqlite3.Connection, decision_id: str, decision: Decision, at: int
    ) -> None:
        request, (number, customer, debt, product) = self._request, self._whom
        number_sealed, customer_sealed, debt_sealed = self._sealed
        row = (
            decision_id,
            request.nonce,
            at,
            decision.verdict.value,
            recorded_reasons(decision.reasons),
            None if decision.earliest is None else micros(decision.earliest),
            decision.rulebook.version,
            decision.rulebook.digest,
            number,
            number_sealed,
            customer,
            customer_sealed,
            request.region,
            request.scene,
            request.agent,
            request.linkedid,
            debt,
            debt_sealed,
            product,
            request.campaign,
            request.agency,
            request.party,
            request.caller_id,
        )
        db.execute(_ADD_DECISION, row)


def whom(keys: Seal, request: DialRequest) -> Whom:
    """What the request names, hashed. `request.number` is canonical."""
    return Whom(
        keys.hashed("number", request.number),
        keys.hashed("customer", request.customer),
        keys.hashed("debt", request.debt),
        request.product,
    )


@lru_cache(maxsize=512)
def recorded_reasons(reasons: tuple[Reason, ...]) -> str:
    """The reasons in full, so that a decision can be read without its rulebook."""
    listed = [
        {
            "rule": each.rule,
            "pack": each.pack,
            "title": {"zh": each.title.zh, "en": each.title.en},
            "citation": each.citation,
            "cause": each.cause,
        }
        for each in reasons
    ]
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
