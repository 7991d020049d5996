"""Owns what a worker must know of a model to load it.

Made by `recognizer.models.folder`, handed to workers as JSON. Whoever holds a Model may rely on
its files having been there and in form a moment ago.
"""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Model:
    """A streaming model. `kind` is `transducer`; paths are absolute.

    `feature_rate_hz` is what its features are computed at; audio of any telephone rate goes in.
    """

    name: str
    kind: str
    tokens: str
    encoder: str
    decoder: str
    joiner: str
    feature_rate_hz: int = 16_000

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Model":
        return cls(**json.loads(text))


@dataclass(frozen=True)
class SecondPassModel:
    """A model that hears finished utterances once more. `kind` is `streaming-beam` (encoder,
    decoder and joiner), `sense-voice` or `paraformer` (model); paths are absolute."""

    name: str
    kind: str
    tokens: str
    model: str = ""
    encoder: str = ""
    decoder: str = ""
    joiner: str = ""
    feature_rate_hz: int = 16_000

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "SecondPassModel":
        return cls(**json.loads(text))
