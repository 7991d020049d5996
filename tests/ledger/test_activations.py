"""Which rulebook is in force, who said so, and what it said, can be asked of the ledger."""

import hashlib
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from policy.identity import RulebookIdentity, RulebookText
from policy.ledger import Ledger, LedgerReader
from tests.ledger.conftest import NOW, WAIT_S


def rulebook(version: str) -> RulebookText:
    content = f'{{"version":"{version}"}}'
    digest = hashlib.sha256(content.encode()).hexdigest()
    return RulebookText(RulebookIdentity(version, digest), content)


def test_the_last_one_is_in_force(ledger: Ledger, ledger_file: Path, key_file: Path) -> None:
    with LedgerReader.open(ledger_file, key_file) as reader:
        assert reader.activation("active") is None
        for number, version in enumerate(("1", "2", "1")):
            now = NOW + timedelta(seconds=number)
            ledger.activate(rulebook(version), mode="active", who="Li", now=now).result(WAIT_S)
        found = reader.activation("active")
        assert found is not None
        assert (found.rulebook, found.who, found.at) == (
            rulebook("1").identity,
            "Li",
            NOW + timedelta(seconds=2),
        )
        assert [each.rulebook for each in reader.activations(9)] == [
            rulebook(version).identity for version in ("1", "2", "1")
        ]
        assert reader.rulebook(rulebook("2").identity.digest) == rulebook("2")
        assert reader.rulebook("00" * 32) is None


def test_a_shadow_begins_and_ends_beside_the_one_in_force(
    ledger: Ledger, ledger_file: Path, key_file: Path
) -> None:
    ledger.activate(rulebook("1"), mode="active", who="Li", now=NOW).result(WAIT_S)
    ledger.activate(rulebook("2"), mode="shadow", who="Wang", now=NOW).result(WAIT_S)
    with LedgerReader.open(ledger_file, key_file) as reader:
        active, shadow = reader.activation("active"), reader.activation("shadow")
        assert active is not None
        assert active.rulebook == rulebook("1").identity
        assert shadow is not None
        assert shadow.rulebook == rulebook("2").identity
        ledger.activate(None, mode="shadow", who="Wang", now=NOW).result(WAIT_S)
        ended = reader.activation("shadow")
        assert ended is not None
        assert ended.rulebook is None


def test_what_cannot_be_in_force_is_refused(ledger: Ledger) -> None:
    false_text = RulebookText(rulebook("1").identity, "{}")
    for text, who in ((false_text, "Li"), (None, "Li"), (rulebook("1"), " ")):
        with pytest.raises(ValueError, match=r"text is not|not by none|names who"):
            ledger.activate(text, mode="active", who=who, now=NOW).result(WAIT_S)


def test_a_changed_text_is_not_taken(ledger: Ledger, ledger_file: Path, key_file: Path) -> None:
    ledger.activate(rulebook("1"), mode="active", who="Li", now=NOW).result(WAIT_S)
    with closing(sqlite3.connect(ledger_file)) as db:
        db.execute("DROP TRIGGER rulebooks_never_update")
        db.execute("UPDATE rulebooks SET content = x'00'")
        db.commit()
    with (
        LedgerReader.open(ledger_file, key_file) as reader,
        pytest.raises(ValueError, match="was changed"),
    ):
        reader.rulebook(rulebook("1").identity.digest)
