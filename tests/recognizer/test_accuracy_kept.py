"""No rule may get worse on the calls whose truth is known than `docs/accuracy.md` says it is."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from recognizer import evaluate

_KEPT = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"


@pytest.mark.timeout(300)
def test_no_rule_is_worse_than_it_was(calls_folder: Path) -> None:
    words = [str(calls_folder), "--against", str(_KEPT)]
    done = CliRunner().invoke(evaluate.evaluate, words, standalone_mode=False)
    assert done.return_value == 0, done.stderr
    kept = _KEPT.read_text(encoding="utf-8").splitlines()
    rules = {line.split("|")[1] for line in kept if line.startswith("|")}
    assert rules >= {line.split("|")[1] for line in done.stdout.splitlines()}
