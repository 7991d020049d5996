"""Owns gathering what is known of whoever a call is for: attempts, do-not-call entries, consents,
and how old the lists are.

Called within the writer's transaction by a decision, and by readers for a dry run and for dial
lists. Attempts of all agencies and campaigns are there, each once however it was found; nothing
that could speak against a call is left out.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from policy.dialling.facts import Attempt, Facts, Suppression, Waiver
from policy.ledger import people
from policy.ledger.moment import instant, micros
from policy.ledger.people import Person, Whom, padded, places, slices
from policy.ledger.seal import Seal

REMEMBERED = timedelta(days=400)
"""How far back attempts are gathered: no limit of the rulebooks looks further than a year."""

Row = tuple[Any, ...]

_ATTEMPTS, _SUPPRESSIONS, _WAIVERS = range(3)

SUPPRESSION = (
    "suppression_id",
    "source",
    "since",
    "until",
    "channel",
    "purpose",
    "provisional",
    "list_name",
    "released_at",
)
WAIVER = ("waiver_id", "rules", "proof_sealed", "since", "until", "purpose")
"""Columns of what `suppression` and `waiver` make of a row, in order."""

_ROWS = {
    _ATTEMPTS: """
        SELECT 0, seq, number_hash, customer_hash, debt_hash, reserved_at, linkedid, party, product,
            (SELECT max(connected) FROM settlements WHERE settlements.nonce = attempts.nonce),
            (SELECT max(talk_seconds) FROM settlements WHERE settlements.nonce = attempts.nonce),
            (SELECT max(at) FROM settlements WHERE settlements.nonce = attempts.nonce), NULL, NULL
        FROM attempts WHERE {key} IN ({places}) AND reserved_at >= ?1""",
    _SUPPRESSIONS: f"""
        SELECT 1, seq, number_hash, customer_hash, NULL, {", ".join(SUPPRESSION[:-1])},
            (SELECT min(at) FROM releases WHERE releases.suppression_id = made.suppression_id)
        FROM suppressions AS made WHERE {{key}} IN ({{places}})""",  # noqa: S608 - names of our own
    _WAIVERS: f"""
        SELECT 2, seq, number_hash, customer_hash, NULL, {", ".join(WAIVER)}, NULL, NULL, NULL
        FROM waivers WHERE {{key}} IN ({{places}}) AND NOT EXISTS (
            SELECT 1 FROM revocations WHERE revocations.waiver_id = waivers.waiver_id)""",  # noqa: S608 - names of our own
}


class KnownLists:
    """When each suppression list was last imported whole. One for a connection; asks the tables
    again only when another connection has committed since, or `forget` was called."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._version = -1
        self._newest: Mapping[str, datetime] = {}

    def newest(self) -> Mapping[str, datetime]:
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            found = self._db.execute(
                "SELECT name, max(as_of) FROM lists WHERE complete = 1 GROUP BY name"
            )
            self._newest = {name: instant(as_of) for name, as_of in found}
            self._version = version
        return self._newest

    def forget(self) -> None:
        self._version = -1


def gather(
    db: sqlite3.Connection,
    keys: Seal,
    asked: Sequence[Whom],
    now: datetime,
    lists: Mapping[str, datetime],
) -> tuple[list[Facts], list[Person]]:
    """What is known at `now` of whom each of `asked` names, and who that is; at most some hundred
    at a time.

    What is dated later than `now` is there too: a clock that was set back must not forget. Entries
    that have ended are there as well, for a rule's minimum term may hold them longer; one that was
    released ends at its release. Consents that were revoked are left out, whatever the clock says.
    """
    persons = people.known(db, asked)
    found = _found(db, asked, persons, micros(now - REMEMBERED))
    if not found:
        return [Facts(lists=lists)] * len(asked), persons
    if len(asked) == 1:
        return [_facts(found.values(), asked[0], persons[0], keys, lists)], persons
    by_hash: defaultdict[bytes, list[Row]] = defaultdict(list)
    for row in found.values():
        for each in row[2:5]:
            if each is not None:
                by_hash[each].append(row)
    facts = []
    for whom, person in zip(asked, persons, strict=True):
        names = person.numbers | person.customers
        own = {
            row[:2]: row
            for name in (names | {whom.debt} if whom.debt else names)
            if name in by_hash
            for row in by_hash[name]
        }
        made = _facts(own.values(), whom, person, keys, lists) if own else Facts(lists=lists)
        facts.append(made)
    return facts, persons


def _found(
    db: sqlite3.Connection, asked: Sequence[Whom], persons: Sequence[Person], since: int
) -> dict[Row, Row]:
    numbers = list(frozenset().union(*(each.numbers for each in persons)))
    customers = list(frozenset().union(*(each.customers for each in persons)))
    debts = list({each.debt for each in asked if each.debt})
    found: dict[Row, Row] = {}
    for some in zip_longest(slices(numbers), slices(customers), slices(debts), fillvalue=()):
        sought = [list(each) for each in some]
        query = _query(*(padded(each) if each else 0 for each in sought))
        rows = db.execute(query, [since, *(each for part in sought for each in part)])
        found.update((row[:2], row) for row in rows)
    return found


@lru_cache(maxsize=128)
def _query(numbers: int, customers: int, debts: int) -> str:
    """One statement for rows of every kind; its places are `since`, then the hashes."""
    parts = []
    for key, first, count, kinds in (
        ("number_hash", 2, numbers, _ROWS),
        ("customer_hash", 2 + numbers, customers, _ROWS),
        ("debt_hash", 2 + numbers + customers, debts, (_ATTEMPTS,)),
    ):
        if count:
            sought = places(first, count)
            parts += [_ROWS[kind].format(key=key, places=sought) for kind in kinds]
    return " UNION ALL ".join(parts)


def _facts(
    rows: Iterable[Row], whom: Whom, person: Person, keys: Seal, lists: Mapping[str, datetime]
) -> Facts:
    kinds: tuple[list[Row], ...] = ([], [], [])
    for row in sorted(rows):
        kinds[row[0]].append(row)
    return Facts(
        tuple(_attempt(row, whom, person) for row in kinds[_ATTEMPTS]),
        tuple(suppression(row[5:]) for row in kinds[_SUPPRESSIONS]),
        tuple(waiver(row[5:11], keys) for row in kinds[_WAIVERS] if _consented(row, whom, person)),
        lists,
    )


def _attempt(row: Row, whom: Whom, person: Person) -> Attempt:
    _, _, number, customer, debt, at, linkedid, party, product, connected, talk, ended, *_ = row
    same_person = number in person.numbers or customer in person.customers
    return Attempt(
        instant(at),
        linkedid,
        None if connected is None else bool(connected),
        talk,
        None if ended is None else instant(ended),
        party,
        same_number=number == whom.number,
        same_person=same_person,
        same_debt=debt == whom.debt if debt and whom.debt else same_person,
        same_product=product == whom.product if product and whom.product else same_person,
    )


def _consented(row: Row, whom: Whom, person: Person) -> bool:
    """Whether it is this call's person who consented: one who gave a number, for calls to it alone;
    one who gave an id, unless the call may be for somebody else."""
    number, customer = row[2:4]
    if number is not None and number != whom.number:
        return False
    if customer is None or customer == whom.customer:
        return True
    return whom.customer is None and person.of_number == {customer}


def suppression(row: Row) -> Suppression:
    """A do-not-call entry as the rules see it, from the columns `SUPPRESSION`: it ends when its
    time is over or when somebody released it."""
    suppression_id, source, since, until, channel, purpose, provisional, list_name, released = row
    ends = [each for each in (until, released) if each is not None]
    return Suppression(
        suppression_id,
        source,
        instant(since),
        instant(min(ends)) if ends else None,
        channel,
        purpose,
        bool(provisional),
        list_name,
    )


def waiver(row: Row, keys: Seal) -> Waiver:
    """A consent as the rules see it, from the columns `WAIVER`."""
    waiver_id, rules, proof_sealed, since, until, purpose = row
    return Waiver(
        waiver_id,
        tuple(rules.split()),
        keys.opened("words", proof_sealed),
        instant(since),
        None if until is None else instant(until),
        purpose,
    )


def without_this_call(facts: Facts, linkedid: str) -> Facts:
    """Facts for a call already allowed under this linkedid: trying another trunk is the same call,
    unless it was answered before, for then the customer is called anew."""
    if not linkedid or not facts.attempts:
        return facts
    others = (a for a in facts.attempts if a.linkedid != linkedid or a.connected is True)
    return Facts(tuple(others), facts.suppressions, facts.waivers, facts.lists)
