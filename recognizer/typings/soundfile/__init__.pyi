"""What the recognizer and the lab use of soundfile 0.13."""

from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

class LibsndfileError(RuntimeError): ...

class SoundFile:
    samplerate: int
    channels: int
    frames: int
    format: str
    subtype: str
    def __init__(self, file: Path | str) -> None: ...
    def read(
        self, frames: int, dtype: Literal["int16"], always_2d: Literal[True]
    ) -> NDArray[np.int16]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

class _Facts:
    duration: float

def info(file: Path | str) -> _Facts: ...
@overload
def read(
    file: Path | str, *, dtype: Literal["int16"], always_2d: bool = ...
) -> tuple[NDArray[np.int16], int]: ...
@overload
def read(
    file: Path | str,
    *,
    samplerate: int | None = ...,
    channels: int | None = ...,
    format: str | None = ...,
    subtype: str | None = ...,
) -> tuple[NDArray[np.float64], int]: ...
def write(
    file: Path | str,
    data: NDArray[Any],
    samplerate: int,
    subtype: str | None = ...,
    *,
    format: str | None = ...,  # noqa: A002 (soundfile's own name)
) -> None: ...
