"""The base pack, compiled once."""

import pytest

from policy.speech.rulebook import SpeechRulebook
from tests.speech.spoken import IDENTITY, base_pack


@pytest.fixture(scope="session")
def base() -> SpeechRulebook:
    return SpeechRulebook.compile([base_pack()], IDENTITY)
