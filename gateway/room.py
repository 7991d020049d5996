"""Owns how much room the ledger has: what it takes and what is left on its disk.

Asked by health every 2 s, in a thread. It reads sizes alone, never a row.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Room:
    """`known`: somebody has looked."""

    disk_free_bytes: int = 0
    ledger_bytes: int = 0
    known: bool = False


def room_of(ledger_file: Path) -> Room:
    """Free bytes where the ledger lies, and its own with what waits beside it (`-wal`). Raises
    OSError where there is no such folder."""
    files = (ledger_file, ledger_file.with_name(f"{ledger_file.name}-wal"))
    taken = sum(each.stat().st_size for each in files if each.exists())
    return Room(shutil.disk_usage(ledger_file.parent).free, taken, known=True)
