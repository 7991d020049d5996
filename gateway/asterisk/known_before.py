"""Owns what the gateway knows of a call's speech before a word is said: the dialect to expect and
what is true of the product, by the site's configuration.

Asked by `answered_call` for each call. A product or campaign that stands nowhere is not known,
never an error: the call is heard all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from callwarden.settings import Speech
from gateway.floor import LiveCall
from policy import products
from policy.speech.circumstances import ProductFacts


@dataclass(frozen=True)
class KnownBefore:
    speech: Speech
    products: Mapping[str, ProductFacts]

    @classmethod
    def read(cls, speech: Speech) -> Self:
        """Raises ProblemsFound for a file of products that cannot be used."""
        return cls(speech, products.load(speech.products))

    def dialect(self, call: LiveCall) -> str:
        return self.speech.campaign_dialects.get(call.campaign, self.speech.dialect)

    def product(self, call: LiveCall) -> ProductFacts:
        return self.products.get(call.product, ProductFacts())
