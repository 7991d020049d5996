"""`log verify` finds whatever was done to a ledger behind Callwarden's back, and says where; a
verifier written from the documentation alone says the same."""

import json
import math
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from policy.ledger import Ledger, LedgerUnavailable, auditing, chain, checkpoints, signing
from policy.ledger.auditing import Audit
from tests.ledger import second_verifier
from tests.ledger.box import Box
from tests.ledger.conftest import NOW, NUMBER, WAIT_S
from tests.ledger.full import fill


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Box:
    """A ledger with rows in every table and two checkpoints, the last of which is also kept
    elsewhere."""
    box = Box(tmp_path_factory.mktemp("made"))
    fill(*box.files)
    with Ledger.open(*box.files) as ledger:
        stated = ledger.checkpoint(NOW).result(WAIT_S)
        assert stated is not None
        ledger.suppress(NUMBER, source="manual", now=NOW).result(WAIT_S)
    (box.state / "kept.jsonl").write_text(stated.as_json() + "\n")
    return box


@pytest.fixture
def box(made: Box, tmp_path: Path) -> Box:
    copy = Box(tmp_path)
    shutil.copytree(made.state, copy.state)
    return copy


def _audit(box: Box, processes: int = 1) -> Audit:
    file, key_file = box.files
    kept = checkpoints.read(box.state / "kept.jsonl")
    return auditing.audit(file, signing.trusted(key_file), kept, processes=processes)


def _second(box: Box) -> list[str]:
    pem = signing.public_file(box.files[1])
    return second_verifier.problems(box.files[0], pem, box.state / "kept.jsonl")


def _open(box: Box) -> sqlite3.Connection:
    """As somebody who may write the file and takes the triggers away."""
    db = sqlite3.connect(box.files[0], isolation_level=None)
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    db.execute("PRAGMA ignore_check_constraints = ON")
    return db


def test_what_was_not_touched_is_whole(box: Box) -> None:
    audited = _audit(box, processes=2)
    assert audited.bad is None
    assert audited.links == _links(box)
    assert _second(box) == []


def test_verify_says_so_with_its_exit_code(box: Box) -> None:
    kept = str(box.state / "kept.jsonl")
    whole = box.run("log", "verify", "--checkpoints", kept)
    assert whole.exit_code == 0, whole.output
    assert "as it was written" in whole.output
    with closing(_open(box)) as db:
        db.execute("UPDATE decisions SET verdict = 'ALLOW' WHERE verdict = 'DENY'")
    bad = box.run("log", "verify", "--json")
    assert bad.exit_code == 1
    told = json.loads(bad.stdout)["bad"]
    assert (told["table"], told["row"]) == ("decisions", 1)


def _cells(db: sqlite3.Connection) -> Iterator[tuple[str, str, Any]]:
    for table in [*chain.tables(db), "chain"]:
        for _, column, *_ in db.execute(f"PRAGMA table_info({table})").fetchall():
            query = f"SELECT {column} FROM {table} WHERE seq > 0 ORDER BY seq LIMIT 1"  # noqa: S608 - a listed name
            yield table, column, db.execute(query).fetchone()[0]


def _changed(db: sqlite3.Connection, update: str, value: Any, row: int) -> Any:
    """Another value than this one, which stands there now."""
    for other in (_other(value), 7, b"\x00"):
        try:
            db.execute(update, [other, row])
        except sqlite3.IntegrityError:  # a column of another type: NULL stood there
            continue
        return other
    raise AssertionError(update)


def _other(value: Any) -> Any:
    if isinstance(value, float):
        return math.nextafter(value, 9e9)
    if isinstance(value, int):
        return value + 1_000_003
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:] if value else b"\x00"
    return "x" if value is None else value + "x"


def test_a_change_of_any_column_of_any_table_is_found(box: Box) -> None:
    """Each column of the first row of each table in its turn, put back afterwards."""
    with closing(_open(box)) as db:
        cells = list(_cells(db))
        assert len({table for table, *_ in cells}) > 20
        for table, column, value in cells:
            (row,) = db.execute(f"SELECT min(seq) FROM {table} WHERE seq > 0").fetchone()  # noqa: S608 - a listed name
            update = f"UPDATE {table} SET {column} = ? WHERE seq = ?"  # noqa: S608 - a listed name
            other = _changed(db, update, value, row)
            found, second = _audit(box).bad, _second(box)
            assert found is not None, f"{table}.{column} was changed and nobody noticed"
            assert second, f"{table}.{column} was changed, and the second verifier did not notice"
            if table != "chain":
                named = (found.table, found.row) == (table, row)
                assert named or column == "seq" or table == "meta", f"{table}.{column}: {found}"
            moved = other if column == "seq" else row
            db.execute(update, [value, moved])
        assert _audit(box).bad is None


def test_a_row_taken_away_added_or_moved_is_found(box: Box) -> None:
    with closing(_open(box)) as db:
        for table in chain.tables(db):
            db.execute("BEGIN")
            db.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM {table} ORDER BY seq LIMIT 1")  # noqa: S608 - a listed name
            db.execute(f"DELETE FROM {table} WHERE seq = (SELECT seq FROM kept)")  # noqa: S608 - a listed name
            (row,) = db.execute("SELECT seq FROM kept").fetchone()
            db.execute("COMMIT")
            removed, second = _audit(box).bad, _second(box)
            assert removed is not None
            assert (removed.table, removed.row) == (table, row) or table == "meta"
            assert second
            db.execute(f"INSERT INTO {table} SELECT * FROM kept")  # noqa: S608 - a listed name
            db.execute("DROP TABLE kept")
        assert _audit(box).bad is None
        db.execute("INSERT INTO answers (call_id, answered_at) VALUES ('forged', 1)")
        inserted = _audit(box).bad
        assert inserted is not None
        assert inserted.table == "answers"
        assert "inserted" in inserted.what
        assert "inserted" in _second(box)[0]


def test_two_rows_or_two_links_exchanged_are_found(box: Box) -> None:
    with closing(_open(box)) as db:
        columns = "at, verdict, nonce, number_hash, number_sealed"
        query = f"SELECT {columns} FROM decisions ORDER BY seq LIMIT 2"  # noqa: S608 - names of our own
        first, second = db.execute(query).fetchall()
        exchange = f"UPDATE decisions SET ({columns}) = (?, ?, ?, ?, ?) WHERE seq = ?"  # noqa: S608 - names of our own
        db.execute(exchange, [*second, 1])
        db.execute(exchange, [*first, 2])
        found = _audit(box).bad
        assert found is not None
        assert (found.table, found.row) == ("decisions", 1)
        db.execute(exchange, [*first, 1])
        db.execute(exchange, [*second, 2])
        assert _audit(box).bad is None
        for of, to in ((5, -1), (6, 5), (-1, 6)):
            db.execute("UPDATE chain SET seq = ? WHERE seq = ?", [to, of])
    assert _audit(box).bad is not None
    assert _second(box)


def test_an_end_that_was_cut_off_shows_against_a_checkpoint_kept_elsewhere(box: Box) -> None:
    """Rows and their links, and the checkpoints among them, back to the middle."""
    with closing(_open(box)) as db:
        middle = _links(box) // 2
        for table in chain.tables(db):
            gone = "SELECT of_row FROM chain WHERE of_table = ? AND seq > ?"
            db.execute(f"DELETE FROM {table} WHERE seq IN ({gone})", [table, middle])  # noqa: S608 - a listed name
        db.execute("DELETE FROM chain WHERE seq > ?", [middle])
    file, key_file = box.files
    assert auditing.audit(file, signing.trusted(key_file), processes=1).bad is None
    found = _audit(box).bad
    assert found is not None
    assert f"cut off after link {middle}" in found.what
    assert _second(box)


def test_another_ledger_in_its_place_is_found(box: Box, tmp_path: Path) -> None:
    """Whole in itself, and made under the same keys."""
    file, key_file = box.files
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    shutil.copy(key_file, tmp_path / "ledger.key")
    with Ledger.open(file, key_file) as other:
        other.suppress(NUMBER, source="manual", now=NOW).result(WAIT_S)
        other.checkpoint(NOW).result(WAIT_S)
    assert auditing.audit(file, signing.trusted(key_file), processes=1).bad is None
    found = _audit(box).bad
    assert found is not None
    assert "swapped" in found.what
    assert _second(box)


def test_one_written_anew_with_other_keys_is_found(box: Box) -> None:
    """Somebody who has not the signing key cannot make a ledger that passes."""
    file, key_file = box.files
    with closing(_open(box)) as db:
        db.execute("UPDATE checkpoints SET signature = zeroblob(64)")
        chain.install(db)
        db.execute("DELETE FROM chain WHERE seq > 0")
        head = db.execute(chain.HEAD).fetchone()[0]
        for table in chain.tables(db):
            made = chain.shape(db, table)
            for row in db.execute(f"SELECT {made.read} FROM {table} ORDER BY seq").fetchall():  # noqa: S608 - a listed name
                salt = bytes(16) if made.hashes else None
                head = chain.link_of(made, row, head, salt)
                add = "INSERT INTO chain (of_table, of_row, salt, hash) VALUES (?, ?, ?, ?)"
                db.execute(add, [table, row[0], salt, head])
    assert auditing.audit(file, signing.trusted(key_file), processes=1).bad is not None
    with pytest.raises(LedgerUnavailable, match="not as it was written"):
        Ledger.open(file, key_file)


def test_a_gate_does_not_open_a_ledger_whose_end_was_changed(box: Box) -> None:
    with closing(_open(box)) as db:
        newest = "(SELECT max(seq) FROM suppressions)"
        db.execute(f"UPDATE suppressions SET until = 1 WHERE seq = {newest}")  # noqa: S608 - names of our own
    with pytest.raises(LedgerUnavailable, match="log restore"):
        Ledger.open(*box.files)


def test_a_key_is_named_as_documented(box: Box) -> None:
    pem = signing.public_file(box.files[1])
    assert second_verifier.key_id(pem) == signing.key_id(signing.read_public(pem))


def _links(box: Box) -> int:
    with closing(sqlite3.connect(box.files[0])) as db:
        found: int = db.execute("SELECT max(seq) FROM chain").fetchone()[0]
    return found
