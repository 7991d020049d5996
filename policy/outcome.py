"""Owns what running one file of rule tests comes to. Returned by the runner of each kind of rule
to `callwarden rules test`.
"""

from dataclasses import dataclass

from callwarden.problems import Problem


@dataclass(frozen=True)
class Outcome:
    """How many tests were run, and those that failed, each at its place in the file."""

    tests: int
    failures: tuple[Problem, ...]
