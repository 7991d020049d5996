"""Owns the options by which commands are told what a call is about, beside whom it goes to.

Used by `check` and `scrub`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce, wraps
from typing import Any, Final, get_args

import click

from policy.dialling.request import DialRequest, Party


@dataclass(frozen=True)
class AboutTheCall:
    """What is the same for each number asked about."""

    scene: str
    product: str
    campaign: str
    agency: str
    party: Party
    caller_id: str

    def request(
        self, number: str, region: str, *, customer: str = "", debt: str = "", product: str = ""
    ) -> DialRequest:
        """The call to one of them; `product` is this one's own, where it has one."""
        return DialRequest(
            nonce="",
            number=number,
            scene=self.scene,
            customer=customer,
            region=region,
            debt=debt,
            product=product or self.product,
            campaign=self.campaign,
            agency=self.agency,
            party=self.party,
            caller_id=self.caller_id,
        )


_OPTIONS: Final = (
    click.option(
        "--scene", default="*", show_default="meets every rule", help="E.g. marketing.loan."
    ),
    click.option("--product", default="", metavar="ID", help="The site's own id of the product."),
    click.option("--campaign", default="", metavar="NAME", help="Who calls: the campaign."),
    click.option("--agency", default="", metavar="NAME", help="Who calls: the agency."),
    click.option(
        "--party", type=click.Choice(get_args(Party)), default="unknown", help="Who is called."
    ),
    click.option(
        "--caller-id", default="", metavar="NUMBER", help="The number the called party will see."
    ),
)
_NAMES: Final = tuple(AboutTheCall.__annotations__)


def about_the_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options and passes them as `call`, an AboutTheCall."""

    @wraps(function)
    def command(*args: Any, **options: Any) -> Any:
        call = AboutTheCall(**{name: options.pop(name) for name in _NAMES})
        return function(*args, call=call, **options)

    return reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), command)
