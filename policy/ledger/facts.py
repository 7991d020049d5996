"""Owns gathering what is known of whoever a call is for: attempts, do-not-call entries, consents,
and how old the lists are.

Called within the writer's transaction by a decision, and by readers for a dry run and for dial
lists. Attempts of all agencies and campaigns are there, each once however it was found; nothing
that could speak against a call is left out.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain, zip_longest
from typing import Any

from policy.dialling.facts import Attempt, Facts, Suppression, Waiver
from policy.ledger import people
from policy.ledger.moment import instant, micros
from policy.ledger.people import Person, Whom, padded, places, slices
from policy.ledger.seal import Seal

REMEMBERED = timedelta(days=400)
"""How far back attempts are gathered: no limit of the rulebooks looks further than a year."""

Row = tuple[Any, ...]

_ATTEMPTS, _SUPPRESSIONS, _WAIVERS, _LINKS = range(4)

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
    _LINKS: """
        SELECT 3, seq, number_hash, customer_hash, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL
        FROM people WHERE {key} IN ({places}) UNION ALL
        SELECT 3, seq, number_hash, customer_hash, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL
        FROM attempts WHERE {key} IN ({places}) AND reserved_at < ?1
            AND customer_hash IS NOT NULL""",
}

_BY = (
    ("number_hash", tuple(_ROWS)),
    ("customer_hash", tuple(_ROWS)),
    ("debt_hash", (_ATTEMPTS,)),
    ("number_hash", (_ATTEMPTS, _SUPPRESSIONS, _WAIVERS)),
)
"""What a question is about, in the order of its places, and which rows it finds by that."""


class KnownLists:
    """When each suppression list was last imported whole. One for a connection."""

    def __init__(self) -> None:
        self._version = -1
        self.newest: Mapping[str, datetime] = {}

    def refresh(self, db: sqlite3.Connection) -> None:
        """Asks the tables again when another connection has committed since, or after `forget`.
        To be called once a transaction, always with the same connection."""
        (version,) = db.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            found = db.execute(
                "SELECT name, max(as_of) FROM lists WHERE complete = 1 GROUP BY name"
            )
            self.newest = {name: instant(as_of) for name, as_of in found}
            self._version = version

    def forget(self) -> None:
        """This connection itself has added a list."""
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
    found, persons = _found(db, asked, micros(now - REMEMBERED))
    if not found:
        return [Facts(lists=lists)] * len(asked), persons
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
    db: sqlite3.Connection, asked: Sequence[Whom], since: int
) -> tuple[dict[Row, Row], list[Person]]:
    """Every row about the people asked for, by kind and number, and who they are.

    Numbers and ids that any row names together are one person's. The first question is enough for
    whoever has no other number or id than those named; what it finds linked to them is asked for
    next, and the numbers of what that finds last.
    """
    numbers = {each.number for each in asked if each.number}
    customers = {each.customer for each in asked if each.customer}
    debts = {each.debt for each in asked if each.debt}
    rows = _ask(db, since, (numbers, customers, debts, ()))
    links = people.Links(row[2:4] for row in rows)
    for _ in range(2):
        others = links.numbers() - numbers
        other_customers = links.customers() - customers
        if not (others or other_customers):
            break
        numbers |= others
        customers |= other_customers
        more = _ask(db, since, ((), other_customers, (), others))
        links.add(row[2:4] for row in more)
        rows += more
    persons = [links.person(each) for each in asked]
    return {row[:2]: row for row in rows if row[0] != _LINKS}, persons


def _ask(db: sqlite3.Connection, since: int, sought: Sequence[Collection[bytes]]) -> list[Row]:
    """Rows of the numbers, customers and debts, and of numbers whose own links do not matter."""
    counts = tuple(map(len, sought))
    if max(counts) == 1:
        return db.execute(_query(counts), [since, *chain.from_iterable(sought)]).fetchall()
    rows: list[Row] = []
    for some in zip_longest(*(slices(list(each)) for each in sought), fillvalue=[]):
        counts = tuple(padded(each) for each in some)
        rows += db.execute(_query(counts), [since, *(each for part in some for each in part)])
    return rows


@lru_cache(maxsize=128)
def _query(counts: tuple[int, ...]) -> str:
    """One statement for rows of every kind; its places are `since`, then the hashes."""
    parts, first = [], 2
    for (key, kinds), count in zip(_BY, counts, strict=True):
        if count:
            sought = places(first, count)
            parts += [_ROWS[kind].format(key=key, places=sought) for kind in kinds]
            first += count
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
