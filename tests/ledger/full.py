"""A ledger with rows in every table, for tests of what holds for all of them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from policy.dialling.facts import Waiver
from policy.ledger import ImportedList, Ledger, chain, keeping, rows
from tests.ledger.conftest import NOW, NUMBER, WAIT_S, asked, at_most
from tests.ledger.one_call import record_one_call


def fill(ledger_file: Path, key_file: Path) -> None:
    """Makes the ledger."""
    with Ledger.open(ledger_file, key_file) as ledger:
        record_one_call(ledger)
        entry = ledger.suppress("+8613900139000", source="manual", now=NOW).result(WAIT_S)
        consent = Waiver("", ("house.hours",), "form 12", NOW)
        ledger.decide(asked("denied", customer="somebody"), at_most(0), NOW).result(WAIT_S)
        waiver = ledger.consent(consent, number=NUMBER, who="Li").result(WAIT_S)
        for future in (
            ledger.release(entry, who="Li", why="another person's number", now=NOW),
            ledger.revoke(waiver, who="Li", why="he called", now=NOW),
            ledger.add_list(
                ImportedList("registry", NOW, NOW, "Li", "registry", "list.csv", 1, 1, 0, True)
            ),
        ):
            future.result(WAIT_S)
        assert ledger.checkpoint(NOW).result(WAIT_S)
    keeping.rotate(ledger_file, key_file, "Li", NOW)
    with closing(sqlite3.connect(ledger_file)) as db:
        chain.install(db)
        erasure = {"erasure_id": "e", "what": "person", "who": "Li", "rows": "{}", "key_id": "k"}
        rows.insert(db, "erasures", **erasure, at=0, why_sealed=b"", signature=bytes(64))
        db.commit()
