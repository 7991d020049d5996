"""`callwarden bench gate` measures what it says, on the smallest scale."""

import json
import subprocess
import sys
from pathlib import Path


def test_each_pair_is_measured_and_nobody_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "callwarden.command", "bench", "gate", "--json"]
    small = "--only at-once --only open-loop --rounds 1 --questions 60 --connections 4 --seconds 1"
    (tmp_path / "callwarden.yaml").write_text("locale: en\n")
    ended = subprocess.run(
        [*command, *small.split(), "--config", str(tmp_path / "callwarden.yaml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert ended.returncode in {0, 1}, ended.stderr
    figures = {each["name"]: each for each in json.loads(ended.stdout)["figures"]}
    pair = figures["decisions/s, durable, against a server that allows at once"]
    assert (pair["bar"], pair["better"]) == (0.35, "higher")
    assert 0 < pair["value"] < 2
    assert "0 refused" in pair["how"]
    steady = figures["p99 at 200 decisions/s, open loop"]
    assert (steady["bar"], steady["unit"], steady["met"]) == (25, "ms", steady["value"] <= 25)
    assert figures["  p50"]["value"] <= steady["value"]
