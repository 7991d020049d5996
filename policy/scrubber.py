"""Scrubs batches of a dial list and ends: `python -m policy.scrubber`.

Started by `policy.scrubbing`, so that a list of a million takes neither the gateway's interpreter
nor its memory; it gives way to whatever else the box has to do. Frames go both ways over standard
input and output: a length of four bytes, then as many bytes. The first frame in is a pickled
`Scrubbing`, each further one a `ScrubRequest`, answered by a frame that begins with a mark of
`Mark`.
"""

import gc
import os
import pickle
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import IO

from callwarden.v1 import gate_pb2 as wire
from policy.dialling.decision import Decision, Reason
from policy.dialling.rulebook import DiallingRulebook
from policy.dry_run import dry_runs
from policy.ledger import LedgerReader, LedgerUnavailable
from policy.on_the_wire import identity_message
from policy.ruling_on_the_wire import WIRE_VERDICT_OF, call_of, instant, reason_message, seconds

MOST_CALLS = 5000
"""In one batch."""
LENGTH_BYTES = 4
_NICE = 19
_GARBAGE = 200_000


class Mark(bytes, Enum):
    """What an answer is."""

    SCRUBBED = b"S"
    """A ScrubResponse."""
    INVALID = b"I"
    """Text: what is wrong with the request."""
    UNAVAILABLE = b"U"
    """Text: why the ledger cannot be read."""


@dataclass(frozen=True)
class Scrubbing:
    """What a list is scrubbed by. `began_at` decides where a batch names no time; `ledger_file` is
    None where there is none: as if nobody was ever called."""

    rulebook: DiallingRulebook
    ledger_file: Path | None
    key_file: Path
    region: str
    began_at: datetime


def scrub(batch: wire.ScrubRequest, by: Scrubbing, ledger: LedgerReader | None) -> bytes:
    """The answering frame's content."""
    if len(batch.calls) > MOST_CALLS:
        return Mark.INVALID + f"calls: at most {MOST_CALLS} in one request".encode()
    try:
        at = instant(batch.at) or by.began_at
        requests = [call_of(call, by.region) for call in batch.calls]
    except ValueError as wrong:
        return Mark.INVALID + str(wrong).encode()
    try:
        decisions = dry_runs(requests, by.rulebook, ledger, at)
    except LedgerUnavailable as error:
        return Mark.UNAVAILABLE + str(error).encode()
    return Mark.SCRUBBED + _response(decisions, by).SerializeToString()


def _response(decisions: list[Decision], by: Scrubbing) -> wire.ScrubResponse:
    places: dict[Reason, int] = {}
    scrubbed = [
        wire.ScrubResponse.Scrubbed(
            verdict=WIRE_VERDICT_OF[each.verdict],
            reasons=[places.setdefault(reason, len(places)) for reason in each.reasons],
            earliest=seconds(each.earliest),
        )
        for each in decisions
    ]
    return wire.ScrubResponse(
        scrubbed=scrubbed,
        reasons=map(reason_message, places),
        rulebook=identity_message(by.rulebook.identity),
    )


def _frame(source: IO[bytes]) -> bytes | None:
    """The next one's content, which may be empty; None at the end."""
    length = source.read(LENGTH_BYTES)
    return source.read(int.from_bytes(length, "little")) if length else None


def main() -> None:
    os.nice(_NICE)
    # A batch leaves no cycles; looking for some at every 700 objects would be much of the work.
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    by: Scrubbing = pickle.loads(_frame(source) or b"")  # noqa: S301 - from our own parent, on a pipe
    with ExitStack() as stack:
        ledger, trouble = None, b""
        try:
            if by.ledger_file:
                ledger = stack.enter_context(LedgerReader.open(by.ledger_file, by.key_file))
        except LedgerUnavailable as error:
            trouble = Mark.UNAVAILABLE + str(error).encode()
        while (frame := _frame(source)) is not None:
            answer = trouble or scrub(wire.ScrubRequest.FromString(frame), by, ledger)
            sink.write(len(answer).to_bytes(LENGTH_BYTES, "little") + answer)
            sink.flush()


if __name__ == "__main__":
    main()
