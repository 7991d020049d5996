"""Reads the rulebooks and ends: `python -m gateway.gate.rulebook_reader`.

Started by `gateway.gate.deciding_rulebook`. Takes the `rules` settings as JSON on standard input,
writes a pickled `RulebookRead` to standard output: a rulebook, or every problem of every file.
"""

import pickle
import sys

from callwarden.problems import ProblemsFound
from callwarden.settings import Rules
from gateway.gate.deciding_rulebook import DecidingRulebook, RulebookRead
from policy import rulebook
from policy.dialling.rulebook import DiallingRulebook


def read(rules: Rules) -> RulebookRead:
    try:
        packs = rulebook.read(rules.folder, rules.packs, rules.speech)
    except ProblemsFound as found:
        return found.problems
    return DecidingRulebook(
        packs.identity, DiallingRulebook.compile(packs.dialling, packs.identity, packs.calendars)
    )


if __name__ == "__main__":
    asked = Rules.model_validate_json(sys.stdin.read())
    sys.stdout.buffer.write(pickle.dumps(read(asked)))
