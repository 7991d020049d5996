"""`make demo` shows what it promises, by its exit code and by what it prints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def _demo(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.demo"],
        cwd=_ROOT,
        env={**os.environ, "CALLWARDEN_HEADLESS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(180)
def test_the_demo_shows_all_that_it_promises(shared_folder: Path) -> None:
    demo = _demo(CALLWARDEN_SHARED=str(shared_folder))
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stdout.count("✔") == 8
    assert "✘" not in demo.stdout


def test_without_calls_the_gates_half_runs_and_the_rest_says_how_to_get_them(
    tmp_path: Path,
) -> None:
    demo = _demo(CALLWARDEN_SHARED=str(tmp_path), CALLWARDEN_OFFLINE="1", HOME=str(tmp_path))
    assert demo.returncode == 1, demo.stdout + demo.stderr
    assert demo.stdout.count("✔") == 2
    assert "callwarden models pull" in demo.stdout
