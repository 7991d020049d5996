"""Rule folders and the command line, as an officer has them."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from callwarden.command import main
from policy import rulebook


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def callwarden(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Said]:
    """Runs `callwarden ARGUMENTS…` with a configuration whose state is empty; `rules` is its
    section, by default without the speech packs, which take a second to read; `gateway` is where
    a running one is looked for."""
    config = tmp_path / "callwarden.yaml"

    def run(
        *arguments: object,
        rules: str = "{speech: []}",
        locale: str = "en",
        gateway: str = "127.0.0.1:9",
    ) -> Said:
        config.write_text(
            f"state: {tmp_path}/state\nrules: {rules}\nlocale: {locale}\n"
            f"oversight: {{address: '{gateway}'}}\n"
        )
        monkeypatch.setenv("CALLWARDEN_CONFIG", str(config))
        monkeypatch.setattr(sys, "argv", ["callwarden", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, captured.out, captured.err)

    return run


@pytest.fixture
def rules_folder(tmp_path: Path) -> Path:
    """A copy of the shipped dialling rules, with their tests, to be broken."""
    folder = tmp_path / "rules"
    folder.mkdir()
    for file in rulebook.shipped().glob("*.yaml"):
        shutil.copy(file, folder)
    return folder
