"""Screens look the same whatever the machine's terminal, zone and locale."""

import pytest


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TZ", "America/Lima")
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
