"""Owns the ledger's one writing thread and its group commit.

Called by `Ledger` alone. What was handed in while the disk was busy goes into one transaction; a
future resolves only after COMMIT, so what it says is on disk. A write that fails takes back its own
rows alone. When the transaction fails, nothing of the group was recorded and every future of it
says so; the next group tries anew, so the writer recovers by itself.

What a call waits for goes first; rows that only tell of calls go beside it, a few at a time, so
that no number of them keeps a decision waiting. Each of the two keeps its order.
"""

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from policy.ledger.connection import refuse_read_only
from policy.ledger.unavailable import LedgerUnavailable, RowRefused, because_of, explained

Result = TypeVar("Result")
Write = Callable[[sqlite3.Connection], Result]
"""May be run twice, the first time taken back: what it does beside the rows must bear that."""


class Submit(Protocol):
    """Has the ledger's writer run a write within a transaction of its."""

    def __call__(self, write: Write[Result]) -> Future[Result]: ...


_GROUP = 256
"""Most writes in one transaction: at 0.1 ms each, what the first of them waits for the last."""
GROUP_BESIDE = 8
"""Most of the rows that nothing waits for: they hold up the next decision by under 1 ms."""


class _Job(Generic[Result]):
    """A write on its way. Until its group is committed its outcome is kept here."""

    __slots__ = ("failure", "future", "result", "write")

    def __init__(self, write: Write[Result]) -> None:
        self.write = write
        self.future: Future[Result] = Future()
        self.result: Result | None = None
        self.failure: Exception | None = None

    def settle(self) -> None:
        if self.failure is not None:
            self.future.set_exception(self.failure)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # Result may be None


class GroupWriter:
    """Takes writes from any thread. `connect` is called in the writing thread, and so is `begun` at
    the begin of each transaction."""

    def __init__(
        self,
        file: Path,
        connect: Callable[[], sqlite3.Connection],
        begun: Callable[[sqlite3.Connection], None] = lambda db: None,
    ) -> None:
        self._file = file
        self._connect = connect
        self._begun = begun
        self._first: deque[_Job[Any]] = deque()
        self._beside: deque[_Job[Any]] = deque()
        self._closed = False
        self._handed_in = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)

    def start(self) -> None:
        """Returns when the connection stands; raises what `connect` raises."""
        opened: Future[None] = Future()
        self._opened = opened
        self._thread.start()
        opened.result()

    def submit(self, write: Write[Result]) -> Future[Result]:
        """Resolves after the commit of what `write` did. An exception of `write` takes back its
        own rows alone. A future cancelled before its turn writes nothing."""
        return self._hand_in(_Job(write), self._first)

    def submit_beside(self, write: Write[Result]) -> Future[Result]:
        """The same for what no call waits for: later than what is submitted meanwhile."""
        return self._hand_in(_Job(write), self._beside)

    def _hand_in(self, job: _Job[Result], line: deque[_Job[Any]]) -> Future[Result]:
        with self._handed_in:
            if not self._closed:
                line.append(job)
                self._handed_in.notify()
                return job.future
        job.future.set_exception(LedgerUnavailable(f"{self._file}: the ledger is closed"))
        return job.future

    def close(self) -> None:
        """Returns when everything handed in is settled and the file is closed."""
        with self._handed_in:
            self._closed = True
            self._handed_in.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            connection = self._connect()
            opened = os.stat(self._file)
        except BaseException as error:
            # Whatever it is, `start` raises it in the thread that waits.
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        while taken := self._next_group():
            group = [job for job in taken if job.future.set_running_or_notify_cancel()]
            if group:
                self._record(connection, opened, group)
                for job in group:
                    job.settle()
        connection.close()

    def _next_group(self) -> list[_Job[Any]]:
        """Waits for a job and takes what else is there; none when the ledger is closed."""
        with self._handed_in:
            while not (self._first or self._beside or self._closed):
                self._handed_in.wait()
            return [
                line.popleft()
                for line, most in ((self._first, _GROUP), (self._beside, GROUP_BESIDE))
                for _ in range(min(most, len(line)))
            ]

    def _record(
        self, connection: sqlite3.Connection, opened: os.stat_result, group: list[_Job[Any]]
    ) -> None:
        try:
            with explained(self._file):
                self._refuse_other_file(opened)
                self._begin(connection)
                if not all(_left_clean(connection, job) for job in group):
                    connection.execute("ROLLBACK")
                    self._begin(connection)
                    for job in group:
                        _write_apart(connection, job)
                connection.execute("COMMIT")
        except Exception as error:
            # Whatever it was, nothing is on disk, and each future must say so.
            _roll_back(connection)
            unavailable = _unavailable(error, self._file)
            for job in group:
                job.failure = unavailable

    def _begin(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        self._begun(connection)

    def _refuse_other_file(self, opened: os.stat_result) -> None:
        """What is written to a file that is no longer at its path would be lost."""
        try:
            same = os.path.samestat(os.stat(self._file), opened)
        except FileNotFoundError:
            same = False
        if not same:
            raise LedgerUnavailable(
                f"{self._file}: the ledger was removed or replaced while in use; put it back, then "
                "restart callwarden"
            )
        refuse_read_only(self._file)


def _left_clean(connection: sqlite3.Connection, job: _Job[Any]) -> bool:
    """Runs one write. False when it failed after it had added rows, which the transaction now
    holds. Raises sqlite3.Error when the group cannot go on."""
    before = connection.total_changes
    _run(connection, job)
    return job.failure is None or connection.total_changes == before


def _write_apart(connection: sqlite3.Connection, job: _Job[Any]) -> None:
    """Runs one write under a savepoint: dearer, and it can be taken back alone."""
    connection.execute("SAVEPOINT one")
    _run(connection, job)
    if job.failure is not None:
        connection.execute("ROLLBACK TO one")
    connection.execute("RELEASE one")


def _run(connection: sqlite3.Connection, job: _Job[Any]) -> None:
    job.result = job.failure = None
    try:
        job.result = job.write(connection)
    except sqlite3.IntegrityError as error:
        job.failure = RowRefused(f"the ledger takes no such row ({error})")
    except sqlite3.Error:
        raise
    except Exception as error:
        # The caller's own failure (an evaluate that raises) is for its future alone.
        job.failure = error


def _roll_back(connection: sqlite3.Connection) -> None:
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        # The next BEGIN fails as well then, and its group hears of it.
        return


def _unavailable(error: Exception, file: Path) -> LedgerUnavailable:
    if isinstance(error, LedgerUnavailable):
        return error
    if isinstance(error, sqlite3.Error):
        return because_of(error, file)
    return LedgerUnavailable(f"{file}: the ledger failed ({type(error).__name__})")
