"""Owns reading sound files: what a file holds, and its samples block by block.

Called by `recordings`. WAV and FLAC are read as they are; MP3, Opus, AAC and other compressed ones
are decoded by PyAV, whose samples are brought to a rate the recognizer takes. A file that cannot be
read is a Problem with what to do.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt
import soundfile

from callwarden.problems import Problem, ProblemsFound

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

RATES_HZ: Final = (8000, 16000)
PLAIN: Final = (".wav", ".flac")
COMPRESSED: Final = (".mp3", ".opus", ".ogg", ".m4a", ".aac", ".webm", ".amr")
_CODECS: Final = {
    "ULAW": "mu-law",
    "ALAW": "A-law",
    **dict.fromkeys(("PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT"), "PCM"),
}

Block = npt.NDArray[np.int16]
"""Samples by channels."""


class Sound(Protocol):
    def read(self, frames: int) -> Block:
        """The next samples; fewer at the end, none after it."""


@dataclass(frozen=True)
class Form:
    """What a file holds; `rate_hz` is that at which it is read, `seconds` may be off by a frame
    where the file is compressed."""

    rate_hz: int
    channels: int
    seconds: float
    codec: str


def form(file: Path) -> Form:
    """Raises ProblemsFound for what is no sound, holds none, or has a rate or encoding that must
    be converted first."""
    if not file.is_file():
        raise problem(file, "no such file")
    found = _compressed_form(file) if file.suffix.lower() in COMPRESSED else _plain_form(file)
    if found.seconds <= 0:
        raise problem(file, "holds no audio")
    return found


def opened(file: Path, rate_hz: int) -> AbstractContextManager[Sound]:
    """The file's samples at the rate that `form` told. Raises ProblemsFound for audio that breaks
    off."""
    if file.suffix.lower() in COMPRESSED:
        return _decoded(file, rate_hz)
    return _plain(file)


def problem(file: Path, message: str, key: str = "audio") -> ProblemsFound:
    return ProblemsFound([Problem(str(file), 1, 1, key, message)])


def _plain_form(file: Path) -> Form:
    try:
        with soundfile.SoundFile(file) as sound:
            rate_hz, frames, subtype = sound.samplerate, sound.frames, sound.subtype
            channels = sound.channels
    except (soundfile.LibsndfileError, OSError):
        raise problem(file, "not a WAV file that can be read: export it again") from None
    if rate_hz not in RATES_HZ:
        raise problem(file, f"{rate_hz} Hz: convert it to 8000 or 16000 Hz")
    if subtype not in _CODECS:
        raise problem(file, f"{subtype}: convert it to PCM, mu-law or A-law")
    return Form(rate_hz, channels, frames / rate_hz, _CODECS[subtype])


@contextmanager
def _plain(file: Path) -> Iterator[Sound]:
    with soundfile.SoundFile(file) as sound:
        yield _Plain(sound)


class _Plain:
    def __init__(self, sound: soundfile.SoundFile) -> None:
        self._sound = sound

    def read(self, frames: int) -> Block:
        return self._sound.read(frames, dtype="int16", always_2d=True)


def _compressed_form(file: Path) -> Form:
    with _container(file) as (container, stream):
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
        else:
            seconds = (container.duration or 0) / 1_000_000
        rate_hz = RATES_HZ[0] if stream.rate == RATES_HZ[0] else RATES_HZ[1]
        return Form(rate_hz, stream.channels, seconds, stream.codec_context.name)


@contextmanager
def _decoded(file: Path, rate_hz: int) -> Iterator[Sound]:
    with _container(file) as (container, stream):
        yield _Decoded(file, container, stream, rate_hz)


@contextmanager
def _container(file: Path) -> Iterator[tuple["InputContainer", "AudioStream"]]:
    import av  # libraries of 30 MB that only a compressed file needs

    try:
        container = av.open(str(file))
    except (av.FFmpegError, OSError):
        raise problem(file, "not a sound file that can be read: export it again") from None
    with container:
        if not container.streams.audio:
            raise problem(file, "holds no audio")
        yield container, container.streams.audio[0]


class _Decoded:
    """Samples of a compressed file, as they are decoded."""

    def __init__(
        self, file: Path, container: "InputContainer", stream: "AudioStream", rate_hz: int
    ) -> None:
        self._file = file
        self._channels = stream.channels
        self._blocks = self._decode(container, stream, rate_hz)
        self._kept: Block = np.zeros((0, self._channels), np.int16)

    def read(self, frames: int) -> Block:
        while len(self._kept) < frames:
            block = next(self._blocks, None)
            if block is None:
                break
            self._kept = np.concatenate((self._kept, block))
        taken, self._kept = self._kept[:frames], self._kept[frames:]
        return taken

    def _decode(
        self, container: "InputContainer", stream: "AudioStream", rate_hz: int
    ) -> Iterator[Block]:
        import av

        resampler = av.AudioResampler("s16", stream.layout, rate_hz)
        try:
            for frame in container.decode(stream):
                for made in resampler.resample(frame):
                    yield made.to_ndarray().astype(np.int16, copy=False).reshape(-1, self._channels)
            for made in resampler.resample(None):
                yield made.to_ndarray().astype(np.int16, copy=False).reshape(-1, self._channels)
        except av.FFmpegError:
            raise problem(self._file, "the audio breaks off: export it again") from None
