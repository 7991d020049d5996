"""Owns what is known of a call before a word is said, as far as speech rules ask for it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class ProductFacts:
    """What is true of the product a call is about; None or empty: not known.

    `annual_rate_percent` is the true annual rate (7.2 for 7.2 %), `risk_level` the level as it is
    told (`R3`), `fees_percent` all fees in percent of the amount.
    """

    annual_rate_percent: float | None = None
    risk_level: str = ""
    fees_percent: float | None = None


@dataclass(frozen=True)
class CallCircumstances:
    """`scene` as the dialler gives it ("" meets every rule); `on` is the call's local day, None
    when rules of any day shall speak; `dialect` is an ISO 639-3 code or `cmn-sichuan` and the like,
    empty for what the pack takes as its first; `resumed`: the call's beginning was not heard."""

    scene: str
    on: date | None = None
    dialect: str = ""
    product: ProductFacts = ProductFacts()
    resumed: bool = False
