"""Owns how a benchmark reports: each figure beside its bar, as a table for a person or as JSON.

Called by every `callwarden bench …`. A figure that misses its bar is printed as missed, never left
out.
"""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import click


@dataclass(frozen=True)
class Figure:
    """One measured value. `bar` None: reported only. `better` says on which side of it is good."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    better: Literal["lower", "higher"] = "lower"
    how: str = ""

    @property
    def met(self) -> bool:
        if self.bar is None:
            return True
        return self.value <= self.bar if self.better == "lower" else self.value >= self.bar


def report(title: str, figures: Sequence[Figure], *, as_json: bool) -> int:
    """Prints the figures to stdout; the exit code: 0 when all bars are met, else 1."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    if as_json:
        rows = [asdict(figure) | {"met": figure.met} for figure in figures]
        click.echo(json.dumps({"bench": title, "machine": machine, "figures": rows}, indent=2))
    else:
        click.echo(f"{title} ({machine})")
        width = max(len(figure.name) for figure in figures)
        for figure in figures:
            click.echo(f"  {figure.name:{width}}  {_value(figure)}")
    return 0 if all(figure.met for figure in figures) else 1


def _value(figure: Figure) -> str:
    text = f"{figure.value:10.4g} {figure.unit:8}"
    if figure.bar is not None:
        sign = "≤" if figure.better == "lower" else "≥"
        text += f" bar {sign} {figure.bar:g}  {'met' if figure.met else 'MISSED'}"
    return f"{text}  {figure.how}".rstrip()


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of `values` do not exceed; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(0, -(-int(share * 1000 * len(ordered)) // 1000) - 1)]
