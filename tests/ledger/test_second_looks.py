"""What a replay needs besides words: voices, and what was heard in seconds of doubt."""

from pathlib import Path

from policy.ledger import Ledger, LedgerReader
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.utterance import Leg, Token, Utterance, Voice
from tests.ledger.conftest import WAIT_S


def test_doubts_and_answers_are_read_as_they_were_written(tmp_path: Path) -> None:
    file, key = tmp_path / "ledger.sqlite3", tmp_path / "key"
    doubts = [
        Doubt("d-1", Leg.CUSTOMER, 3.0, 4.5, ("方便", "不方便")),
        Doubt("d-2", Leg.AGENT, 9.0, 10.0, ("保本",)),
    ]
    looks = [SecondLook("d-1", "不方便", 0.9), SecondLook("d-2", looked=False)]
    said = Utterance(
        "customer-0", Leg.CUSTOMER, 3.0, 4.5, (Token("fang1", 3.0),), final=True, settled=1,
        text="fāng", voice=Voice(-23.5, "angry"), second_pass=True,
    )  # fmt: skip
    with Ledger.open(file, key) as ledger:
        ledger.add_utterance("n1", said).result(WAIT_S)
        for doubt, look in zip(doubts, looks, strict=True):
            ledger.add_second_look("n1", doubt, look).result(WAIT_S)
    assert "不方便".encode() not in file.read_bytes().replace('["方便", "不方便"]'.encode(), b"")
    with LedgerReader.open(file, key) as reader:
        assert reader.second_looks_of("n1") == list(zip(doubts, looks, strict=True))
        assert reader.second_looks_of("n2") == []
        assert reader.utterances_of("n1", 10) == [said]
