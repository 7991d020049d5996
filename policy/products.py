"""Owns the site's file of products: what is true of each, so that what is told on a call can be
compared with it.

Read by the gateway at its start and by `scan`. The file's form:

    products:
      credit-loan-12:
        annual_rate_percent: 7.2
        risk_level: R3
        fees_percent: 1.5

A product that stands there has only facts that can be true; one that does not is not known, which
is no mistake of the call's.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from callwarden import located_yaml
from callwarden.problems import Problem, ProblemsFound
from policy.speech.circumstances import ProductFacts

Percent = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
_Id = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class ProductText(BaseModel):
    """One product's facts as a person writes them; what is left out is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    annual_rate_percent: Percent | None = Field(None, description="7.2 for 7.2 %")
    risk_level: str = Field("", max_length=20, description="as it is told: R3")
    fees_percent: Percent | None = Field(None, description="all fees, of the amount")

    def facts(self) -> ProductFacts:
        return ProductFacts(self.annual_rate_percent, self.risk_level, self.fees_percent)


class _Products(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    products: dict[_Id, ProductText]


def load(file: Path | None) -> Mapping[str, ProductFacts]:
    """By product id; none where no file is named. Raises ProblemsFound: unreadable, not YAML,
    unknown keys, values that cannot be true, all at once."""
    if file is None:
        return {}
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        problem = Problem(str(file), 1, 1, "speech.products", f"cannot be read: {why}")
        raise ProblemsFound([problem]) from None
    written = located_yaml.validate(located_yaml.read(text, str(file)), _Products)
    return {product: each.facts() for product, each in written.products.items()}
