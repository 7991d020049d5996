"""`callwarden bench speech`: measures, on phrases that are heard, and prints its bars."""

import json

import pytest
from click.testing import CliRunner

from policy.commands.bench_speech import speech


@pytest.mark.soak
def test_it_measures_both_rulebooks_and_says_what_is_met() -> None:
    done = CliRunner().invoke(speech, ["--utterances", "100", "--json"], standalone_mode=False)
    assert done.exception is None
    figures = {each["name"]: each for each in json.loads(done.stdout)["figures"]}
    assert figures["500 rules, 5,000 phrases, p99"]["bar"] == 1.0
    assert figures["the one to the other, medians"]["bar"] == 1.5
    for name in ("base pack", "500 rules, 5,000 phrases"):
        assert 0 < figures[f"{name}, p50"]["value"] <= figures[f"{name}, p99"]["value"]
        assert figures[f"{name}, findings"]["value"] > 5
    assert done.return_value == (0 if all(each["met"] for each in figures.values()) else 1)
