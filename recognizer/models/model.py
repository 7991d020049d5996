"""Owns what a worker must know of a model to load it.

Made by `recognizer.models.folder`, handed to workers as JSON. Whoever holds a Model may rely on
its files having been there and in form a moment ago.
"""

import json
from dataclasses import asdict, dataclass

LARGEST_BATCH = 8
"""Streams that a model is given in one go at most, where its folder does not say."""


@dataclass(frozen=True)
class Model:
    """A model that hears speech; its kind and whether it streams are those of `models.kinds`.
    Paths are absolute; what the kind has no use for is empty.

    `feature_rate_hz` is what its features are computed at; audio of any telephone rate goes in.
    `language` is what a model of several is told to expect, empty: it finds out itself.
    `segments`: it hears finished stretches of speech though it streams. `device` is `cpu`, `cuda`
    or `cuda:N`. `batch` is how many streams it may be given in one go, 1 where it is known to take
    no more; `recognizer.preflight` tells whether it takes them.
    """

    name: str
    kind: str
    tokens: str
    streaming: bool = True
    model: str = ""
    encoder: str = ""
    decoder: str = ""
    joiner: str = ""
    vad: str = ""
    segments: bool = False
    language: str = ""
    feature_rate_hz: int = 16_000
    device: str = "cpu"
    batch: int = 1

    @property
    def provider(self) -> str:
        """The engine's word for where it computes; which GPU is said by the worker's environment,
        since the engine's non-streaming recognizers take no number."""
        return self.device.partition(":")[0]

    @property
    def in_segments(self) -> bool:
        """Whether it hears finished stretches of speech."""
        return self.segments or not self.streaming

    @property
    def identifies(self) -> bool:
        """Whether it says which language it hears."""
        return self.kind in ("sense-voice", "whisper") and not self.language

    @property
    def spots(self) -> bool:
        """Whether phrases can be listened for with it: the engine's spotter needs a streaming
        transducer and ends its process on another."""
        return self.streaming and self.kind == "transducer"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Model":
        return cls(**json.loads(text))
