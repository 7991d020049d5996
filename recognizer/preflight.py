"""Owns trying a model out in a process of its own: what would end the engine ends that one.

`check` is called by `models verify` and where workers end on a model, `batch` when a pool starts;
the module itself is the program that they start.
"""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Final

from callwarden.problems import Problem
from recognizer import devices
from recognizer.models.model import Model

LIMIT_S: Final = 120.0
_SILENCE_S: Final = 1.0
_SILENCE: Final = 2 * round(8000 * _SILENCE_S)
"""Bytes of it at 8 kHz."""
_ADVICE: Final = (
    ("bad_alloc", "its memory does not do: choose a smaller model, or fewer workers"),
    ("protobuf", "a file is damaged: get it again with `callwarden models pull`"),
    ("model_type", "name its real kind in callwarden-model.yaml, or choose another model"),
    ("metadata", "name its real kind in callwarden-model.yaml, or choose another model"),
)
"""What to do, by what the engine said."""
_SWALLOWED: Final = "caught exception"
"""What the engine says where a non-streaming model fails on what it is given: its result is then
empty, and nothing is raised."""
_OTHERWISE: Final = "get it again with `callwarden models pull`, or choose another model"


def check(model: Model) -> list[Problem]:
    """Has a child process load `model` and decode a second of silence; takes as long as loading
    it does. What is wrong, with the engine's last words; nothing when it serves."""
    folder = os.path.dirname(model.tokens)
    try:
        devices.require(model.device)
    except devices.NoDevice as error:
        return [Problem(folder, 1, 1, "device", str(error))]
    try:
        tried = _in_a_process(replace(model, batch=1))
    except subprocess.TimeoutExpired:
        what = f"does not load and decode {_SILENCE_S:.0f} s within {LIMIT_S:.0f} s"
        return [Problem(folder, 1, 1, "model", f"{what}: {_OTHERWISE}")]
    if _served(tried):
        return []
    last = next((each.strip() for each in reversed(tried.stderr.splitlines()) if each.strip()), "")
    if devices.FALLEN_BACK in last:
        return [Problem(folder, 1, 1, "device", last)]
    return [Problem(folder, 1, 1, "model", _told(tried.returncode, tried.stderr, last))]


def batch(model: Model) -> int:
    """How many streams it decodes in one go: as many as it may be given, or one where a child
    process raises, ends or hears nothing over them. Takes as long as loading the model does, and no
    time where it may be given one."""
    if model.batch == 1:
        return 1
    try:
        return model.batch if _served(_in_a_process(model)) else 1
    except subprocess.TimeoutExpired:
        return 1


def _served(tried: "subprocess.CompletedProcess[str]") -> bool:
    return tried.returncode == 0 and _SWALLOWED not in tried.stderr.lower()


def _in_a_process(model: Model) -> "subprocess.CompletedProcess[str]":
    """Raises TimeoutExpired."""
    return subprocess.run(
        (sys.executable, "-P", "-m", "recognizer.preflight", model.to_json()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LIMIT_S,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | devices.environment(model.device),
    )


def _told(code: int, stderr: str, last: str) -> str:
    if code == -signal.SIGKILL:
        return "the system ended the engine: its memory does not do; choose a smaller model"
    advice = next((text for word, text in _ADVICE if word in stderr.lower()), _OTHERWISE)
    return f"the engine ends on it ({code}; {last or 'it said nothing'}): {advice}"


def _try(model: Model) -> None:
    """Loads the model and whatever it comes with, and has it decode as many streams in one go as
    it may be given."""
    from recognizer.segments import SegmentEngine
    from recognizer.sherpa import Engine

    with devices.as_asked(model.device):
        if model.in_segments:
            engine = SegmentEngine(model)
            silence = [(8000, bytes(_SILENCE + 800 * each)) for each in range(model.batch)]
            engine.hear(silence)
            engine.whole.hear_together(silence)  # its voice detector may have passed it over
            return
        streaming = Engine(model, 1)  # it decodes silence to learn its step
        streams = [streaming.stream(8000, skip_silence=False) for _ in range(model.batch)]
        for each in streams:
            each.accept(bytes(_SILENCE))
            each.finish()
        while any(streaming.step(streams)):
            pass


if __name__ == "__main__":
    try:
        _try(Model.from_json(sys.argv[1]))
    except RuntimeError as error:
        sys.exit(f"{error}")
    sys.stdout.flush()
    os._exit(0)  # the engine's own end is not what is tried
