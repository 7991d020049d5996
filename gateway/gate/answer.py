"""Owns what goes back to the dialplan: the answer, and the one way to speak of why a gate refuses.

Made by `gateway.gate.gatekeeper`, sent by `gateway.gate.fastagi` and `gateway.gate.http`.
"""

import re
from dataclasses import dataclass
from typing import Final

NONCE: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_RULE: Final = re.compile(r"[A-Za-z0-9._-]{0,96}")


@dataclass(frozen=True)
class Answer:
    """`nonce` is empty when the caller's own could not be read; `rule` is the first reason's id,
    empty when nothing speaks against the call; `cause` is Q.850, 0 for an allowed call."""

    allowed: bool
    nonce: str
    rule: str
    cause: int

    def variables(self) -> tuple[tuple[str, str], ...]:
        """Channel variables in the order they are to be set; the verdict comes last. Raises
        ValueError as `verdict` does."""
        return (
            ("CALLWARDEN_REASON", self.rule),
            ("CALLWARDEN_CAUSE", str(int(self.cause))),
            ("CALLWARDEN_VERDICT", self.verdict()),
        )

    def line(self) -> str:
        """`ALLOW:<nonce>|<rule>|<cause>` or the same with DENY, for a dialplan to cut at the bars.
        Raises ValueError as `verdict` does."""
        return f"{self.verdict()}|{self.rule}|{int(self.cause)}"

    def verdict(self) -> str:
        """`ALLOW:<nonce>` or `DENY:<nonce>`.

        Raises ValueError when anything of the answer is outside our own alphabets: nothing that
        came from a caller can become an AGI command or another line.
        """
        if self.nonce and not NONCE.fullmatch(self.nonce):
            raise ValueError("nonce outside its alphabet")
        if self.allowed and not self.nonce:
            raise ValueError("nothing is allowed without a nonce")
        if not _RULE.fullmatch(self.rule):
            raise ValueError("rule id outside its alphabet")
        return f"{'ALLOW' if self.allowed else 'DENY'}:{self.nonce}"


class BadRequest(Exception):
    """The dialplan asked in a form that is no question. `nonce` is empty when it was at fault."""

    def __init__(self, wrong: str, nonce: str = "") -> None:
        super().__init__(wrong)
        self.nonce = nonce
