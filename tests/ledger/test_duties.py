"""What had to be told on a call is read as it was written, and stays told."""

from datetime import timedelta
from pathlib import Path

from policy.identity import Title
from policy.ledger import Ledger, LedgerReader
from policy.speech.duty import Duty
from tests.ledger.conftest import NOW, WAIT_S

FEES = Duty("disclosure.fees", Title("收费", "Fees"), None, Title("成交", "Sale closed"))
RATE = Duty("disclosure.apr", Title("利率", "Rate"), None, None)
TOLD = Duty("disclosure.fees", FEES.title, 12.5, FEES.before)
MISSED = Duty("disclosure.fees", FEES.title, None, FEES.before, missed=True)


def test_duties_are_read_each_time_one_changed(tmp_path: Path) -> None:
    file, key = tmp_path / "ledger.sqlite3", tmp_path / "key"
    later = [NOW + timedelta(seconds=each) for each in range(4)]
    with Ledger.open(file, key) as ledger:
        for duty, at in (
            (FEES, later[0]),
            (RATE, later[1]),
            (TOLD, later[2]),
            (MISSED, later[3]),
            (RATE, later[3]),
        ):
            ledger.add_duty("n1", duty, at).result(WAIT_S)
    with LedgerReader.open(file, key) as reader:
        assert reader.duties_of("n1") == [
            (later[0], (FEES,)),
            (later[1], (FEES, RATE)),
            (later[2], (TOLD, RATE)),
            (later[3], (TOLD, RATE)),
        ]
        assert reader.duties_of("n2") == []
