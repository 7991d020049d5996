"""Owns what may be asked of the gate, whichever way in: the names of a question, and what each of
them may hold.

Called by the readers of FastAGI, HTTP and gRPC. Each name has an alphabet and a length of its own,
so that no quote, newline or control character gets further.
"""

import re
from collections.abc import Mapping
from typing import Final, cast, get_args

from callwarden.problems import did_you_mean
from gateway.gate.answer import NONCE, BadRequest
from policy.dialling.request import DialRequest, Party

POSITIONAL: Final = ("nonce", "number", "scene", "agent", "customer", "linkedid")
"""What FastAGI passes by place; everywhere else these have names as the others do."""

_WORD: Final = r"[\w.@/+:#* -]"
_ID: Final = re.compile(rf"{_WORD}{{0,128}}")
_NAME: Final = re.compile(rf"{_WORD}{{0,64}}")
ALPHABETS: Final[Mapping[str, re.Pattern[str]]] = {
    "nonce": NONCE,
    "number": re.compile(r"\+?[0-9*#][0-9*#().\- ]{0,39}"),
    "scene": re.compile(r"[A-Za-z0-9._*-]{0,64}"),
    "agent": _NAME,
    "customer": _ID,
    "linkedid": re.compile(r"[A-Za-z0-9._-]{0,128}"),
    "debt": _ID,
    "product": _NAME,
    "campaign": _NAME,
    "agency": _NAME,
    "party": re.compile("|".join(["", *map(re.escape, get_args(Party))])),
    "caller_id": _NAME,
}
_NEEDED: Final = ("nonce", "number")


def require_known(name: str, nonce: str) -> None:
    """Raises BadRequest for a name that no question has."""
    if name not in ALPHABETS:
        shown = name if name.isidentifier() and len(name) < 20 else "an argument"
        raise BadRequest(f"{shown}: no such argument{did_you_mean(name, ALPHABETS)}", nonce)


def nonce_of(values: Mapping[str, str]) -> str:
    """The nonce to refuse under; empty where it is not one."""
    found = values.get("nonce", "")
    return found if NONCE.fullmatch(found) else ""


def request(values: Mapping[str, str], region: str) -> DialRequest:
    """The call that is asked for; names that are missing are empty. `region` is the country of
    numbers without a prefix.

    Raises BadRequest, which names the argument at fault and never its value.
    """
    nonce = nonce_of(values)
    for name in _NEEDED:
        if not values.get(name):
            raise BadRequest(f"{name}: missing or empty", nonce)
    for name, value in values.items():
        require_known(name, nonce)
        if not ALPHABETS[name].fullmatch(value):
            raise BadRequest(f"{name}: too long, or with characters it may not have", nonce)
    if not any(character.isdigit() for character in values["number"]):
        raise BadRequest("number: not a number", nonce)
    held = values.get
    return DialRequest(
        nonce=nonce,
        number=values["number"],
        scene=held("scene") or "*",
        agent=held("agent", ""),
        customer=held("customer", ""),
        linkedid=held("linkedid", ""),
        region=region,
        debt=held("debt", ""),
        product=held("product", ""),
        campaign=held("campaign", ""),
        agency=held("agency", ""),
        party=cast(Party, held("party") or "unknown"),
        caller_id=held("caller_id", ""),
    )
