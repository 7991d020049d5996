"""Owns reading the question out of a FastAGI session's first lines.

Bytes come in, a DialRequest or BadRequest comes out; nothing here opens a socket. Each argument has
an alphabet and a length of its own, so that no quote, newline or control character gets further.
"""

import re
from collections.abc import Sequence
from typing import Final

from gateway.gate.answer import NONCE, BadRequest
from policy.dialling.request import DialRequest

SCRIPT: Final = b"gate"
_LINE: Final = re.compile(rb"(agi_[a-z0-9_]{1,40}): (.*)", re.DOTALL)
_WORD: Final = r"[\w.@/+:#* -]"
_ARGUMENTS: Final = {
    "nonce": NONCE,
    "number": re.compile(r"\+?[0-9*#][0-9*#().\- ]{0,39}"),
    "scene": re.compile(r"[A-Za-z0-9._*-]{0,64}"),
    "agent": re.compile(rf"{_WORD}{{0,64}}"),
    "customer": re.compile(rf"{_WORD}{{0,128}}"),
    "linkedid": re.compile(r"[A-Za-z0-9._-]{0,128}"),
}


class NotAgi(Exception):
    """Whoever connected does not speak FastAGI."""


def environment_line(line: bytes) -> tuple[bytes, bytes]:
    """Key and value of one `agi_…: …` line. Raises NotAgi for anything else."""
    found = _LINE.fullmatch(line)
    if not found:
        raise NotAgi("not a line of an AGI environment")
    return found[1], found[2]


def read(environment: Sequence[tuple[bytes, bytes]], region: str) -> DialRequest:
    """The call that is asked for. `region` is the country of numbers without a prefix.

    Raises BadRequest, which names the argument at fault and never its value.
    """
    keys = [key for key, _ in environment]
    if len(set(keys)) != len(keys):
        raise BadRequest("a line came twice")
    values = dict(environment)
    nonce = _argument(values, 1, "nonce", "")
    if values.get(b"agi_network_script") != SCRIPT:
        raise BadRequest("unknown path: agi://HOST:PORT/gate is the one there is", nonce)
    if b"agi_arg_7" in values:
        raise BadRequest("more than six arguments", nonce)
    number, scene, agent, customer, linkedid = (
        _argument(values, place, name, nonce)
        for place, name in enumerate(list(_ARGUMENTS)[1:], start=2)
    )
    if not any(character.isdigit() for character in number):
        raise BadRequest("number: not a number", nonce)
    return DialRequest(
        nonce=nonce,
        number=number,
        scene=scene or "*",
        agent=agent,
        customer=customer,
        linkedid=linkedid,
        region=region,
    )


def _argument(values: dict[bytes, bytes], place: int, name: str, nonce: str) -> str:
    raw = values.get(b"agi_arg_%d" % place)
    if raw is None:
        raise BadRequest(f"{name}: missing, it is argument {place}", nonce)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(f"{name}: not UTF-8", nonce) from None
    if not _ARGUMENTS[name].fullmatch(text):
        raise BadRequest(f"{name}: empty, too long, or with characters it may not have", nonce)
    return text
