"""`callwarden bench recognizer`: what it searches, measures and writes."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from callwarden import settings
from callwarden.v1 import conversation_pb2, recognition_pb2
from recognizer.bench import players
from recognizer.bench.capacity import Run, search
from recognizer.bench.players import Lags
from recognizer.bench.recognizer import recognizer, write
from recognizer.bench.spoken import without_pauses


@pytest.mark.parametrize("carries", [2, 30, 48, 101, 400])
@pytest.mark.parametrize("close", [False, True])
async def test_the_search_ends_near_what_is_carried(carries: int, close: bool) -> None:
    asked: list[int] = []

    async def run(streams: int) -> Run:
        asked.append(streams)
        p95_s = 0.6 if streams <= carries else 5.0
        return Run(streams, 15, Lags(1, 0.4, p95_s, p95_s, 0, 0), 1, 1, 1, 1)

    best = await search(run, 48, "legs", close=close)
    assert 0.92 * carries - 2 <= best.streams <= carries
    assert all(each % 2 == 0 for each in asked)
    assert len(asked) <= (40 if close else 12)


def test_what_is_recommended_is_written_and_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "callwarden.yaml"
    file.write_text(
        "# ours\nlocale: en\nrecognizer:\n  workers: 1  # guessed\n  listen: 127.0.0.1:4999\n",
        encoding="utf-8",
    )
    file.chmod(0o640)
    write(file, {"workers": 2, "threads": 1, "pin": True, "most_calls": 50})
    text = file.read_text(encoding="utf-8")
    assert "# ours" in text
    assert "workers: 2  # guessed" in text
    assert file.stat().st_mode & 0o777 == 0o640
    read = settings.load(file)
    assert (read.locale, read.recognizer.listen) == ("en", "127.0.0.1:4999")
    assert (read.recognizer.workers, read.recognizer.pin) == (2, True)
    assert read.recognizer.most_calls == 50


def test_pauses_are_cut_to_a_breath() -> None:
    rate_hz = 8000
    loud = np.full(rate_hz, 8000, dtype=np.int16)
    quiet = np.full(3 * rate_hz, 5, dtype=np.int16)
    left = without_pauses(np.concatenate((loud, quiet, loud)), rate_hz)
    assert len(left) / rate_hz == pytest.approx(2.4, abs=0.03)


def test_a_word_counts_once_when_it_first_comes() -> None:
    player = players._Player()
    for came, starts in ((1.0, [0.2]), (1.5, [0.2, 0.9])):
        utterance = conversation_pb2.Utterance(utterance_id="agent-0", token_starts_s=starts)
        message = recognition_pb2.ListenResponse(utterance=utterance)
        player.came.append((came, message.SerializeToString()))
    assert list(players._words_of_call(player)) == [(0.2, 1.0), (0.9, 1.5)]


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_it_is_measured_beside_the_peer(calls_folder: Path, model_folder: Path) -> None:
    words = ["--calls", str(calls_folder), "--model", str(model_folder), "--legs", "4"]
    words += ["--against", "websocket-server", "--seconds", "8", "--rounds", "1", "--json"]
    done = CliRunner().invoke(recognizer, words, standalone_mode=False)
    assert done.exception is None
    figures = {each["name"]: each["value"] for each in json.loads(done.stdout)["figures"]}
    assert figures["callwarden: words"] > 10
    assert figures["sherpa-onnx-online-websocket-server: words"] > 10


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_further_call_needs_little_memory(calls_folder: Path, model_folder: Path) -> None:
    words = ["--calls", str(calls_folder), "--model", str(model_folder), "--memory", "3", "--json"]
    done = CliRunner().invoke(recognizer, words, standalone_mode=False)
    assert done.exception is None
    (each, _, _) = json.loads(done.stdout)["figures"]
    assert each["met"], each
