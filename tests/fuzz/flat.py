"""Whether memory stays flat over a long run."""

import gc
import os
from pathlib import Path

_GROWTH_KIB = 6 * 1024
"""What an allocator may hold more at the end than once it had warmed up; a leak of one session of
2 KB each would be 16 MiB of 8,000."""


class Flat:
    """`look` at each step; `check` at the end compares the last fifth with the second."""

    def __init__(self) -> None:
        self._kib: list[int] = []

    def look(self) -> None:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        self._kib.append(pages * os.sysconf("SC_PAGE_SIZE") // 1024)

    def check(self) -> None:
        gc.collect()
        self.look()
        fifth = max(1, len(self._kib) // 5)
        early, late = max(self._kib[: 2 * fifth]), min(self._kib[-fifth:])
        assert late - early < _GROWTH_KIB, f"resident memory grew from {early} to {late} KiB"
