"""Owns fetching a model: resumable, from mirrors, checked by hash, unpacked whole or not at all.

Called by `callwarden models pull`. A folder under its model's name has always been checked: by the
catalogue's hash, or by what its user said to expect or to do without.
"""

import hashlib
import shutil
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


class _NotHere(PullFailed):
    """Another place may have it."""


@dataclass(frozen=True)
class Wanted:
    """A model, the hash that its archive must have (None: any), and where it may be fetched."""

    entry: Entry
    sha256: str | None
    addresses: tuple[str, ...]


def wanted(
    entry: Entry,
    mirrors: Sequence[str],
    sha256: str | None = None,
    *,
    unverified: bool = False,
    upstream: bool = True,
) -> Wanted:
    """Under each of `mirrors`, by its file name, then, with `upstream`, where upstream has it.

    Raises PullFailed for a model that has no archive, whose hash nobody knows, or another.
    """
    if entry.archive is None:
        raise PullFailed(f"{entry.name} cannot be pulled: {entry.note}")
    if entry.sha256 and sha256 and sha256 != entry.sha256:
        raise PullFailed(
            f"--sha256 is {sha256[:12]}…, the catalogue says {entry.sha256[:12]}…: leave it out"
        )
    expected = entry.sha256 or sha256
    if expected is None and not unverified:
        raise PullFailed(
            f"no sha256 of {entry.name} is known here: give one that you trust with --sha256, or "
            "accept what comes with --unverified"
        )
    name = entry.archive.rpartition("/")[2]
    places = [f"{each.rstrip('/')}/{name}" for each in mirrors]
    return Wanted(entry, expected, (*places, *([entry.archive] if upstream else [])))


def pull(model: Wanted, to: Path, progress: Progress) -> tuple[Path, str]:
    """Fetches, verifies and unpacks; the model's folder and the hash of its archive, empty where
    the folder was there already. Raises PullFailed."""
    target = to / model.entry.name
    if target.exists():
        problems = folder.verify(target)
        if not problems:
            return target, ""
        raise PullFailed(f"{target} is there but broken ({problems[0]}); remove it, then pull")
    try:
        to.mkdir(parents=True, exist_ok=True)
        return target, _from_any(model, target, progress)
    except OSError as error:
        raise PullFailed(
            f"{error.filename or to}: {error.strerror or error}; free the disk or choose --to"
        ) from None


def _from_any(model: Wanted, target: Path, progress: Progress) -> str:
    """The hash of the archive that was unpacked. Raises PullFailed with the last place's reason."""
    whys: list[_NotHere] = []
    for url in model.addresses:
        part = target.with_name(f"{target.name}{_source(model, url)}.part")
        try:
            _fetch(url, part, progress)
            actual = folder.hash_of(part)
            if model.sha256 not in (None, actual):
                part.unlink()
                raise _NotHere(
                    f"what {url} sent is not the model (sha256 {actual[:12]}…, should be "
                    f"{(model.sha256 or '')[:12]}…); it was thrown away: try again, or another "
                    "--mirror"
                )
        except _NotHere as error:
            whys.append(error)
            continue
        _unpack(part, target)
        part.unlink()
        return actual
    raise PullFailed("\n".join(map(str, whys)))


def _source(model: Wanted, url: str) -> str:
    """Parts of one archive from two places may be put together only where its hash tells in the
    end whether they belonged together."""
    return "" if model.sha256 else f".{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def _fetch(url: str, part: Path, progress: Progress) -> None:
    """Goes on where an earlier try broke off. Raises _NotHere."""
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
                raise _NotHere(f"{url}: HTTP {status}; try another --mirror") from None
            why = f"HTTP {status}"
        except httpx.HTTPError as error:
            why = f"{error or type(error).__name__}"
    raise _NotHere(
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
