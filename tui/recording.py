"""Owns the file of the recorded hour: events of the oversight stream with their times, compressed.

Written by a command of the project, read by the demo. A file is a sequence of messages, each after
its length as four bytes, lowest first; all of it in xz.
"""

import lzma
import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from callwarden.v1.oversight_pb2 import Event

HOUR: Final = Path(__file__).parent / "hour.binpb.xz"
ZONE: Final = ZoneInfo("Asia/Shanghai")
BEGINS: Final = datetime(2026, 3, 2, 14, 0, tzinfo=ZONE).timestamp()
LASTS_S: Final = 3600.0
_LENGTH: Final = struct.Struct("<I")


def written(events: Iterable[Event]) -> bytes:
    """The events one after the other, not yet compressed."""
    parts = []
    for event in events:
        message = event.SerializeToString(deterministic=True)
        parts += [_LENGTH.pack(len(message)), message]
    return b"".join(parts)


def read(file: Path = HOUR) -> Iterator[Event]:
    """The events of a file. Raises OSError, lzma.LZMAError."""
    content = lzma.decompress(file.read_bytes())
    place = 0
    while place < len(content):
        (length,) = _LENGTH.unpack_from(content, place)
        place += _LENGTH.size
        yield Event.FromString(content[place : place + length])
        place += length
