"""Owns the cached Asterisk: built once from Debian packages, unpacked beside the host's own
libraries, run by an ordinary user without being installed.

Called by `Lab.start` and by `python -m deploy.lab build`. A cache folder that has its final name is
complete: it is built under another name, under a lock, and renamed.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEFAULT_MIRROR = "http://deb.debian.org/debian"
_APT_SOURCES = Path("/etc/apt")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class Release:
    """An Asterisk that Debian packages: `layout` is its folder in the cache, whose last digit
    changes when what is kept changes."""

    major: str
    layout: str
    suites: tuple[str, ...]


ASTERISK_22 = Release("22.", "asterisk-22-1", ("forky", "sid"))
"""What the lab runs. Debian 12 and 13 have no asterisk package."""
ASTERISK_16 = Release("16.", "asterisk-16-1", ("bullseye",))
"""The oldest that the product runs with, and the last of Debian's with app_macro."""


class LabError(Exception):
    """The lab cannot be had; the text says what is missing and what to do."""


@dataclass(frozen=True)
class Rootfs:
    """An unpacked Asterisk and the libraries it was linked with."""

    folder: Path

    @property
    def libraries(self) -> Path:
        (folder,) = (each for each in self.folder.glob("usr/lib/*-linux-gnu*") if each.is_dir())
        return folder

    @property
    def modules(self) -> Path:
        return self.libraries / "asterisk" / "modules"

    @property
    def share(self) -> Path:
        return self.folder / "usr/share/asterisk"

    def asterisk(self, *arguments: str) -> list[str]:
        """The command line of Asterisk under its own dynamic loader."""
        (loader,) = self.libraries.glob("ld-linux*.so.*")
        path = f"{self.libraries}:{self.libraries / 'pulseaudio'}"
        program = str(self.folder / "usr/sbin/asterisk")
        return [str(loader), "--library-path", path, program, *arguments]


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME`, else `~/.cache`, plus callwarden/lab; for root, whose home others cannot
    enter while the lab's Asterisk never is root, /var/cache in place of `~/.cache`."""
    home = Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or home) / "callwarden" / "lab"


def require_programs(*programs: str) -> None:
    """Raises LabError that names the Debian packages to install for the missing ones."""
    packages = {"mmdebstrap": "mmdebstrap", "zstd": "zstd", "sipp": "sip-tester"}
    missing = [packages[each] for each in programs if shutil.which(each) is None]
    if missing:
        raise LabError(
            f"the lab needs {', '.join(missing)}: "
            f"apt-get install --no-install-recommends {' '.join(missing)}"
        )


def ensure(release: Release = ASTERISK_22) -> Rootfs:
    """The cached Asterisk, built first when there is none (about 30 s, 270 MB downloaded and
    unpacked). Labs that start side by side build it once. Raises LabError."""
    cache = cache_folder()
    final = cache / release.layout
    if final.is_dir():
        return Rootfs(final)
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not final.is_dir():
            for left_over in cache.glob("building-*"):
                shutil.rmtree(left_over, ignore_errors=True)
            _build(release, cache, final)
    return Rootfs(final)


def _build(release: Release, cache: Path, final: Path) -> None:
    require_programs("mmdebstrap", "zstd")
    failures = []
    for mirror in dict.fromkeys(_mirrors()):
        for suite in release.suites:
            building = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
            try:
                print(
                    f"lab: unpacking Asterisk {release.major}x from Debian {suite} ({mirror}) into "
                    f"{final}; about half a minute, once",
                    file=sys.stderr,
                    flush=True,
                )
                _extract(suite, mirror, building)
                _check_version(release, building)
                building.chmod(0o755)  # an unprivileged user runs it
                building.rename(final)
                return
            except subprocess.CalledProcessError as error:
                failures.append(f"{mirror} {suite}: {_last_error(error.stderr)}")
            finally:
                shutil.rmtree(building, ignore_errors=True)
    hint = (
        "" if _KEYRING.exists() else " (and apt-get install debian-archive-keyring: it is missing)"
    )
    raise LabError(
        f"no Debian mirror gave Asterisk {release.major}x: "
        + "; ".join(failures)
        + f". Set CALLWARDEN_DEBIAN_MIRROR to one that is reachable{hint}"
    )


def _extract(suite: str, mirror: str, folder: Path) -> None:
    """Fills `folder` with what Asterisk needs to run. Signatures are verified with the host's
    keyring; the validity date may have passed on a frozen mirror, which harms this folder alone."""
    keyring = [f"--keyring={_KEYRING}"] if _KEYRING.exists() else []
    whole = folder / "whole"
    subprocess.run(
        [
            "mmdebstrap",
            "--variant=extract",
            "--mode=chrootless",
            "--include=asterisk",
            '--aptopt=Acquire::Check-Valid-Until "false"',
            '--aptopt=APT::Install-Recommends "false"',
            '--aptopt=Acquire::Languages "none"',
            *keyring,
            suite,
            str(whole),
            mirror,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    (libraries,) = whole.glob("usr/lib/*-linux-gnu")
    _gather(whole, libraries)
    for kept in (whole / "usr/sbin/asterisk", libraries, whole / "usr/share/asterisk"):
        target = folder / kept.relative_to(whole)
        target.parent.mkdir(parents=True, exist_ok=True)
        kept.rename(target)
    sounds = folder / "usr/share/asterisk/sounds"
    for language in ("en", "en_US"):  # done by a package script that extracting does not run
        if not (sounds / language).exists():
            (sounds / language).symlink_to("en_US_f_Allison")
    shutil.rmtree(whole)


def _gather(whole: Path, libraries: Path) -> None:
    """Moves what older Debians keep elsewhere to where newer ones have it: libraries that are not
    yet merged into /usr, and Asterisk's own beside them."""
    apart = whole / "lib" / libraries.name
    moved = [] if apart.resolve() == libraries.resolve() else list(apart.glob("*"))
    for each in (*moved, *whole.glob("usr/lib/libasterisk*"), *whole.glob("usr/lib/asterisk")):
        if not (libraries / each.name).exists():
            each.rename(libraries / each.name)


def _check_version(release: Release, folder: Path) -> None:
    answer = subprocess.run(
        Rootfs(folder).asterisk("-V"), check=True, capture_output=True, text=True
    ).stdout
    if not answer.startswith(f"Asterisk {release.major}"):
        raise LabError(
            f"the mirror has {answer.strip()}, and the lab wants Asterisk {release.major}x"
        )


def _last_error(log: str) -> str:
    errors = [line for line in log.splitlines() if line.startswith(("E:", "W:"))]
    return (errors or log.strip().splitlines() or ["no message"])[-1]


def _mirrors() -> Iterator[str]:
    """The one asked for, the host's own where the host is a Debian, and Debian's."""
    if asked := os.environ.get("CALLWARDEN_DEBIAN_MIRROR"):
        yield asked
        return
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    if re.search(r'^ID="?debian"?$', release, re.M):
        codename = re.search(r"^VERSION_CODENAME=(\w+)", release, re.M)
        yield from host_mirrors(_APT_SOURCES, codename.group(1) if codename else "")
    yield DEFAULT_MIRROR


def host_mirrors(apt: Path, codename: str) -> Iterator[str]:
    """Mirrors in apt's sources (`*.sources` and `*.list`) that carry `codename` itself, so not
    those of security updates or of other publishers' repositories."""
    for file in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if not file.is_file():
            continue
        text = re.sub(
            r"^#.*\n?", "", file.read_text(encoding="utf-8", errors="replace"), flags=re.M
        )
        if file.suffix == ".sources":
            for stanza in re.split(r"\n\s*\n", text):
                fields = dict(re.findall(r"^(\S+):[ \t]*(.*)$", stanza, re.M))
                if codename in fields.get("Suites", "").split():
                    yield from fields.get("URIs", "").split()
        else:
            pattern = rf"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+{re.escape(codename)}\s"
            yield from re.findall(pattern, text, re.M)
