"""Owns writing the files in the key folder: whole and on disk."""

import os
import secrets
from pathlib import Path


def write_once(file: Path, content: bytes, mode: int) -> bool:
    """Writes a file that is not there, whole and on disk; of two that do it at once, one does.
    False when it was there."""
    draft = _draft(file, content, mode)
    try:
        try:
            os.link(draft, file)
        except FileExistsError:
            return False
    finally:
        draft.unlink()
    sync_folder(file.parent)
    return True


def replace(file: Path, content: bytes, mode: int) -> None:
    """Has the file hold this instead, whole and on disk: who reads it finds one or the other."""
    _draft(file, content, mode).replace(file)
    sync_folder(file.parent)


def _draft(file: Path, content: bytes, mode: int) -> Path:
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return draft


def sync_folder(folder: Path) -> None:
    """Returns when the names in `folder` are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
