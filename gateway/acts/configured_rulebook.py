"""Writes the text of the rulebook that the configuration names, and ends:
`python -m gateway.acts.configured_rulebook`.

Started by `rule_in_shadow`: reading speech rules takes a pronouncing dictionary of 55 MB, which the
gateway needs for nothing else. Takes the `rules` settings as JSON on standard input, writes `Read`
as JSON.
"""

import sys

from pydantic import BaseModel

from callwarden.problems import ProblemsFound
from callwarden.settings import Rules


class Read(BaseModel):
    """A rulebook as the ledger keeps it, or with `problems` none."""

    version: str = ""
    digest: str = ""
    content: str = ""
    problems: tuple[str, ...] = ()


def read(rules: Rules) -> Read:
    # Loaded here: the gateway imports this module for `Read` alone.
    from policy import rulebook

    try:
        text = rulebook.read(rules.folder, rules.packs, rules.speech).text
    except ProblemsFound as found:
        return Read(problems=tuple(map(str, found.problems)))
    return Read(**vars(text.identity), content=text.content)


if __name__ == "__main__":
    sys.stdout.write(read(Rules.model_validate_json(sys.stdin.read())).model_dump_json())
