"""Makes a rulebook in which one speech rule is judged in shadow, and ends:
`python -m gateway.acts.rule_shader`.

Started by `rule_in_shadow`: reading speech rules takes a pronouncing dictionary of 55 MB, which the
gateway needs for nothing else. Takes `Asked` as JSON on standard input, writes `Made` as JSON.
"""

import sys

from pydantic import BaseModel

from callwarden.problems import ProblemsFound
from callwarden.settings import Rules
from policy import rulebook, rulebook_text
from policy.identity import RulebookIdentity, RulebookText


class Text(BaseModel):
    """A rulebook as the ledger keeps it."""

    version: str
    digest: str
    content: str


class Asked(BaseModel):
    """`text` None: the rulebook is what the configured rules name."""

    rule: str
    rules: Rules
    text: Text | None


class Made(BaseModel):
    """`text` None: no speech rule has that id, or, with `problems`, the rulebook cannot be read."""

    text: Text | None = None
    problems: tuple[str, ...] = ()


def made(asked: Asked) -> Made:
    try:
        if asked.text:
            identity = RulebookIdentity(asked.text.version, asked.text.digest)
            text = RulebookText(identity, asked.text.content)
        else:
            text = rulebook.read(asked.rules.folder, asked.rules.packs, asked.rules.speech).text
        shaded = rulebook_text.with_rule_in_shadow(text, asked.rule)
        rulebook_text.speech(shaded)
    except ProblemsFound as found:
        return Made(problems=tuple(map(str, found.problems)))
    except KeyError:
        return Made()
    return Made(text=Text(**vars(shaded.identity), content=shaded.content))


if __name__ == "__main__":
    sys.stdout.write(made(Asked.model_validate_json(sys.stdin.read())).model_dump_json())
