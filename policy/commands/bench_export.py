"""Owns `callwarden bench export`: what an export of a large log costs, against a tool that only
dumps.

Both sides run as commands of their own, in turns, into files of one folder.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.figures import Figure, report
from callwarden.memory import resident_mib
from callwarden.settings import Settings
from policy.ledger import LedgerReader
from policy.ledger.bulk import fill_findings, plain_copy
from policy.ledger.export import Chosen

_TIMES_BAR: Final = 4.0
_RESIDENT_BAR_MB: Final = 150.0
_MB_OF_MIB: Final = 1.048576
_LOOK_S: Final = 0.05
_KIND: Final = "violations"


@dataclass(frozen=True)
class _Run:
    seconds: float
    resident_mb: float


@click.command(epilog="Example: callwarden bench export --rows 100000 --keep /var/tmp/bench")
@click.option("--rows", type=click.IntRange(1000), default=1_000_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder in which the ledger is kept for the next time (1 M rows: 1.5 GB).",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@with_settings
def bench_export(
    configured: Settings, *, rows: int, rounds: int, keep: Path | None, as_json: bool
) -> int:
    """Export findings to CSV, against `sqlite3 -csv` dumping the same columns from a database in
    which nothing is sealed; and the memory of it, that of all its processes added up."""
    sqlite = shutil.which("sqlite3")
    if sqlite is None:
        raise click.ClickException("there is no sqlite3 on PATH: install it (Debian: sqlite3)")
    with _folder(keep) as folder:
        home, plain = _prepared(folder, rows)
        ours, theirs = _measured(home, plain, sqlite, rounds)
    ratios = [one.seconds / other.seconds for one, other in zip(ours, theirs, strict=True)]
    how = f"{rounds} rounds of {rows:,} in turns; {min(ratios):.2f} to {max(ratios):.2f}"
    figures = [
        Figure("CSV against sqlite3 -csv", statistics.median(ratios), "", _TIMES_BAR, how=how),
        Figure("  export, signed and logged", statistics.median(e.seconds for e in ours), "s"),
        Figure("  sqlite3 -csv", statistics.median(e.seconds for e in theirs), "s"),
        Figure("resident", max(e.resident_mb for e in ours), "MB", _RESIDENT_BAR_MB),
    ]
    return report("export", figures, as_json=as_json)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="callwarden-bench-") as folder:
        yield Path(folder)


def _prepared(folder: Path, rows: int) -> tuple[Path, Path]:
    """The configuration of a ledger with that many findings, and the plain database beside it."""
    home = folder / f"export-{rows}"
    plain, config, ready = home / "plain.sqlite3", home / "callwarden.yaml", home / "ready"
    if not ready.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        config.write_text(f"state: {home / 'state'}\n", encoding="utf-8")
        made = Settings(state=home / "state")
        with tqdm(desc=f"ledger of {rows}", unit=" rows", disable=None, file=sys.stderr) as bar:
            fill_findings(
                made.ledger_file,
                made.ledger_key_file,
                findings=rows,
                now=datetime.now(UTC),
                told=bar.update,
            )
            with LedgerReader.open(made.ledger_file, made.ledger_key_file) as reader:
                selection = reader.select(_KIND, Chosen())
                cells = (
                    row
                    for piece in selection.pieces()
                    for row in reader.selected(selection, piece)
                    if bar.update() is not False
                )
                plain_copy(cells, _KIND, plain)
        ready.touch()
    return config, plain


def _measured(config: Path, plain: Path, sqlite: str, rounds: int) -> tuple[list[_Run], list[_Run]]:
    out = config.parent / "out.csv"
    export = [sys.executable, "-m", "callwarden.command", "log", "export", "--format", "csv"]
    ours = [*export, "--kind", _KIND, "--config", str(config), "-o", str(out)]
    theirs = [sqlite, "-csv", "-header", str(plain), f"SELECT * FROM {_KIND} ORDER BY seq"]  # noqa: S608 - our own name
    for command in (theirs, ours):
        _ran(command, out)  # both databases are in memory from here on
    made: tuple[list[_Run], list[_Run]] = ([], [])
    for _ in tqdm(range(rounds), desc="rounds", disable=None, file=sys.stderr):
        made[1].append(_ran(theirs, out))
        made[0].append(_ran(ours, out))
    out.unlink()
    return made


def _ran(command: list[str], out: Path) -> _Run:
    """Until its end, with the most memory it was seen to hold."""
    most, over = 0.0, threading.Event()

    def look() -> None:
        nonlocal most
        while not over.wait(_LOOK_S):
            most = max(most, resident_mib(process.pid) * _MB_OF_MIB)

    dumped = out.with_suffix(".dumped")
    began = time.perf_counter()
    with dumped.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.PIPE)
        looking = threading.Thread(target=look)
        looking.start()
        _, complaint = process.communicate()
        seconds = time.perf_counter() - began
    over.set()
    looking.join()
    dumped.unlink()
    if process.returncode:
        raise click.ClickException(complaint.decode(errors="replace").strip()[-500:])
    return _Run(seconds, most)
