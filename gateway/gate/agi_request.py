"""Owns reading the question out of a FastAGI session's first lines.

Bytes come in, a DialRequest or BadRequest comes out; nothing here opens a socket. Six arguments go
by their place, further ones are `name=value` in any order.
"""

import re
from collections.abc import Sequence
from typing import Final

from gateway.gate import question
from gateway.gate.answer import BadRequest
from gateway.gate.sessions import NotSpoken
from policy.dialling.request import DialRequest

SCRIPT: Final = b"gate"
_LINE: Final = re.compile(rb"(agi_[a-z0-9_]{1,40}): (.*)", re.DOTALL)
_ARGUMENT: Final = re.compile(rb"agi_arg_([1-9][0-9]?)")


def environment_line(line: bytes) -> tuple[bytes, bytes]:
    """Key and value of one `agi_…: …` line. Raises NotSpoken for anything else."""
    found = _LINE.fullmatch(line)
    if not found:
        raise NotSpoken("not a line of an AGI environment")
    return found[1], found[2]


def read(environment: Sequence[tuple[bytes, bytes]], region: str) -> DialRequest:
    """The call that is asked for. `region` is the country of numbers without a prefix.

    Raises BadRequest, which names the argument at fault and never its value.
    """
    lines = dict(environment)
    if len(lines) != len(environment):
        raise BadRequest("a line came twice")
    arguments = {
        int(found[1]): value for key, value in environment if (found := _ARGUMENT.fullmatch(key))
    }
    values: dict[str, str] = {}
    for place, name in enumerate(question.POSITIONAL, start=1):
        if place not in arguments:
            raise BadRequest(f"{name}: missing, it is argument {place}", question.nonce_of(values))
        values[name] = _text(arguments.pop(place), name, values)
    nonce = question.nonce_of(values)
    if lines.get(b"agi_network_script") != SCRIPT:
        raise BadRequest("unknown path: agi://HOST:PORT/gate is the one there is", nonce)
    for place, argument in sorted(arguments.items()):
        name, is_named, value = _text(argument, f"argument {place}", values).partition("=")
        if not is_named:
            raise BadRequest(f"argument {place}: not of the form name=value", nonce)
        question.require_known(name, nonce)
        if name in values:
            raise BadRequest(f"{name}: given twice", nonce)
        values[name] = value
    return question.request(values, region)


def _text(raw: bytes, name: str, values: dict[str, str]) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(f"{name}: not UTF-8", question.nonce_of(values)) from None
