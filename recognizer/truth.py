"""Owns reading what is known to be on a recorded call: `truth.json` beside its audio.

Called by `rules evaluate` and `bench noise`. Only `turns` and `expect` are read:
`{"turns": [{"leg": "agent", "start": 1.3, "end": 6.4}], "expect": [{"rule": "forbidden.pressure",
"leg": "agent", "turn": 0}]}`.
"""

import json
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from callwarden import located_yaml
from callwarden.problems import Problem, ProblemsFound
from policy.speech.utterance import Leg
from recognizer.accuracy import Expected

NAME = "truth.json"
_LegName = Literal["agent", "customer"]


class _Turn(BaseModel):
    model_config = ConfigDict(extra="ignore")
    leg: _LegName
    start: float = Field(ge=0)
    end: float = Field(ge=0)


class _Expect(BaseModel):
    model_config = ConfigDict(extra="ignore")
    rule: str
    leg: _LegName
    turn: int = Field(ge=0)


class _Truth(BaseModel):
    model_config = ConfigDict(extra="ignore")
    turns: list[_Turn]
    expect: list[_Expect]

    @model_validator(mode="after")
    def _turns_are_there(self) -> Self:
        beyond = [each.turn for each in self.expect if each.turn >= len(self.turns)]
        if beyond:
            raise ValueError(f"expect names turn {beyond[0]}, and there are {len(self.turns)}")
        return self


def read(call: Path) -> list[Expected]:
    """What the call in this folder, or beside this file, must have. Raises ProblemsFound."""
    file = call / NAME if call.is_dir() else call.with_suffix(".truth.json")
    try:
        text = file.read_text(encoding="utf-8")
        json.loads(text)
    except OSError:
        message = "missing: say what is on the call (turns, expect), or leave the call out"
        raise ProblemsFound([Problem(str(file), 1, 1, "truth", message)]) from None
    except ValueError:
        message = "not JSON: write it anew"
        raise ProblemsFound([Problem(str(file), 1, 1, "(document)", message)]) from None
    known = located_yaml.validate(located_yaml.read(text, str(file)), _Truth)
    return [
        Expected(
            each.rule,
            Leg(each.leg),
            (known.turns[each.turn].start, known.turns[each.turn].end),
        )
        for each in known.expect
    ]
