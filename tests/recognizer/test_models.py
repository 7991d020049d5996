"""What a usable model folder is, and where one is looked for."""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from click.testing import CliRunner

from callwarden.problems import ProblemsFound
from callwarden.settings import Settings
from recognizer.models import commands, description, folder, found, kinds, onnx_header
from tests.recognizer import onnx_files


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
    "cut short": (
        lambda at: _write(_one(at, "encoder*"), _one(at, "encoder*").read_bytes()[:-9]),
        "cut short",
    ),
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


_AMISS: dict[str, tuple[str, str]] = {
    "kindd: transducer": ("1:1: kindd", "did you mean kind"),
    "kind: wisper": ("1:1: kind", "did you mean whisper"),
    "kind: paraformer": ("1:1: kind", "streaming: true` or `streaming: false"),
    "kind: whisper\nstreaming: true": ("2:1: streaming", "no streaming whisper"),
    "encoder: e\ndecoder: d": ("joiner", "the key joiner is missing"),
    "encoder: e\ndecoder: d\njoiner: j\nmodel: m": ("4:1: model", "leave it out"),
    "encoder: ../e\ndecoder: d\njoiner: j": ("1:1: encoder", "pattern"),
    "encoder: e\ndecoder: nowhere\njoiner: j\ntokens: t": (
        "2:1: decoder",
        "the file nowhere is missing",
    ),
    "encoder: d\ndecoder: d\njoiner: j\ntokens: t": (
        "1:1: encoder",
        "d is no encoder of a streaming transducer model: its head lacks model_type",
    ),
    "kind: sense-voice\nmodel: e\ntokens: t": ("2:1: model", "its head lacks vocab_size"),
    "encoder: e\ndecoder: d\njoiner: j\ntokens: t\nvad: d": ("d:1:1: vad", "silero_vad.onnx"),
}


@pytest.fixture
def own(copy: Path) -> Path:
    """The model under names that say nothing."""
    folder_ = copy.with_name("own")
    folder_.mkdir()
    for name, pattern in {"e": "encoder*", "d": "decoder*", "j": "joiner*", "t": "tokens*"}.items():
        shutil.copy(_one(copy, pattern), folder_ / name)
    return folder_


@pytest.mark.parametrize("text", _AMISS)
def test_what_is_wrong_in_a_description_is_told_at_its_place(own: Path, text: str) -> None:
    (own / description.FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ProblemsFound) as refused:
        folder.load(own)
    place, message = _AMISS[text]
    assert place in str(refused.value)
    assert message in str(refused.value)


def test_a_folder_with_names_of_its_own_needs_a_description(own: Path, shared_folder: Path) -> None:
    with pytest.raises(ProblemsFound):
        folder.load(own)
    shutil.copy(shared_folder / "models" / "silero_vad.onnx", own)
    (own / description.FILE).write_text(
        "languages: [zh]\nencoder: e\ndecoder: d\njoiner: j\ntokens: t\nvad: silero_vad.onnx\n"
    )
    model = folder.load(own)
    assert (model.encoder, model.vad) == (str(own / "e"), str(own / "silero_vad.onnx"))


_HEADS: dict[str, dict[str, kinds.Kind | None]] = {
    "zipformer2-ctc, streaming": {"ctc-epoch-20.onnx": kinds.ALL[1]},
    "paraformer, streaming": {"encoder.int8.onnx": kinds.ALL[2], "decoder.int8.onnx": None},
    "paraformer": {"model.onnx": kinds.ALL[3]},
    "sense-voice": {"model.onnx": kinds.ALL[4]},
    "telespeech-ctc": {"model.int8.onnx": kinds.ALL[5]},
    "dolphin-ctc": {"model.int8.onnx": kinds.ALL[6]},
    "whisper": {"tiny-encoder.int8.onnx": kinds.ALL[7], "tiny-decoder.int8.onnx": None},
}


@pytest.mark.parametrize("what", _HEADS)
def test_what_a_model_is_stands_in_its_own_files(tmp_path: Path, what: str) -> None:
    for name, kind in _HEADS[what].items():
        marks = dict.fromkeys(kind.marks.get(kind.parts[0], ()), "2") if kind else {}
        if kind and kind.model_types:
            marks["model_type"] = f"{kind.model_types[0]}_x"
        (tmp_path / name).write_bytes(onnx_files.head(marks))
    (tmp_path / "a-tokens.txt").write_text("<blk> 0\n好 1\n#0 2\n", encoding="utf-8")
    model = folder.load(tmp_path)
    assert (model.kind, model.streaming) == (what.split(",", maxsplit=1)[0], "streaming" in what)
    assert (Path(model.model or model.encoder).name) == next(iter(_HEADS[what]))


def test_an_onnx_file_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = onnx_files.sense_voice()
    file = tmp_path / "model.onnx"
    for kept in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:kept])
        with pytest.raises(onnx_header.NotOnnx):
            onnx_header.read(file)
    file.write_bytes(whole)
    assert onnx_header.read(file).outputs["logits"] == (1, None, 9)


@hypothesis.given(hypothesis.strategies.binary(max_size=200))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.onnx"
    file.write_bytes(b"\x08\x07" + raw)
    with contextlib.suppress(onnx_header.NotOnnx):
        onnx_header.read(file)


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
