"""Owns reading recorded calls: which files make a call, and their samples leg by leg.

Called by `scan` and `bench recognizer`. A file that cannot be read is a Problem with what to do;
it never counts as a call without findings.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Tag

from callwarden import located_yaml
from callwarden.setting_values import Dialect
from policy.products import ProductText
from policy.speech.circumstances import CallCircumstances, ProductFacts
from policy.speech.utterance import Leg
from recognizer import sound
from recognizer.sound import problem

Channel = Literal["left", "right"]
_SUFFIXES = (*sound.PLAIN, *sound.COMPRESSED)


def _iso_time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        raise ValueError("not an ISO time such as 2026-03-01T10:00+08:00") from None


_Product = Annotated[
    Annotated[ProductText, Tag("facts")] | Annotated[str, Tag("id")],
    Discriminator(lambda given: "facts" if isinstance(given, dict | ProductText) else "id"),
]
"""What is true of the product, or the id under which the site's file has it."""


class _Described(BaseModel):
    """`call.json`: what a dialler sends along. Keys of others' are no concern of ours."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)
    id: str | None = None
    scene: str | None = None
    agent: str | None = None
    customer: str | None = None
    started_at: Annotated[datetime | None, BeforeValidator(_iso_time)] = None
    dialect: Dialect | None = None
    product: _Product | None = None


@dataclass(frozen=True)
class Site:
    """What holds for calls that do not say otherwise: the site's products by their ids, and the
    dialect that most customers speak."""

    products: Mapping[str, ProductFacts] = field(default_factory=dict)
    dialect: str = ""

    def product(self, described: ProductText | str | None) -> ProductFacts:
        if isinstance(described, ProductText):
            return described.facts()
        return self.products.get(described or "", ProductFacts())


@dataclass(frozen=True)
class Recording:
    """A call on disk. `files` has either a file a leg or one stereo file for both."""

    id: str
    circumstances: CallCircumstances
    agent: str
    customer: str
    files: dict[Leg, Path]
    channels: dict[Leg, int]
    rate_hz: int
    seconds: float
    codec: str
    source: Path
    started_at: datetime

    @property
    def kept_as(self) -> str:
        """What its result is known by: a digest of where its audio lies and how large it is. Names
        of files often hold numbers, so it does not repeat them."""
        files = sorted({(str(each.resolve()), each.stat().st_size) for each in self.files.values()})
        return f"recording-{hashlib.sha256(repr(files).encode()).hexdigest()[:24]}"

    @property
    def scene(self) -> str:
        return self.circumstances.scene

    def blocks(self, block_s: float) -> Iterator[tuple[Leg, int, bytes]]:
        """Both legs in turn: leg, first sample, signed 16-bit little-endian mono."""
        with ExitStack() as opened:
            sounds = {
                leg: opened.enter_context(sound.opened(path, self.rate_hz))
                for leg, path in self.files.items()
            }
            size, first, going_on = round(block_s * self.rate_hz), 0, True
            while going_on:
                going_on = False
                for leg, legs_sound in sounds.items():
                    block = legs_sound.read(size)
                    if len(block):
                        going_on = True
                        samples = np.ascontiguousarray(block[:, self.channels[leg]], dtype="<i2")
                        yield leg, first, samples.tobytes()
                first += size


_ANY_SITE = Site()


def find(paths: Sequence[Path]) -> Iterator[Path]:
    """The calls among `paths`: a stereo file, a folder with `agent.wav` and `customer.wav`, or
    a folder of those, in the order of their names."""
    for path in paths:
        if not path.is_dir() or _is_call(path):
            yield path
        else:
            inner = sorted(each for each in path.iterdir() if _may_be_call(each))
            yield from inner or [path]


def open_recording(
    path: Path, scene: str | None, agent_channel: Channel, site: Site = _ANY_SITE
) -> Recording:
    """The call at `path`; `scene` overrides what `call.json` says. Raises ProblemsFound."""
    if path.is_dir():
        files = {leg: _leg_file(path, leg) for leg in Leg}
        described = _described(path / "call.json")
        channels, wanted = dict.fromkeys(Leg, 0), 1
    else:
        files = dict.fromkeys(Leg, path)
        described = _described(path.with_suffix(".json"), path.parent / "call.json")
        agent = 0 if agent_channel == "left" else 1
        channels, wanted = {Leg.AGENT: agent, Leg.CUSTOMER: 1 - agent}, 2
    forms = {file: _form(file, wanted) for file in dict.fromkeys(files.values())}
    if len({each.rate_hz for each in forms.values()}) > 1:
        raise problem(path, "the legs have different sample rates: convert one of them")
    any_form = next(iter(forms.values()))
    return Recording(
        id=described.id or (path.name if path.is_dir() else path.stem),
        circumstances=CallCircumstances(
            scene=scene if scene is not None else described.scene or "",
            on=described.started_at.date() if described.started_at else None,
            dialect=site.dialect if described.dialect is None else described.dialect,
            product=site.product(described.product),
        ),
        agent=described.agent or "",
        customer=described.customer or "",
        files=files,
        channels=channels,
        rate_hz=any_form.rate_hz,
        seconds=max(each.seconds for each in forms.values()),
        codec=any_form.codec,
        source=path,
        started_at=described.started_at or _modified(path),
    )


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone()


def _is_call(folder: Path) -> bool:
    return any(_files_of(folder, leg) for leg in Leg)


def _may_be_call(path: Path) -> bool:
    return _is_call(path) if path.is_dir() else path.suffix.lower() in _SUFFIXES


def _files_of(folder: Path, leg: Leg) -> list[Path]:
    named = (folder / f"{leg.value}{suffix}" for suffix in _SUFFIXES)
    return [each for each in named if each.is_file()]


def _leg_file(folder: Path, leg: Leg) -> Path:
    found = _files_of(folder, leg)
    if not found:
        file = folder / f"{leg.value}.wav"
        raise problem(file, "missing: a call has agent.wav and customer.wav (or .mp3, .opus)")
    if len(found) > 1:
        raise problem(found[1], f"{found[0].name} lies beside it: keep one of them")
    return found[0]


def _form(file: Path, channels: int) -> sound.Form:
    found = sound.form(file)
    if found.channels != channels:
        what = "one channel, a leg a file" if channels == 1 else "two channels, a leg each"
        raise problem(file, f"has {found.channels} channels, must have {what}")
    return found


def _described(*files: Path) -> _Described:
    """The first of `files` that is there. Raises ProblemsFound."""
    for file in files:
        if not file.is_file():
            continue
        try:
            text = file.read_text(encoding="utf-8")
            value = json.loads(text)
        except (OSError, ValueError):
            raise problem(file, "not JSON: write it anew or remove it", "(document)") from None
        if not isinstance(value, dict):
            raise problem(file, 'must be an object such as {"scene": "…"}', "(document)")
        return located_yaml.validate(located_yaml.read(text, str(file)), _Described)
    return _Described()
