"""Owns fetching a model: resumable, pinned by hash, unpacked whole or not at all.

Called by `callwarden models pull`. A folder under its model's name has always been verified.
"""

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import httpx

from recognizer.models import folder
from recognizer.models.catalogue import Entry

ATTEMPTS = 5
_TIMEOUT = httpx.Timeout(30.0)

Progress = Callable[[int, int | None], None]
"""Called with bytes on disk and bytes in all, where the server tells."""


class PullFailed(Exception):
    """What went wrong and what to do; a part that was fetched stays for the next try."""


def address(entry: Entry, mirror: str | None) -> str:
    """Where the archive is fetched: under `mirror`, by its file name, or where upstream has it.

    Raises PullFailed for a model that has no pinned archive.
    """
    if entry.archive is None or entry.sha256 is None:
        raise PullFailed(f"{entry.name} cannot be pulled: {entry.note}")
    if mirror is None:
        return entry.archive
    return f"{mirror.rstrip('/')}/{entry.archive.rpartition('/')[2]}"


def pull(entry: Entry, to: Path, mirror: str | None, progress: Progress) -> Path:
    """Fetches, verifies and unpacks; the model's folder. Raises PullFailed."""
    url = address(entry, mirror)
    target = to / entry.name
    if target.exists():
        problems = folder.verify(target)
        if not problems:
            return target
        raise PullFailed(f"{target} is there but broken ({problems[0]}); remove it, then pull")
    try:
        to.mkdir(parents=True, exist_ok=True)
        part = to / f"{entry.name}.part"
        _fetch(url, part, progress)
        actual = folder.hash_of(part)
        if actual != entry.sha256:
            part.unlink()
            raise PullFailed(
                f"what {url} sent is not the model (sha256 {actual[:12]}…, should be "
                f"{(entry.sha256 or '')[:12]}…); it was thrown away: try again, or another --mirror"
            )
        _unpack(part, target)
        part.unlink()
    except OSError as error:
        raise PullFailed(
            f"{error.filename or to}: {error.strerror or error}; free the disk or choose --to"
        ) from None
    return target


def _fetch(url: str, part: Path, progress: Progress) -> None:
    """Goes on where an earlier try broke off. Raises PullFailed."""
    why = ""
    for _ in range(ATTEMPTS):
        try:
            if _fetch_once(url, part, progress):
                return
            why = "the transfer broke off"
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink()  # longer than what is there now: begin anew
                continue
            if status < 500:
                raise PullFailed(f"{url}: HTTP {status}; try another --mirror") from None
            why = f"HTTP {status}"
        except httpx.HTTPError as error:
            why = f"{error or type(error).__name__}"
    raise PullFailed(
        f"{url}: {why} ({ATTEMPTS} tries); {_kept(part)}check the network or give a --mirror, "
        "then pull again"
    )


def _kept(part: Path) -> str:
    return f"{part.stat().st_size} bytes are kept; " if part.is_file() else ""


def _fetch_once(url: str, part: Path, progress: Progress) -> bool:
    """Whether the whole file is there."""
    have = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with httpx.stream(
        "GET", url, headers=headers, timeout=_TIMEOUT, follow_redirects=True
    ) as response:
        response.raise_for_status()
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        have = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if resumed else "wb") as file:
            for chunk in response.iter_raw():  # as it comes: what came before a break counts
                file.write(chunk)
                have += len(chunk)
                progress(have, total)
    return total is None or have >= total


def _unpack(archive: Path, target: Path) -> None:
    """Beside the target first, so that a model's folder is whole or not there."""
    unpacked = target.with_name(f"{target.name}.unpacking")
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        inner = unpacked / target.name
        whole = inner if inner.is_dir() else unpacked
        sums = "".join(
            f"{folder.hash_of(path)}  {path.relative_to(whole)}\n"
            for path in sorted(whole.rglob("*"))
            if path.is_file()
        )
        (whole / folder.HASHES).write_text(sums, encoding="utf-8")
        whole.rename(target)
    except tarfile.TarError as error:
        raise PullFailed(f"the archive cannot be unpacked: {error}") from None
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
