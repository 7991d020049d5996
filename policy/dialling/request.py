"""Owns the question: the call somebody wants to place."""

from dataclasses import dataclass
from typing import Literal

Party = Literal["debtor", "customer", "third-party", "unknown"]
"""Who is called: the debtor himself, the customer, somebody else about him, or nobody knows."""


@dataclass(frozen=True)
class DialRequest:
    """One call before it is dialled, as the dialplan or a dialler hands it over.

    `nonce` is the dialplan's, returned with the verdict; `number` is as dialled (with or without
    its prefix) until `policy.dialling.number.canonical` made it E.164; `region` is the country of
    numbers without a prefix; `customer` is the site's own id of the person, empty when it has
    none; `linkedid` is Asterisk's, the same over every trunk tried for one call. `debt` and
    `product` are the site's own ids of what the call is about, `campaign` and `agency` of who
    places it; `caller_id` is the number the called party will see; each empty when not given.
    """

    nonce: str
    number: str
    scene: str = "*"
    agent: str = ""
    customer: str = ""
    linkedid: str = ""
    region: str = "CN"
    debt: str = ""
    product: str = ""
    campaign: str = ""
    agency: str = ""
    party: Party = "unknown"
    caller_id: str = ""
