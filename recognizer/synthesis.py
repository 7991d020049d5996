"""Owns speaking a dialogue into a call's two legs, where a demo has no recorded calls to play.

Run as a program of its own, `python -m recognizer.synthesis TEXTS OUT --model FOLDER`: the engine
may end its process. Each dialogue becomes `OUT/ID/agent.wav` and `customer.wav` (8 kHz mu-law, the
same length, one leg each) and `call.json`. Without the voice model it can't
run; `callwarden models pull` fetches it.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import soundfile
from pydantic import BaseModel, ConfigDict
from tqdm import tqdm

from callwarden import located_yaml
from recognizer import sherpa

_RATE_HZ = 8000
_BEFORE_S, _BETWEEN_S, _AFTER_S = 1.3, 0.7, 1.2
# Kokoro multi-lang v1.1: 3 to 57 are Mandarin women, 58 to 102 Mandarin men.
_SPEAKERS = {"agent": 3, "customer": 58}

Samples = np.ndarray[tuple[int], np.dtype[np.float32]]


class _Dialogue(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    scene: str
    turns: list[dict[str, str]]


class _Dialogues(BaseModel):
    dialogues: list[_Dialogue]


def _read(texts: Path) -> list[_Dialogue]:
    document = located_yaml.read(texts.read_text(encoding="utf-8"), str(texts))
    wrapped = located_yaml.LocatedDocument(document.file, {"dialogues": document.value})
    return located_yaml.validate(wrapped, _Dialogues).dialogues


def _legs(dialogue: _Dialogue, voice: sherpa.Voice) -> Iterator[tuple[str, Samples]]:
    """Both legs, each silent while the other speaks."""
    parts: dict[str, list[Samples]] = {leg: [_silence(_BEFORE_S)] for leg in _SPEAKERS}
    for turn in dialogue.turns:
        for speaker, text in turn.items():
            spoken = _resampled(*voice.speak(text, _SPEAKERS[speaker]))
            for leg, sounds in parts.items():
                sounds.append(spoken if leg == speaker else np.zeros_like(spoken))
                sounds.append(_silence(_BETWEEN_S))
    for leg, sounds in parts.items():
        yield leg, np.concatenate([*sounds, _silence(_AFTER_S)])


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * _RATE_HZ), dtype=np.float32)


def _resampled(samples: Samples, rate_hz: int) -> Samples:
    """Down to 8 kHz by the spectrum: what lies above 4 kHz is cut off, as a telephone does."""
    wanted = round(len(samples) * _RATE_HZ / rate_hz)
    spectrum = np.fft.rfft(samples)[: wanted // 2 + 1]
    return np.fft.irfft(spectrum, wanted).astype(np.float32) * (wanted / len(samples))


@click.command()
@click.argument("texts", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--model", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(texts: Path, out: Path, model: Path) -> None:
    """Speak every dialogue of TEXTS into a folder of OUT."""
    voice = sherpa.Voice(model)
    for dialogue in tqdm(_read(texts), desc="speaking", disable=not sys.stderr.isatty()):
        # Under its final name only when it is whole: a cache is looked at by name.
        folder = out / f"{dialogue.id}.part"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for leg, samples in _legs(dialogue, voice):
            soundfile.write(folder / f"{leg}.wav", samples, _RATE_HZ, subtype="ULAW")
        call = {"id": dialogue.id, "scene": dialogue.scene}
        (folder / "call.json").write_text(json.dumps(call), encoding="utf-8")
        folder.rename(out / dialogue.id)


if __name__ == "__main__":
    main()
