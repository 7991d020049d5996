"""Owns how a worker decodes: what the configuration says of it, handed to workers as JSON."""

import json
import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callwarden.settings import Recognizer


@dataclass(frozen=True)
class Decoding:
    """`threads` that decode in a worker; `pinned`: each worker keeps to one core, its `core`, of
    which the workers of other pools take the `first` ones."""

    threads: int = 1
    skip_silence: bool = True
    pinned: bool = False
    core: int | None = None
    first: int = 0

    @classmethod
    def of(cls, settings: "Recognizer") -> "Decoding":
        return cls(settings.threads, settings.silence == "skip", settings.pin)

    def of_worker(self, number: int) -> "Decoding":
        """For the worker that is the `number`-th of its pool, counted from 0."""
        cores = sorted(os.sched_getaffinity(0))
        return (
            replace(self, core=cores[(self.first + number) % len(cores)]) if self.pinned else self
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Decoding":
        return cls(**json.loads(text))
