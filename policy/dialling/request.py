"""Owns the question: the call somebody wants to place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DialRequest:
    """One call before it is dialled, as the dialplan hands it over.

    `nonce` is the dialplan's, returned with the verdict; `number` is as dialled (with or without
    its prefix) until `policy.dialling.number.canonical` made it E.164; `region` is the country of
    numbers without a prefix; `customer` is the site's own id of the person, empty when it has
    none; `linkedid` is Asterisk's, the same over every trunk tried for one call.
    """

    nonce: str
    number: str
    scene: str = "*"
    agent: str = ""
    customer: str = ""
    linkedid: str = ""
    region: str = "CN"
