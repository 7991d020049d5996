"""Owns the other end of FastAGI: asks the gate as Asterisk's AGI application does.

Used by `callwarden bench gate` and by the tests; no part of the gateway. Everything Asterisk sends
of itself (version, channel, caller id) is here as Asterisk 22 sends it.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from gateway.gate.answer import Answer, BadRequest
from policy.dialling.request import DialRequest

_ENVIRONMENT: Final = """\
agi_network: yes
agi_network_script: {script}
agi_request: agi://127.0.0.1:4573/{script}
agi_channel: Local/s@callwarden-gate-leg-00000001;2
agi_language: en
agi_type: Local
agi_uniqueid: 1767225600.12
agi_version: 22.10.1
agi_callerid: unknown
agi_calleridname: unknown
agi_callingpres: 0
agi_callingani2: 0
agi_callington: 0
agi_callingtns: 0
agi_dnid: unknown
agi_rdnis: unknown
agi_context: callwarden-gate-leg
agi_extension: s
agi_priority: 3
agi_enhanced: 0.0
agi_accountcode: {account}
agi_threadid: 140245178140352
"""


def session(*arguments: str, script: str = "gate") -> bytes:
    """What Asterisk sends at the start of `AGI(agi://…/gate,arguments…)`."""
    lines = [f"agi_arg_{place}: {value}\n" for place, value in enumerate(arguments, start=1)]
    return (_ENVIRONMENT.format(script=script, account="") + "".join(lines) + "\n").encode()


@dataclass
class Heard:
    """What the server said: the channel variables it set, and whether it closed by itself."""

    variables: dict[str, str] = field(default_factory=dict)
    closed: bool = False

    @property
    def verdict(self) -> str:
        return self.variables.get("CALLWARDEN_VERDICT", "")

    @property
    def rule(self) -> str:
        return self.variables.get("CALLWARDEN_REASON", "")

    @property
    def allowed(self) -> bool:
        return "ALLOW" in self.verdict


async def ask(host: str, port: int, question: bytes, *, within_s: float = 5.0) -> Heard:
    """One session to its end: sends `question`, obeys each command, until the server closes.

    A server that says nothing more within `within_s` leaves `closed` False.
    """
    reader, writer = await asyncio.open_connection(host, port)
    heard = Heard()
    try:
        async with asyncio.timeout(within_s):
            writer.write(question)
            while line := await reader.readline():
                word, _, value = line.decode().removeprefix("SET VARIABLE ").partition(" ")
                heard.variables[word] = value.strip().strip('"')
                writer.write(b"200 result=1\n")
            heard.closed = True
    except ConnectionError:
        heard.closed = True
    except TimeoutError:
        pass
    finally:
        writer.close()
    return heard


class AllowAtOnce:
    """A gate that does not think: what the real one is measured against, and what fuzzing uses so
    that every session that parses would be allowed."""

    async def decide(self, request: DialRequest) -> Answer:
        return Answer(True, request.nonce, "", 0)

    def bad_request(self, wrong: BadRequest) -> Answer:
        return Answer(False, wrong.nonce, "gate.bad-request", 21)
