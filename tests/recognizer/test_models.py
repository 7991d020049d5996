"""What a usable model folder is, and where one is looked for."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from callwarden.problems import ProblemsFound
from callwarden.settings import Settings
from recognizer.models import commands, folder, found


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    """The model under its own name, so that its hashes are known, free to be broken."""
    target = tmp_path / "models" / model_folder.name
    shutil.copytree(model_folder, target, ignore=shutil.ignore_patterns("test_wavs"))
    for each in (target, *target.iterdir()):
        each.chmod(0o755)
    return target


def _one(folder_: Path, pattern: str) -> Path:
    (path,) = folder_.glob(pattern)
    return path


def _delete(path: Path) -> Path:
    path.unlink()
    return path


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


_BREAK: dict[str, tuple[Callable[[Path], Path], str]] = {
    "joiner missing": (lambda at: _delete(_one(at, "joiner*")), "missing"),
    "tokens missing": (lambda at: _delete(at / "tokens.txt"), "missing"),
    "wrong hash": (
        lambda at: _write(_one(at, "decoder*"), b"\x08" + bytes(9000)),
        "should be fb581d673451",
    ),
    "a pointer": (
        lambda at: _write(_one(at, "encoder*"), b"version https://git-lfs.github.com/spec/v1"),
        "git lfs pull",
    ),
    "not onnx": (lambda at: _write(_one(at, "encoder*"), b"<html>" * 999), "not an ONNX file"),
    "a unit twice": (
        lambda at: _write(at / "tokens.txt", b"<blk> 0\na 1\nb 1\n"),
        "not a unit and its number",
    ),
    "a unit lost": (lambda at: _write(at / "tokens.txt", b"<blk> 0\nb 2\n"), "units are missing"),
}


@pytest.mark.parametrize("how", _BREAK)
def test_a_broken_folder_is_refused_with_the_file_and_what_to_do(copy: Path, how: str) -> None:
    break_it, message = _BREAK[how]
    broken = break_it(copy)
    with pytest.raises(ProblemsFound) as refused:
        folder.load(copy)
    text = str(refused.value)
    assert broken.name.split("-")[0].removesuffix(".txt") in text
    assert message in text
    assert "models pull" in text or "git lfs pull" in text


def test_verify_says_what_is_wrong_and_exits_with_2(copy: Path) -> None:
    good = CliRunner().invoke(commands.verify, [str(copy)], standalone_mode=False)
    assert good.exception is None
    assert "4 files compared by hash" in good.output
    _write(_one(copy, "joiner*"), b"\x08" + bytes(5000))
    bad = CliRunner().invoke(commands.verify, [str(copy)], standalone_mode=False)
    assert isinstance(bad.exception, ProblemsFound)  # the root command ends with 2 on it
    assert "joiner" in str(bad.exception)


def test_a_folder_with_names_of_its_own_needs_a_description(copy: Path) -> None:
    own = copy.with_name("own")
    own.mkdir()
    for name, pattern in {"e": "encoder*", "d": "decoder*", "j": "joiner*", "t": "tokens*"}.items():
        shutil.copy(_one(copy, pattern), own / name)
    with pytest.raises(ProblemsFound):
        folder.load(own)
    description = own / folder.DESCRIPTION
    description.write_text("encoder: e\ndecoder: d\njoiner: j\ntokens: t\nkindd: transducer\n")
    with pytest.raises(ProblemsFound, match="did you mean kind"):
        folder.load(own)
    description.write_text("encoder: e\ndecoder: d\njoiner: j\ntokens: t\n")
    assert folder.load(own).encoder == str(own / "e")


def test_the_search_passes_broken_models_over_and_tells(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(state=copy.parents[1])
    monkeypatch.setattr(found, "places", lambda _: [copy.parent])
    search = found.search(None, settings)
    assert search.model is not None
    assert search.model.name == copy.name
    _delete(_one(copy, "encoder*"))
    search = found.search(None, settings)
    assert search.model is None
    assert "callwarden models pull" in search.missing
    assert "encoder" in search.missing
    with pytest.raises(ProblemsFound, match="encoder"):
        found.search(copy.name, settings)


def test_models_are_looked_for_where_the_environment_says_first(
    copy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CALLWARDEN_MODELS", str(copy.parent))
    assert found.places(Settings(state=tmp_path))[0] == copy.parent
    monkeypatch.setenv("CALLWARDEN_MODELS", str(copy))
    model = found.search(None, Settings(state=tmp_path / "none")).model
    assert model is not None
    assert Path(model.tokens).parent == copy
