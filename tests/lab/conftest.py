"""Owns nothing of its own: the lab's tests use the fixture that all tests use."""

from tests.integration.conftest import lab

__all__ = ["lab"]
