"""`callwarden bench scan`: scan and the bare loop over the same audio, told beside its bar."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from recognizer.bench_scan import bench_scan


@pytest.mark.soak
def test_it_tells_the_ratio_beside_its_bar(
    calls_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "call").symlink_to(calls_folder / "refusal-and-stop")
    done = CliRunner().invoke(
        bench_scan,
        ["--calls", str(tmp_path), "--model", str(model_folder), "--rounds", "1", "--json"],
        standalone_mode=False,
    )
    assert done.exception is None
    told = {each["name"]: each for each in json.loads(done.stdout)["figures"]}
    ratio = told["scan against a bare loop, wall clock"]
    assert (ratio["bar"], ratio["better"]) == (0.8, "higher")
    # On a box that is busy with other tests it says little, but both did the same work.
    assert 0.1 < told["the same in CPU seconds"]["value"] < 4
