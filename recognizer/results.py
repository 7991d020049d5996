"""Owns where the results of recorded calls go: stdout, a file that a later run goes on with, and
the ledger; and which calls are done already.

Called by `scan`. A call is done when its whole result is on disk: a run that was killed repeats at
most the call it was at.
"""

import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, Any, Final

import click
from tqdm import tqdm

from callwarden.problems import Problem, ProblemsFound
from callwarden.settings import Settings
from policy.speech.heard_call import JudgedRecording, Keeper
from recognizer.recordings import Recording

KEEPERS: Final = "callwarden.keepers"


class Results:
    """`write` says one call's result on stdout or into `file`; `keeper` keeps it besides."""

    def __init__(self, file: Path | None, keeper: Keeper | None, *, resume: bool) -> None:
        """Raises ProblemsFound: the file is there already, and nobody said to go on with it."""
        self._keeper = keeper
        self._done: set[str] = set()
        self._out: IO[str] | None = None
        if file is None:
            return
        if file.exists() and not resume:
            message = "is there already: --resume goes on with it; or choose another file"
            raise ProblemsFound([Problem(str(file), 1, 1, "--output", message)])
        if file.exists():
            self._done = _whole_lines(file)
        self._out = file.open("a", encoding="utf-8")

    def is_done(self, call: Recording) -> bool:
        """Whether an earlier run wrote this very call, or kept it where results are kept."""
        if self._keeper is not None:
            return self._keeper.has(call.kept_as)
        return call.kept_as in self._done

    def write(self, line: str, judged: JudgedRecording) -> None:
        """Raises OSError where it cannot be written."""
        if self._keeper is not None:
            self._keeper.keep(judged)
        if self._out is None:
            tqdm.write(line, file=sys.stdout)
            return
        self._out.write(f"{line}\n")
        self._out.flush()
        os.fsync(self._out.fileno())

    def close(self) -> None:
        if self._out is not None:
            self._out.close()
        if self._keeper is not None:
            self._keeper.close()


def ledger_keeper(settings: Settings) -> Keeper:
    """What keeps results in the ledger. It is contributed by the room that owns the ledger, as
    commands are, for this room may not touch it. Raises ClickException where it is not to be had.
    """
    (found,) = entry_points(group=KEEPERS, name="ledger")
    make: Any = found.load()
    try:
        keeper: Keeper = make(settings)
    except OSError as error:
        raise click.ClickException(str(error)) from None
    return keeper


def _whole_lines(file: Path) -> set[str]:
    """The calls of the results in the file; a line that broke off is taken out. Raises
    ProblemsFound for what is no file of results."""
    with file.open("r+b") as written:
        text = written.read()
        whole = text[: text.rfind(b"\n") + 1]
        done = set()
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                done.add(str(json.loads(line)["recording"]))
            except (ValueError, KeyError, TypeError):
                message = "no result of scan: --resume takes a file that --json --output wrote"
                raise ProblemsFound([Problem(str(file), number, 1, "--output", message)]) from None
        if len(whole) < len(text):
            written.truncate(len(whole))
    return done


def told_of(skipped: Sequence[Recording]) -> None:
    """Says on stderr how many calls were done before."""
    if skipped:
        click.echo(f"{len(skipped)} calls done before; {_names(skipped)}", err=True)


def _names(calls: Sequence[Recording]) -> str:
    shown = ", ".join(each.id for each in calls[:3])
    return shown + (", …" if len(calls) > 3 else "")
