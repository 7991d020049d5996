"""Where tests find the speech model and the calls with ground truth.

With `$CALLWARDEN_SHARED` or `../shared` there, a missing part of it is a failure; without either,
tests that need it skip with one loud line.
"""

import gc
import os
from pathlib import Path

import hypothesis
import pytest

import callwarden  # noqa: F401  # before any test imports grpc: it says how gRPC forks

_ROOT = Path(__file__).resolve().parent.parent
_SHARED = Path(os.environ.get("CALLWARDEN_SHARED", _ROOT.parent / "shared"))

# How long one example takes says how busy the box is.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_report_header() -> str:
    if _SHARED.is_dir():
        return f"speech model and calls: {_SHARED}"
    return "!!! NO SPEECH MODEL AND NO CALLS: tests that listen are skipped (set CALLWARDEN_SHARED)"


def pytest_collection_finish() -> None:
    """What collecting two thousand tests made stays until the end: the garbage collector need not
    look at it again and again, half of all its time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    if not _SHARED.is_dir():
        pytest.skip("no speech model and no calls here: set CALLWARDEN_SHARED")
    return _SHARED


@pytest.fixture(scope="session")
def model_folder(shared_folder: Path) -> Path:
    """The streaming Zipformer transducer for Mandarin."""
    name = "sherpa-onnx-kws-zipformer-wenetspeech-3.3M-2024-01-01-mobile"
    folder = shared_folder / "models" / name
    assert (folder / "tokens.txt").is_file(), f"{folder} is broken"
    return folder


@pytest.fixture(scope="session")
def calls_folder(shared_folder: Path) -> Path:
    """Twelve calls, a folder each: agent.wav, customer.wav, call.json, truth.json."""
    folder = shared_folder / "calls"
    assert len(list(folder.glob("*/truth.json"))) >= 12, f"{folder} is broken"
    return folder
