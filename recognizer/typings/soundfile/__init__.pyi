"""What the recognizer uses of soundfile 0.13."""

from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

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
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

def read(
    file: Path | str, dtype: Literal["int16"], always_2d: Literal[True]
) -> tuple[NDArray[np.int16], int]: ...
def write(
    file: Path | str, data: NDArray[Any], samplerate: int, subtype: str | None = ...
) -> None: ...
