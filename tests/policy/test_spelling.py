"""Rules against a model: phrases it has no units for are told where they stand, before any engine
is asked to listen for them."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from callwarden.problems import ProblemsFound
from policy import spelling
from policy.commands import rules

_PACK = """\
pack: mine
version: "1"
title: {zh: 我的, en: Mine}
patterns:
  discount:
    phrases: [打八折, 打(呣|九)折]
    not_preceded_by: [没有]
    second_look:
      heard: [打八折]
      instead: [打呣折]
rules:
  - id: forbidden.discount
    kind: said
    title: {zh: 折扣, en: Discount}
    severity: major
    scenes: ["*"]
    citation: house rule
    leg: agent
    patterns: [discount]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules" / "speech" / "mine").mkdir(parents=True)
    (tmp_path / "rules" / "speech" / "mine" / "mine.yaml").write_text(_PACK, encoding="utf-8")
    return tmp_path / "rules"


def test_rules_check_with_a_model_tells_line_column_and_what_to_write(
    folder: Path, model_folder: Path
) -> None:
    assert CliRunner().invoke(rules.check, [str(folder)]).exit_code == 0
    done = CliRunner().invoke(
        rules.check, [str(folder), "--model", str(model_folder)], standalone_mode=False
    )
    assert isinstance(done.exception, ProblemsFound)
    first, second = map(str, done.exception.problems)
    assert ":6:20: patterns.discount.phrases[1]: the model" in first
    assert "has no unit ḿ for '呣'" in first
    assert ":10:17: patterns.discount.second_look.instead[0]: " in second


def test_the_recognizer_does_not_start_on_them(
    folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "callwarden.yaml"
    config.write_text(
        f"rules: {{folder: {folder}, packs: [], speech: [mine]}}\n"
        "recognizer: {listen: '127.0.0.1:0'}\n"
    )
    command = (sys.executable, "-m", "callwarden.command", "recognizer", "run")
    options = ("--config", str(config), "--model", str(model_folder))
    done = subprocess.run(
        (*command, *options), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "mine.yaml:10:17: patterns.discount.second_look.instead[0]: " in done.stderr


def test_the_shipped_rules_fit_the_recommended_model(model_folder: Path) -> None:
    assert spelling.problems(None, ("base",), spelling.units_in(model_folder)) == []


def test_models_that_write_characters_need_units_for_second_looks_alone(
    folder: Path, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("<blk> 0\n打 1\n八 2\n折 3\n", encoding="utf-8")
    (problem,) = spelling.problems(folder, ("mine",), spelling.units_in(tokens))
    assert problem.key == "patterns.discount.second_look.instead[0]"


def test_a_folder_without_a_list_of_units_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound, match="no list of units"):
        spelling.units_in(tmp_path)
