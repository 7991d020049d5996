"""`callwarden bench ledger` measures what it says on a ledger that is whole."""

import json
from pathlib import Path

from tests.ledger.box import Box


def test_it_measures_both_pairs(tmp_path: Path) -> None:
    words = ("bench", "ledger", "--rows", "500", "--findings", "40", "--rounds", "1", "--json")
    ended = Box(tmp_path).run(*words)
    assert ended.exit_code in {0, 1}, ended.output
    barred = {
        each["name"]: (each["bar"], each["better"])
        for each in json.loads(ended.stdout)["figures"]
        if each["bar"] is not None
    }
    assert barred == {
        "against reading the rows and one SHA-256": (6.0, "lower"),
        "against bare sqlite3, same group commit": (0.5, "higher"),
    }
