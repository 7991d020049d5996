"""Owns who is who: which numbers and which of the site's customer ids were named together.

Called by `facts` when it gathers, and by whatever records a number with a customer id. Naming an
id, or another one, never makes anybody forget: whoever was linked to the number is meant as well.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

MOST = 64
"""Most numbers of one customer id, and most ids of one number, that are linked. Beyond that an id
is a placeholder that a dialler sends for everybody, or a number a switchboard: it names nobody.
Calls are then still counted by the number itself and by the id itself."""

_AT_ONCE = 8192
"""SQLite takes 32766 places in a statement; numbers, customers and debts share them."""


class Whom(NamedTuple):
    """What a call names, hashed; None where it names nothing. The product is the site's own id."""

    number: bytes | None
    customer: bytes | None = None
    debt: bytes | None = None
    product: str = ""


class Person(NamedTuple):
    """Everything by which the person that a call is for is known. `of_number` are the customers
    linked to the number asked for."""

    numbers: frozenset[bytes]
    customers: frozenset[bytes]
    of_number: frozenset[bytes]


_NOBODY: frozenset[bytes] = frozenset()


def known(db: sqlite3.Connection, asked: Sequence[Whom]) -> list[Person]:
    """The person behind each of `asked`: the customers given and those linked to the number, and
    all numbers linked to any of them."""
    numbers = {each.number for each in asked if each.number}
    customers_of = _linked(db, "number_hash", numbers)
    customers = {each.customer for each in asked if each.customer}
    customers.update(*customers_of.values())
    numbers_of = _linked(db, "customer_hash", customers)
    people = []
    for each in asked:
        own = frozenset((each.number,)) if each.number else _NOBODY
        linked = frozenset(customers_of.get(each.number or b"", ()))
        meant = linked | {each.customer} if each.customer else linked
        if meant:
            own = own.union(*(numbers_of.get(customer, ()) for customer in meant))
        people.append(Person(own, meant, linked))
    return people


def link(db: sqlite3.Connection, number: bytes | None, customer: bytes | None) -> None:
    """Remembers that the two were named together."""
    if number and customer:
        db.execute(_LINK, (number, customer))


_LINK = f"""
INSERT INTO people (number_hash, customer_hash)
SELECT ?1, ?2
WHERE NOT EXISTS (SELECT 1 FROM people WHERE number_hash = ?1 AND customer_hash = ?2)
    AND (SELECT count(*) FROM people WHERE number_hash = ?1) < {MOST}
    AND (SELECT count(*) FROM people WHERE customer_hash = ?2) < {MOST}
"""  # noqa: S608 - a number of our own


def _linked(db: sqlite3.Connection, key: str, hashes: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """The other side of every link of these numbers (or customers)."""
    found: dict[bytes, list[bytes]] = {}
    for sought in slices(list(hashes)):
        for one, other in db.execute(_links(key, padded(sought)), sought):
            found.setdefault(one, []).append(other)
    return found


@lru_cache(maxsize=64)
def _links(key: str, count: int) -> str:
    other = "customer_hash" if key == "number_hash" else "number_hash"
    return f"SELECT {key}, {other} FROM people WHERE {key} IN ({places(1, count)})"  # noqa: S608 - names of our own


def slices(values: list[bytes]) -> Iterator[list[bytes]]:
    """The values, as many at a time as a statement has places for, whatever else it asks for."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def padded(values: list[bytes]) -> int:
    """Makes the list as long as the next power of two, so that few statements serve all lengths;
    returns the length."""
    count = len(values)
    if count & (count - 1):
        values.extend([values[0]] * ((1 << count.bit_length()) - count))
    return len(values)


def places(first: int, count: int) -> str:
    """Numbered places of a statement, from `first` on."""
    return ", ".join(f"?{each}" for each in range(first, first + count))
