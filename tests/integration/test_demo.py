"""`make demo` shows what it promises, by its exit code and by what it prints."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


class _Demo:
    """One that runs; it plays in its own time and leaves the cores idle."""

    def __init__(self, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deploy.demo"],
            cwd=_ROOT,
            env={**os.environ, "CALLWARDEN_HEADLESS": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ended(self) -> tuple[int, str]:
        """Its exit code, and what it said."""
        said, _ = self._process.communicate()
        return self._process.returncode, said

    def end(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            self._process.communicate()


@pytest.fixture(scope="module")
def without_calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Demo]:
    """Begins with the first test, beside the other demo."""
    nothing = str(tmp_path_factory.mktemp("nothing"))
    demo = _Demo(CALLWARDEN_SHARED=nothing, CALLWARDEN_OFFLINE="1", HOME=nothing)
    yield demo
    demo.end()


@pytest.mark.usefixtures("without_calls")
@pytest.mark.timeout(180)
def test_the_demo_shows_all_that_it_promises(shared_folder: Path) -> None:
    demo = _Demo(CALLWARDEN_SHARED=str(shared_folder))
    try:
        code, said = demo.ended()
    finally:
        demo.end()
    assert code == 0, said
    assert said.count("✔") == 8
    assert "✘" not in said


def test_without_calls_the_gates_half_runs_and_the_rest_says_how_to_get_them(
    without_calls: _Demo,
) -> None:
    code, said = without_calls.ended()
    assert code == 1, said
    assert said.count("✔") == 2
    assert "callwarden models pull" in said
