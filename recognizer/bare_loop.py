"""Owns the loop that scan is measured against: sherpa-onnx decoding the same audio on the same
threads, and nothing else: no utterances, no rules, no frames between processes.

Run by `bench scan` as a program of its own: `bare_loop.py MODEL_JSON THREADS FILE…`, every file a
leg; prints the seconds it took by the clock and of CPU, the model loaded before.
"""

import sys
import threading
import time
from collections import deque

import sherpa_onnx
import soundfile

from recognizer.models.model import Model
from recognizer.waveform import waveform

_BLOCK_S = 0.2


def decode(model: Model, threads: int, files: list[str]) -> tuple[float, float]:
    """Decodes every file to its end; seconds of wall clock and of CPU."""
    recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(
        tokens=model.tokens,
        encoder=model.encoder,
        decoder=model.decoder,
        joiner=model.joiner,
        num_threads=1,
        sample_rate=model.feature_rate_hz,
        decoding_method="greedy_search",
        provider="cpu",
    )
    waiting = deque(files)

    def work() -> None:
        while True:
            try:
                file = waiting.popleft()
            except IndexError:
                return
            pcm, rate_hz = soundfile.read(file, dtype="int16")
            samples = waveform(pcm)
            stream = recognizer.create_stream()
            block = round(_BLOCK_S * rate_hz)
            for start in range(0, len(samples), block):
                stream.accept_waveform(rate_hz, samples[start : start + block])
                while recognizer.is_ready(stream):
                    recognizer.decode_stream(stream)
            stream.input_finished()
            while recognizer.is_ready(stream):
                recognizer.decode_stream(stream)
            recognizer.tokens(stream)

    began, cpu_began = time.monotonic(), time.process_time()
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return time.monotonic() - began, time.process_time() - cpu_began


if __name__ == "__main__":
    print(*decode(Model.from_json(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
