"""What a call waits for does not stand in line behind rows that tell of other calls."""

import sqlite3
import threading
from pathlib import Path

from policy.ledger.writer import GroupWriter


def test_a_decision_goes_before_the_rows_that_wait_and_both_keep_their_order(
    tmp_path: Path,
) -> None:
    written: list[str] = []
    held, go = threading.Event(), threading.Event()

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "ledger", isolation_level=None)

    def hold(_: sqlite3.Connection) -> None:
        held.set()
        assert go.wait(5)

    writer = GroupWriter(tmp_path / "ledger", connect)
    writer.start()
    holding = writer.submit(hold)
    assert held.wait(5)
    beside = [
        writer.submit_beside(lambda _, n=n: written.append(f"row {n}"))  # type: ignore[misc]  # bound now
        for n in range(50)
    ]
    first = [
        writer.submit(lambda _, n=n: written.append(f"decision {n}"))  # type: ignore[misc]  # bound now
        for n in range(3)
    ]
    go.set()
    writer.close()
    assert written[:3] == [f"decision {n}" for n in range(3)]
    assert written[3:] == [f"row {n}" for n in range(50)]
    assert all(each.done() for each in (holding, *first, *beside))
