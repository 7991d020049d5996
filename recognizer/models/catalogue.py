"""Owns the catalogue of models that can be fetched: where from, under which licence, with which
hash.

Read by `callwarden models` and by the search for a model. An archive whose hash is not known says
so, and is not fetched by itself.
"""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from callwarden import located_yaml
from callwarden.setting_values import Dialect
from recognizer.models import kinds

RECOMMENDED = "sherpa-onnx-kws-zipformer-wenetspeech-3.3M-2024-01-01"
"""Small enough for any box; what the rules were tuned with."""

DEAF = ("voice", "vad", "punctuation")
"""Kinds of models that turn no speech into words."""

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Entry(BaseModel):
    """One model. Without an archive it is known by its files' hashes, but not to be pulled."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern="^[A-Za-z0-9._-]+$")
    kind: kinds.Name | Literal["voice", "vad", "punctuation"]
    streaming: bool
    batch: bool | None = None
    languages: tuple[str, ...]
    dialects: tuple[Dialect, ...] = ()
    sample_rate_hz: int
    writes: str
    licence: str
    note: str
    archive: str | None = Field(None, pattern="^https?://")
    sha256: Sha256 | None = None
    bytes: int | None = None
    files: dict[str, Sha256] = {}


class Catalogue(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    models: tuple[Entry, ...]

    def named(self, name: str) -> Entry | None:
        return next((each for each in self.models if each.name == name), None)


def load(file: Path) -> Catalogue:
    """Raises ProblemsFound."""
    document = located_yaml.read(file.read_text(encoding="utf-8"), str(file))
    return located_yaml.validate(document, Catalogue)


@lru_cache
def shipped() -> Catalogue:
    return load(Path(str(files("recognizer").joinpath("catalogue.yaml"))))
