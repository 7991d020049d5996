"""Owns the life of the lab in tests: one real Asterisk a test module, gone with the module.

A test that needs a fresh one (it restarts or breaks Asterisk) starts it itself by `Lab.start()`.
"""

from collections.abc import Iterator

import pytest

from deploy.lab import Lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A booted lab. Its calls add up over the module: look at `PlacedCall.invites()`, or filter
    `lab.invites()` by number, and give each gateway a state folder of its own."""
    with Lab.start() as lab:
        yield lab
