"""What would end the engine ends a process of its own first, and says what to do."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from callwarden.problems import ProblemsFound
from recognizer import devices, preflight
from recognizer.decoding import Decoding
from recognizer.models import commands, folder
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.process import WorkerFailed
from tests.recognizer import onnx_files


@pytest.fixture
def sense_voice(tmp_path: Path) -> Model:
    return folder.load(onnx_files.sense_voice_folder(tmp_path / "sense-voice"))


def test_models_that_serve_have_no_problems(model: Model, sense_voice: Model) -> None:
    assert preflight.check(model) == []
    assert preflight.check(sense_voice) == []


def test_a_model_that_the_engine_ends_on_says_what_to_do(model: Model, tmp_path: Path) -> None:
    damaged = tmp_path / "encoder.onnx"
    raw = bytearray(Path(model.encoder).read_bytes())
    raw[len(raw) // 4 : len(raw) // 2] = bytes(len(raw) // 2 - len(raw) // 4)
    damaged.write_bytes(raw)
    wrong = {
        "name its real kind": replace(model, kind="paraformer"),
        "get it again": replace(model, joiner=model.decoder),
        "models pull": replace(model, encoder=str(damaged)),
    }
    for advice, each in wrong.items():
        (problem,) = preflight.check(each)
        assert problem.file == os.path.dirname(model.tokens)
        assert advice in problem.message
        assert "the engine ends on it (" in problem.message


def test_verify_tries_the_engine_where_files_alone_tell_nothing(tmp_path: Path) -> None:
    where = onnx_files.sense_voice_folder(tmp_path / "sense-voice")
    good = CliRunner().invoke(commands.verify, [str(where)], standalone_mode=False)
    assert good.exception is None, good.exception
    file = where / "model.int8.onnx"
    file.write_bytes(file.read_bytes().replace(b"MatMul", b"NotMul"))
    assert folder.verify(where) == []
    bad = CliRunner().invoke(commands.verify, [str(where)], standalone_mode=False)
    assert isinstance(bad.exception, ProblemsFound)
    assert "the engine ends on it" in str(bad.exception)


def test_a_gpu_that_is_not_there_is_refused_before_the_engine_is_asked(model: Model) -> None:
    for device in ("cuda", "cuda:1"):
        with pytest.raises(devices.NoDevice, match=r"CUDA wheel.*docs/gpu\.md"):
            devices.require(device)
        (problem,) = preflight.check(replace(model, device=device))
        assert problem.key == "device"
        assert problem.message.startswith(f"{device}: the installed sherpa-onnx")
    devices.require("cpu")


async def test_a_worker_never_takes_the_cpu_in_place_of_the_gpu(model: Model) -> None:
    """The engine itself falls back with a line on stderr, streaming or not."""
    with pytest.raises(WorkerFailed, match="cuda:0: the engine takes the CPU instead"):
        await Pool(replace(model, device="cuda:0"), 1, Decoding()).start()


def test_a_worker_sees_the_gpu_that_is_meant_alone() -> None:
    assert devices.environment("cpu") == devices.environment("cuda") == {}
    assert devices.environment("cuda:1")["CUDA_VISIBLE_DEVICES"] == "1"


def test_each_thing_that_a_gpu_needs_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    provider = tmp_path / "sherpa_onnx" / "lib" / "libonnxruntime_providers_cuda.so"
    provider.parent.mkdir(parents=True)
    provider.touch()
    (tmp_path / "sherpa_onnx" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sherpa_onnx", raising=False)
    assert devices.has_provider()
    monkeypatch.setattr(devices, "_NODES", (str(tmp_path / "nvidiactl"),))
    with pytest.raises(devices.NoDevice, match="no NVIDIA driver is loaded"):
        devices.require("cuda")
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setattr(devices, "_DRIVER", "libcuda-of-no-box.so.1")
    with pytest.raises(devices.NoDevice, match=r"libcuda-of-no-box\.so\.1 is not installed"):
        devices.require("cuda:0")
