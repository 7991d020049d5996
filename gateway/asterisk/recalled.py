"""Owns what an earlier gateway knew of a call that is up: its decision and its answer, as they
stand in the ledger.

Asked by `pbx` in a thread, since it reads the disk. A ledger that cannot be read knows of no call.
"""

from datetime import datetime

import structlog

from callwarden.settings import Settings
from gateway.floor import LiveCall
from policy.dialling.number import masked
from policy.ledger import LedgerUnavailable
from policy.ledger.reader import LedgerReader

_log = structlog.get_logger(__name__)


class Recalled:
    """Opens the ledger for each question: it is asked after a restart, no more often."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def allowed(self, nonce: str) -> LiveCall | None:
        """The call of a decision that an earlier gateway made."""
        try:
            with self._reader() as reader:
                found = reader.decision_by_nonce(nonce)
        except LedgerUnavailable as error:
            _log.error("a call that is up is not known", call=nonce, why=str(error))
            return None
        if found is None or not found.decision.allowed:
            return None
        asked = found.request
        return LiveCall(
            call_id=nonce,
            number=asked.number,
            number_masked=masked(asked.number),
            agent=asked.agent,
            scene=asked.scene,
            customer=asked.customer,
            linkedid=asked.linkedid,
            decision_id=found.decision_id,
            started_at=found.at,
        )

    def answered_at(self, nonce: str) -> datetime | None:
        try:
            with self._reader() as reader:
                return reader.answered_at(nonce)
        except LedgerUnavailable:
            return None

    def _reader(self) -> LedgerReader:
        return LedgerReader.open(self._settings.ledger_file, self._settings.ledger_key_file)
