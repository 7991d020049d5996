"""Owns who is who: which numbers and which of the site's customer ids were named together.

Called by `facts` when it gathers. Attempts, entries and consents that name both say it themselves;
the table `people` keeps it of calls that were denied. Naming an id, or another one, never makes
anybody forget: whoever was linked to the number is meant as well.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Set
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


class Links:
    """Which numbers and customers rows name together."""

    def __init__(self, rows: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        self._customers_of: dict[bytes, set[bytes]] = {}
        self._numbers_of: dict[bytes, set[bytes]] = {}
        self.add(rows)

    def add(self, rows: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        for number, customer in rows:
            if number is not None and customer is not None:
                self._customers_of.setdefault(number, set()).add(customer)
                self._numbers_of.setdefault(customer, set()).add(number)

    def numbers(self) -> Set[bytes]:
        """Those of customers who are somebody."""
        return _NOBODY.union(*(each for each in self._numbers_of.values() if len(each) <= MOST))

    def customers(self) -> Set[bytes]:
        """Those of numbers that are somebody's."""
        return _NOBODY.union(*(each for each in self._customers_of.values() if len(each) <= MOST))

    def person(self, asked: Whom) -> Person:
        """Who is behind it: the customer given and those linked to the number, and all numbers
        linked to any of them."""
        own = frozenset((asked.number,)) if asked.number else _NOBODY
        linked: Set[bytes] = self._customers_of.get(asked.number or b"", _NOBODY)
        if len(linked) > MOST:
            linked = _NOBODY
        known = {each for each in linked if len(self._numbers_of[each]) <= MOST}
        meant = known | {asked.customer} if asked.customer else known
        for customer in meant:
            numbers = self._numbers_of.get(customer, _NOBODY)
            if len(numbers) <= MOST:
                own |= numbers
        return Person(own, frozenset(meant), frozenset(linked))


def link(db: sqlite3.Connection, number: bytes | None, customer: bytes | None) -> None:
    """Remembers that the two were named together by a call that left no attempt."""
    if number and customer:
        db.execute(_LINK, (number, customer))


_LINK = "INSERT INTO people (number_hash, customer_hash) VALUES (?, ?) ON CONFLICT DO NOTHING"


def slices(values: list[bytes]) -> Iterator[list[bytes]]:
    """The values, as many at a time as a statement has places for, whatever else it asks for."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def padded(values: list[bytes]) -> int:
    """Makes the list as long as the next power of two, so that few statements serve all lengths;
    returns the length, 0 of an empty one."""
    count = len(values)
    if count & (count - 1):
        values.extend([values[0]] * ((1 << count.bit_length()) - count))
    return len(values)


def places(first: int, count: int) -> str:
    """Numbered places of a statement, from `first` on."""
    return ", ".join(f"?{each}" for each in range(first, first + count))
