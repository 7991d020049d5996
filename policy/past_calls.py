"""Owns putting a past call together as it was heard: from the ledger, with what the site knows of
its product.

Called by `callwarden explain` and by the preview of a rulebook.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from policy.ledger import LedgerReader, RecordedCall
from policy.speech.circumstances import CallCircumstances, ProductFacts
from policy.speech.heard_call import HeardCall

_MOST_UTTERANCES = 100_000


class PastCalls:
    """Raises LedgerUnavailable as the reader does. `products` and `dialect` are the site's of
    today: what they were at the call is not recorded."""

    def __init__(
        self, reader: LedgerReader, products: Mapping[str, ProductFacts], dialect: str
    ) -> None:
        self._reader, self._products, self._dialect = reader, products, dialect

    def of(self, call_id: str) -> HeardCall | None:
        """The call of that id; None where there is none."""
        call = self._reader.call(call_id)
        return self._heard(call) if call else None

    def since(self, since: datetime) -> Iterator[HeardCall]:
        """Every call that began from then on."""
        return map(self._heard, self._reader.calls_from(since))

    def _heard(self, call: RecordedCall) -> HeardCall:
        utterances = self._reader.utterances_of(call.call_id, _MOST_UTTERANCES)[::-1]
        ends_s = max((each.end_s for each in utterances), default=0.0)
        return HeardCall(
            call.call_id,
            CallCircumstances(
                scene=call.scene,
                on=call.started_at.astimezone().date(),
                dialect=self._dialect,
                product=self._products.get(call.product, ProductFacts()),
            ),
            max(ends_s, call.seconds or 0.0),
            utterances,
            self._reader.second_looks_of(call.call_id),
        )
