"""Who has the database and not the key learns no number, no customer, no word."""

from pathlib import Path

import pytest

from policy.ledger import Ledger, LedgerReader, LedgerUnavailable, seal
from tests.ledger.conftest import CUSTOMER, LIMIT, NOW, NUMBER
from tests.ledger.one_call import BEFORE, HEARD, NOTE, record_one_call


def test_no_personal_data_in_the_files(ledger_file: Path, key_file: Path) -> None:
    with Ledger.open(ledger_file, key_file) as ledger:
        record_one_call(ledger)
        while_open = _bytes(ledger_file.parent)
    closed = _bytes(ledger_file.parent)
    for written in (while_open, closed):
        assert len(written) > 50_000
        for personal in (NUMBER, NUMBER[3:], NUMBER[-8:], CUSTOMER, HEARD, BEFORE, NOTE, "bao3"):
            assert personal.encode() not in written, "personal data lies open in the database"


def test_with_the_key_it_is_all_there(ledger_file: Path, key_file: Path) -> None:
    with Ledger.open(ledger_file, key_file) as ledger:
        record_one_call(ledger)
    with LedgerReader.open(ledger_file, key_file) as reader:
        decision = reader.decision_by_nonce("n1")
        (finding,) = reader.recent_findings(9)
        (suppression,) = reader.suppressions()
    assert decision is not None
    assert (decision.request.number, decision.request.customer) == (NUMBER, CUSTOMER)
    assert (finding.finding.heard_text, finding.finding.before) == (HEARD, BEFORE)
    assert (suppression.number, suppression.customer, suppression.note) == (NUMBER, CUSTOMER, NOTE)


def test_records_keep_personal_data_out_of_a_log_line(ledger_file: Path, key_file: Path) -> None:
    with Ledger.open(ledger_file, key_file) as ledger:
        record_one_call(ledger)
    with LedgerReader.open(ledger_file, key_file) as reader:
        shown = repr(
            [
                reader.decision_by_nonce("n0"),
                reader.recent_findings(9),
                reader.recent_suppressions(9),
            ]
        )
    assert LIMIT.rule in shown
    for personal in (NUMBER[3:], CUSTOMER, HEARD, NOTE):
        assert personal not in shown


def test_the_same_text_is_found_again_but_never_looks_the_same(key_file: Path) -> None:
    seal.make_key(key_file)
    keys = seal.load(key_file)
    assert keys.hashed("number", NUMBER) == seal.load(key_file).hashed("number", NUMBER)
    assert keys.hashed("number", NUMBER) != keys.hashed("customer", NUMBER)
    assert keys.sealed("number", NUMBER) != keys.sealed("number", NUMBER)
    assert keys.hashed("number", "") is keys.sealed("number", "") is None


def test_a_sealed_text_that_was_altered_is_not_believed(key_file: Path) -> None:
    seal.make_key(key_file)
    keys = seal.load(key_file)
    sealed = keys.sealed("number", NUMBER)
    assert sealed is not None
    with pytest.raises(LedgerUnavailable, match="altered"):
        keys.opened("number", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(LedgerUnavailable, match="altered"):
        keys.opened("customer", sealed)


def test_the_key_is_its_owners_alone(ledger_file: Path, key_file: Path) -> None:
    Ledger.open(ledger_file, key_file).close()
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert ledger_file.stat().st_mode & 0o777 == 0o600
    names = sorted(each.name for each in key_file.parent.iterdir())
    assert names == [key_file.name, "signing.key", "signing.pub"]
    assert key_file.with_name("signing.key").stat().st_mode & 0o777 == 0o600


def _bytes(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in sorted(folder.iterdir()))


def test_time_is_kept_to_the_microsecond(ledger_file: Path, key_file: Path) -> None:
    with Ledger.open(ledger_file, key_file) as ledger:
        record_one_call(ledger)
        with pytest.raises(ValueError, match="zone"):
            ledger.answer_call("n1", NOW.replace(tzinfo=None))
    with LedgerReader.open(ledger_file, key_file) as reader:
        decision = reader.decision_by_nonce("n1")
    assert decision is not None
    assert decision.at == NOW
