"""Owns what the gateway knows of a call's speech before a word is said: the dialect to expect and
what is true of the product, by the site's configuration.

Asked by `answered_call` for each call. A product or campaign that stands nowhere is not known,
never an error: the call is heard all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from callwarden.settings import Speech
from gateway.asterisk import number_regions
from gateway.asterisk.number_regions import NumberRegions
from gateway.floor import LiveCall
from policy import products
from policy.speech.circumstances import ProductFacts


@dataclass(frozen=True)
class KnownBefore:
    speech: Speech
    products: Mapping[str, ProductFacts]
    regions: NumberRegions

    @classmethod
    def read(cls, speech: Speech) -> Self:
        """Raises ProblemsFound for a file of products that cannot be used, or a region that no
        number has."""
        regions = number_regions.read(speech.region_dialects)
        return cls(speech, products.load(speech.products), regions)

    def dialect(self, call: LiveCall) -> str:
        """The campaign's, else that of the number's region, else what most customers speak."""
        if (of_campaign := self.speech.campaign_dialects.get(call.campaign)) is not None:
            return of_campaign
        return self.regions.dialect(call.number) or self.speech.dialect

    def product(self, call: LiveCall) -> ProductFacts:
        return self.products.get(call.product, ProductFacts())
