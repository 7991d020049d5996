"""`callwarden bench gate` measures what it says, on the smallest scale."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def _figures(folder: Path, words: str, **sections: object) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-m", "callwarden.command", "bench", "gate", "--json"]
    (folder / "callwarden.yaml").write_text(json.dumps(sections))
    ended = subprocess.run(
        [*command, *words.split(), "--config", str(folder / "callwarden.yaml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert ended.returncode in {0, 1}, ended.stderr
    return {each["name"]: each for each in json.loads(ended.stdout)["figures"]}


@pytest.mark.soak
def test_each_pair_is_measured_and_nobody_is_refused(tmp_path: Path) -> None:
    small = "--only at-once --only open-loop --rounds 1 --questions 60 --connections 4 --seconds 1"
    figures = _figures(tmp_path, small)
    pair = figures["decisions/s, durable, against a server that allows at once"]
    assert (pair["bar"], pair["better"]) == (0.35, "higher")
    assert 0 < pair["value"] < 2
    assert "0 refused" in pair["how"]
    steady = figures["p99 at 200 decisions/s, open loop"]
    assert (steady["bar"], steady["unit"], steady["met"]) == (25, "ms", steady["value"] <= 25)
    assert figures["  p50"]["value"] <= steady["value"]


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_recognizer_with_too_many_calls_is_measured_beside_the_gate(
    tmp_path: Path, model_folder: Path, calls_folder: Path
) -> None:
    words = f"--only swamped --spoken {calls_folder} --rounds 1 --seconds 3"
    figures = _figures(tmp_path, words, recognizer={"model": str(model_folder)})
    swamped = figures["p99 at 50 decisions/s, recognizer swamped"]
    assert "0 refused" in swamped["how"]
    assert swamped["value"] > 0
    assert figures["  recognizer at rest"]["value"] > 0
