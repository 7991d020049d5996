"""`callwarden rules evaluate` and `bench noise`: figures with intervals, and what got worse."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recognizer import evaluate

_CALLS = ("no-recording-notice", "refusal-and-stop")


@pytest.fixture(scope="module")
def corpus(calls_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name in _CALLS:
        shutil.copytree(calls_folder / name, folder / name, copy_function=shutil.copyfile)
        (folder / name).chmod(0o755)
    return folder


def _evaluate(*arguments: object) -> Result:
    words = [*map(str, arguments), "--workers", "1"]
    return CliRunner().invoke(evaluate.evaluate, words, standalone_mode=False)


def _row(done: Result, rule: str) -> list[str]:
    line = next(each for each in done.stdout.splitlines() if each.startswith(f"| {rule} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.timeout(240)
def test_each_rule_has_its_figures_and_what_got_worse_is_told(corpus: Path, tmp_path: Path) -> None:
    done = _evaluate(corpus)
    assert done.return_value == 0, done.output
    refusal = _row(done, "refusal.explicit")
    assert refusal[1:6] == ["cmn", "mu-law", "1", "1", "1.00 (0.21–1.00)"]
    assert refusal[7:9] == ["0", "0.0"]
    assert re.fullmatch(r"\d\.\d\d s", refusal[9])
    assert _row(done, "forbidden.zero-risk")[3:7] == ["0", "0", "–", "–"]

    earlier = tmp_path / "accuracy.md"
    row = "| refusal.explicit | cmn | mu-law |"
    better = done.stdout.replace(f"{row} 1 | 1 |", f"{row} 2 | 2 |")
    earlier.write_text(f"{better}\n| no.rule | cmn | mu-law | 1 | 1 | – | – | 0 | 0.0 | – | – |\n")
    compared = _evaluate(corpus, "--json", "--against", earlier)
    assert compared.return_value == 1
    assert "refusal.explicit (cmn, mu-law): found 1 of 1, then 2" in compared.stderr
    assert "no.rule (cmn, mu-law): was measured then, and is not now" in compared.stderr
    fields = json.loads(compared.stdout)
    (told,) = [each for each in fields["rules"] if each["rule"] == "refusal.explicit"]
    assert told["recall"] == 1.0
    assert told["recall_95"] == pytest.approx([0.2065, 1.0], abs=1e-4)
    assert fields["all"]["seconds"] == pytest.approx(41.1, abs=0.2)


def test_truth_that_is_wrong_is_told_all_at_once(corpus: Path, tmp_path: Path) -> None:
    for name in _CALLS:
        shutil.copytree(corpus / name, tmp_path / name)
    (tmp_path / _CALLS[0] / "truth.json").write_text(
        '{"turns": [], "expect": [{"rule": "forbidden.pressure", "leg": "agent", "turn": 3}]}'
    )
    (tmp_path / _CALLS[1] / "truth.json").unlink()
    told = str(_evaluate(tmp_path).exception)
    assert "truth.json:1:1: (document): expect names turn 3, and there are 0" in told
    assert "refusal-and-stop/truth.json:1:1: truth: missing" in told


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_twelve_calls_through_bad_lines(calls_folder: Path) -> None:
    words = [str(calls_folder), "--json"]
    done = CliRunner().invoke(evaluate.noise, words, standalone_mode=False)
    figures = {each["name"]: each for each in json.loads(done.stdout)["figures"]}
    assert len(figures) == 8
    assert all(each["met"] for each in figures.values()), figures
