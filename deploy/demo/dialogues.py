"""Owns where the demo's calls come from: recorded ones beside the checkout, else dialogues spoken
once by the catalogue's text-to-speech model and cached, else none, with the way to get them.

Called by the demo and by `callwarden bench live`.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TEXTS = Path(__file__).with_name("dialogues.yaml")
VOICE = "kokoro-multi-lang-v1_1"
_ROOT = Path(__file__).resolve().parents[2]
_MISSING = (
    "没有可播放的通话 · no calls to play: put recorded ones into ../shared/calls or set"
    " CALLWARDEN_SHARED, or let this machine reach the model catalogue"
    f" (callwarden models pull {VOICE})"
)
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "callwarden"


@dataclass(frozen=True)
class Dialogues:
    """Folders of calls (`agent.wav`, `customer.wav`) by id, or what is missing to have them."""

    folders: dict[str, Path]
    missing: str = ""


def find(wanted: tuple[str, ...]) -> Dialogues:
    """The `wanted` calls: `$CALLWARDEN_SHARED`, `../shared`, the cache, or spoken now.

    Speaking them takes the voice model (365 MB), fetched by `callwarden models pull`, once;
    `CALLWARDEN_OFFLINE=1` fetches nothing.
    """
    shared = Path(os.environ.get("CALLWARDEN_SHARED", _ROOT.parent / "shared")) / "calls"
    for source in (shared, _CACHE / "dialogues"):
        folders = {name: source / name for name in wanted if (source / name).is_dir()}
        if len(folders) == len(wanted):
            return Dialogues(folders)
    if os.environ.get("CALLWARDEN_OFFLINE") == "1" or not _spoken(_CACHE / "dialogues"):
        return Dialogues({}, _MISSING)
    return Dialogues({name: _CACHE / "dialogues" / name for name in wanted})


def _spoken(into: Path) -> bool:
    """Whether the voice model was to be had and has spoken every dialogue."""
    models = _CACHE / "models"
    steps = (
        ("callwarden.command", "models", "pull", VOICE, "--to", str(models)),
        ("recognizer.synthesis", str(TEXTS), str(into), "--model", str(models / VOICE)),
    )
    return all(
        subprocess.run([sys.executable, "-m", *step], check=False).returncode == 0 for step in steps
    )
