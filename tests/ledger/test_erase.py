"""A person is forgotten and the ledger still proves itself; whoever must not be called still is
not; what is erased without a signed record shows."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from policy.ledger import Ledger, LedgerReader, chain, seal, signing
from policy.ledger.auditing import audit
from tests.ledger import second_verifier
from tests.ledger.box import Box
from tests.ledger.conftest import CUSTOMER, NOW, NUMBER, WAIT_S, asked, at_most
from tests.ledger.full import fill

OTHERS = "+8613900139000"
SECOND = "+8613600136000"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Box:
    made = Box(tmp_path_factory.mktemp("made"))
    fill(*made.files)
    with Ledger.open(*made.files) as ledger:
        ledger.decide(asked("later", SECOND, CUSTOMER), at_most(0), NOW).result(WAIT_S)
    return made


@pytest.fixture
def box(made: Box, tmp_path: Path) -> Box:
    copy = Box(tmp_path)
    shutil.copytree(made.state, copy.state)
    return copy


def _whole(box: Box) -> bool:
    file, key_file = box.files
    trusted = signing.trusted(key_file)
    pem = signing.public_file(key_file)
    return audit(file, trusted, processes=1).bad is None and not second_verifier.problems(file, pem)


def _holds(box: Box, hashed: bytes | None) -> set[str]:
    """Tables in which a keyed hash stands."""
    with closing(sqlite3.connect(box.files[0])) as db:
        return {
            table
            for table in chain.tables(db)
            for column in chain.shape(db, table).hashes
            if db.execute(f"SELECT 1 FROM {table} WHERE {column} = ?", [hashed]).fetchone()  # noqa: S608 - listed names
        }


def test_a_customer_is_forgotten_everywhere_and_still_not_called(box: Box) -> None:
    keys = seal.load(box.files[1])
    number, customer = keys.hashed("number", NUMBER), keys.hashed("customer", CUSTOMER)
    before = box.run("log", "erase", "--customer", CUSTOMER, "--why", "letter", "--dry-run")
    assert before.exit_code == 0, before.output
    assert "decisions: 3 rows" in before.output
    assert "utterances: 1 rows" in before.output
    assert len(_holds(box, number)) > 5
    done = box.run("log", "erase", "--customer", CUSTOMER, "--why", "letter", "--yes")
    assert done.exit_code == 0, done.output
    assert _holds(box, customer) == {"suppressions"}
    of_another = {"decisions", "people"}
    assert _holds(box, number) == {"suppressions"} | of_another
    assert _whole(box)
    assert box.run("log", "erase", "--number", NUMBER, "--why", "x", "--yes").exit_code == 0
    assert _holds(box, number) == {"suppressions"}
    assert _whole(box)
    with LedgerReader.open(*box.files) as reader:
        for nonce in ("n0", "n1"):
            decision = reader.decision_by_nonce(nonce)
            assert decision is not None
            assert (decision.request.number, decision.request.customer) == ("", "")
        assert {each.text for each in reader.utterances_of("n1", 9)} == {""}
        assert {each.finding.heard_text for each in reader.recent_findings(9)} == {""}
        standing = [each for each in reader.suppressions() if each.suppression.source == "refusal"]
        assert {(each.number, each.customer, each.note) for each in standing} == {("", "", "")}
        assert [each.number for each in reader.suppressions_of(OTHERS)] == [OTHERS]
    with Ledger.open(*box.files) as ledger:
        for each, who in ((NUMBER, ""), (SECOND, ""), ("", CUSTOMER)):
            again = ledger.decide(asked(f"again {each}", each or OTHERS, who), at_most(9), NOW)
            assert not again.result(WAIT_S).decision.allowed
    once_more = box.run("log", "erase", "--customer", CUSTOMER, "--why", "letter", "--yes")
    assert once_more.exit_code == 0, once_more.output


def test_what_was_erased_leaves_the_files(box: Box) -> None:
    keys = seal.load(box.files[1])
    with closing(sqlite3.connect(box.files[0])) as db:
        (sealed,) = db.execute("SELECT words_sealed FROM utterances").fetchone()
    customer = keys.hashed("customer", CUSTOMER)
    assert customer is not None
    assert box.run("log", "erase", "--customer", CUSTOMER, "--why", "x", "--yes").exit_code == 0
    written = b"".join(each.read_bytes() for each in box.state.glob("ledger.sqlite3*"))
    assert sealed not in written


def test_an_erasure_that_nobody_signed_is_found(box: Box) -> None:
    with closing(sqlite3.connect(box.files[0])) as db:
        made = chain.shape(db, "utterances")
        (sealed,) = db.execute("SELECT words_sealed FROM utterances").fetchone()
        db.execute("UPDATE utterances SET words_sealed = x''")
        db.execute(
            "UPDATE chain SET sealed_erased = ? WHERE of_table = 'utterances'",
            [chain.committed([sealed])],
        )
        db.commit()
        assert made.sealed == ("words_sealed",)
    file, key_file = box.files
    bad = audit(file, signing.trusted(key_file), processes=1).bad
    assert bad is not None
    assert (bad.table, "no signed erasure" in bad.what) == ("utterances", True)
    assert second_verifier.problems(file, signing.public_file(key_file))


def test_a_pack_that_wants_it_kept_is_heard_first(box: Box) -> None:
    box.config.write_text(box.config.read_text() + "rules: {packs: [cn-collection]}\n")
    with Ledger.open(*box.files) as ledger:
        now = datetime.now(UTC)
        ledger.decide(asked("now", NUMBER, CUSTOMER), at_most(0), now).result(WAIT_S)
    words = ("log", "erase", "--customer", CUSTOMER, "--why", "letter", "--yes")
    kept = box.run(*words)
    assert kept.exit_code == 1
    assert "1827 days" in kept.output
    assert box.run(*words, "--despite-terms").exit_code == 0


def test_what_is_older_than_its_term_goes(box: Box) -> None:
    """Six years and eleven: the collection's term is five years."""
    box.config.write_text(box.config.read_text() + "rules: {packs: [cn-collection]}\n")
    keys, now = seal.load(box.files[1]), datetime.now(UTC)
    old, young = "+8613500135000", "+8613500135001"
    with Ledger.open(*box.files) as ledger:
        for number, years in ((old, 6), (young, 4)):
            at = now - timedelta(days=365 * years)
            ledger.decide(asked(f"of {number}", number), at_most(9), at).result(WAIT_S)
    shown = box.run("log", "retain", "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "cn-collection: at least 1827 days" in shown.output
    assert "attempts: 1 rows" in shown.output
    assert _holds(box, keys.hashed("number", old)) == {"decisions", "attempts"}
    assert box.run("log", "retain", "--yes").exit_code == 0
    assert _holds(box, keys.hashed("number", old)) == set()
    assert _holds(box, keys.hashed("number", young)) == {"decisions", "attempts"}
    assert _whole(box)


def test_retention_asks_for_a_term(box: Box) -> None:
    asked_for = box.run("log", "retain", "--dry-run")
    assert asked_for.exit_code == 2
    assert "ledger.retain_days" in asked_for.output
