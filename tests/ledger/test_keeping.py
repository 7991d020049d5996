"""A copy made while calls come is whole and can be put back; a rotated key reads old and new; a
copy or key that is not the right one is refused."""

import threading
from pathlib import Path

import pytest

from policy.ledger import Ledger, LedgerReader, LedgerUnavailable, keeping, seal, signing
from policy.ledger.auditing import audit
from tests.ledger.box import Box
from tests.ledger.conftest import CUSTOMER, NOW, NUMBER, WAIT_S, asked, at_most


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path)
    with Ledger.open(*made.files) as ledger:
        ledger.decide(asked("old", NUMBER, CUSTOMER), at_most(99), NOW).result(WAIT_S)
    return made


def test_a_backup_while_calls_come_is_whole_and_comes_back(box: Box, tmp_path: Path) -> None:
    copy, ends = tmp_path / "copy.sqlite3", threading.Event()

    def call() -> None:
        with Ledger.open(*box.files) as ledger:
            for each in range(10_000):
                ledger.decide(asked(f"n{each}"), at_most(10**6), NOW).result(WAIT_S)
                if ends.is_set():
                    break

    calling = threading.Thread(target=call)
    calling.start()
    made = box.run("log", "backup", str(copy))
    ends.set()
    calling.join()
    assert made.exit_code == 0, made.output
    assert str(box.files[1].parent) in made.output, "the key is not in the backup: say so"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert box.run("log", "verify", "--ledger", str(copy)).exit_code == 0
    links = audit(copy, signing.trusted(box.files[1]), processes=1).links
    back = box.run("log", "restore", str(copy), "--yes")
    assert back.exit_code == 0, back.output
    assert len(list(box.state.glob("ledger.sqlite3.before-*"))) >= 1
    assert audit(box.files[0], signing.trusted(box.files[1]), processes=1).links == links
    with Ledger.open(*box.files) as ledger:
        ledger.decide(asked("after"), at_most(10**6), NOW).result(WAIT_S)
    with LedgerReader.open(*box.files) as reader:
        assert reader.decision_by_nonce("old") is not None
    assert audit(box.files[0], signing.trusted(box.files[1]), processes=1).bad is None


def test_a_backup_that_is_not_what_it_says_is_refused(box: Box, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    assert box.run("log", "backup", str(copy)).exit_code == 0
    before = box.files[0].read_bytes()
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused = box.run("log", "restore", str(copy), "--yes")
    assert (refused.exit_code, "manifest" in refused.output) == (2, True)
    copy.write_bytes(whole)
    manifest = keeping.manifest_of(copy)
    manifest.write_text(manifest.read_text().replace('"links": ', '"links": 1'))
    refused = box.run("log", "restore", str(copy), "--yes")
    assert (refused.exit_code, "signed" in refused.output) == (2, True)
    assert box.files[0].read_bytes() == before


def test_after_a_rotation_old_and_new_are_read_and_found(box: Box) -> None:
    key = box.files[1].read_bytes()
    with Ledger.open(*box.files) as ledger, LedgerReader.open(*box.files) as reader:
        rotated = box.run("log", "rotate-key", "--who", "Li")
        assert rotated.exit_code == 0, rotated.output
        new = seal.load(box.files[1]).sealed("number", NUMBER)
        assert seal.Seal([key]).key_ids == seal.load(box.files[1]).key_ids[:1]
        with pytest.raises(LedgerUnavailable, match="altered"):
            seal.Seal([key]).opened("number", new)
        ledger.suppress(NUMBER, source="manual", now=NOW, customer=CUSTOMER).result(WAIT_S)
        decision = reader.decision_by_nonce("old")
        assert decision is not None
        assert (decision.request.number, decision.request.customer) == (NUMBER, CUSTOMER)
        assert [each.number for each in reader.suppressions_of(NUMBER)] == [NUMBER]
        assert len(reader.facts(NUMBER, "", NOW).attempts) == 1
    assert audit(box.files[0], signing.trusted(box.files[1]), processes=1).bad is None
    box.files[1].write_bytes(key)
    with pytest.raises(LedgerUnavailable, match="before the ledger's keys were rotated"):
        Ledger.open(*box.files)


def test_a_running_gateway_takes_up_the_new_key(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_LOOK_EVERY_S", 0.0)
    with Ledger.open(*box.files) as ledger:
        keeping.rotate(*box.files, "Li", NOW)
        ledger.decide(asked("new"), at_most(99), NOW).result(WAIT_S)
    newest = seal.Seal([box.files[1].read_bytes()[:32], box.files[1].read_bytes()[32:]])
    with LedgerReader.open(*box.files) as reader:
        decision = reader.decision_by_nonce("new")
        assert decision is not None
    assert newest.key_ids == seal.load(box.files[1]).key_ids
