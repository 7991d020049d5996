"""Owns what the gate decides by, and having it read by a process of its own that is gone when it
has answered: checking speech rules takes a pronouncing dictionary of 55 MB, which the gateway needs
for nothing else.

Called by `rulebook_in_force`; the process is `gateway.gate.rulebook_reader`.
"""

import asyncio
import pickle
import sys
from dataclasses import dataclass
from typing import Final

from callwarden.problems import Problem, ProblemsFound
from callwarden.settings import Rules
from policy.dialling.rulebook import DiallingRulebook
from policy.identity import RulebookIdentity

_WITHIN_S: Final = 60.0


@dataclass(frozen=True)
class DecidingRulebook:
    """What the gate decides by. `identity` is that of all rules in force, speech included;
    `activated`: its text is in the ledger, for the recognizer too."""

    identity: RulebookIdentity
    dialling: DiallingRulebook
    activated: bool = False


RulebookRead = DecidingRulebook | tuple[Problem, ...]


async def read(rules: Rules) -> DecidingRulebook:
    """The rulebook of these settings. Raises ProblemsFound with every problem of every file, speech
    rules included, or with the one that the reader itself failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway.gate.rulebook_reader",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_WITHIN_S):
            said, _ = await process.communicate(rules.model_dump_json().encode())
    except TimeoutError:
        raise _reader_failed(f"took more than {_WITHIN_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise _reader_failed(f"ended with {process.returncode}; its message is above in the log")
    found: RulebookRead = pickle.loads(said)  # noqa: S301 - written by our own child, on a pipe
    if isinstance(found, DecidingRulebook):
        return found
    raise ProblemsFound(found)


def _reader_failed(how: str) -> ProblemsFound:
    return ProblemsFound([Problem("rules", 1, 1, "(reader)", f"reading the rulebooks {how}")])
