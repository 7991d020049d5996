"""Owns `callwarden bench ledger`: what proof costs. Checking a ledger is measured beside a plain
SHA-256 over the same bytes, writing findings beside bare SQLite with the same group commit.

Both sides of a pair are measured in turns within one run, and the median of their ratios counts.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.figures import Figure, report
from callwarden.settings import Settings
from policy.ledger import measuring

_VERIFY_BAR: Final = 6.0
_WRITE_BAR: Final = 0.5


@click.command(epilog="Example: callwarden bench ledger --rows 1000000 --json")
@click.option("--rows", default=1_000_000, show_default=True, help="In the ledger to be checked.")
@click.option("--findings", default=20_000, show_default=True, help="Written in a round.")
@click.option("--rounds", default=5, show_default=True, help="Of each; medians count.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def ledger(_settings: Settings, *, rows: int, findings: int, rounds: int, as_json: bool) -> int:
    """Measure the ledger on this box; it makes one of its own, 1 GB for a million rows.

    Exit code 1: a figure misses its bar.
    """
    with tempfile.TemporaryDirectory(prefix="callwarden-bench-") as scratch:
        folder = Path(scratch)
        figures = [*_verifying(folder, rows, rounds), *_writing(folder, findings, rounds)]
    return report("bench ledger", figures, as_json=as_json)


def _verifying(folder: Path, rows: int, rounds: int) -> list[Figure]:
    file, key_file = folder / "ledger.sqlite3", folder / "ledger.key"
    with tqdm(total=rows, unit=" rows", disable=None, file=sys.stderr) as bar:
        measuring.fill(file, key_file, rows, bar.update)
    processes = os.cpu_count() or 1
    verify, read, of_file, of_memory = [], [], [], []
    for _ in range(rounds):
        verify.append(measuring.verify_s(file, key_file, processes))
        read.append(measuring.read_and_hash_s(file))
        of_file.append(measuring.file_hash_s(file))
        of_memory.append(measuring.memory_hash_s(file))
    return [
        Figure(
            "log verify", statistics.median(verify), "s", how=f"{rows} rows, {processes} processes"
        ),
        Figure(
            "against reading the rows and one SHA-256",
            _ratio(verify, read),
            "times",
            _VERIFY_BAR,
            how=f"{statistics.median(read):.2f} s, one process",
        ),
        Figure(
            "against SHA-256 of the ledger's file",
            _ratio(verify, of_file),
            "times",
            how=f"{statistics.median(of_file):.2f} s, {file.stat().st_size / 1e6:.0f} MB",
        ),
        Figure(
            "against SHA-256 of the rows ready in memory",
            _ratio(verify, of_memory),
            "times",
            how=f"{statistics.median(of_memory):.2f} s",
        ),
    ]


def _writing(folder: Path, findings: int, rounds: int) -> list[Figure]:
    ours, bare = [], []
    for each in range(rounds):
        place = folder / f"written-{each}"
        place.mkdir()
        ours.append(measuring.findings_per_s(place, findings))
        bare.append(measuring.bare_per_s(place, findings))
    return [
        Figure("findings written durably", statistics.median(ours), "1/s"),
        Figure(
            "against bare sqlite3, same group commit",
            _ratio(ours, bare),
            "times",
            _WRITE_BAR,
            "higher",
            f"{statistics.median(bare):.0f} 1/s",
        ),
    ]


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
