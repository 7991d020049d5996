"""A room loads what it may and nothing else: imported in a process of its own, looked at there."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from callwarden.command import root

_ROOT = Path(__file__).resolve().parents[2]
_ENGINE = "sherpa_onnx"
_PBX = ("asterisk", "aiortc")
_DATABASE = ("sqlite3", "sqlite_utils")


def _loaded_by(module: str) -> set[str]:
    """Names of all modules in a fresh interpreter after `import module`."""
    program = f"import {module}, sys; print('\\n'.join(sys.modules))"
    outcome = subprocess.run(
        [sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    return set(outcome.stdout.split())


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("policy.dialling.evaluate", (_ENGINE, *_PBX, *_DATABASE, "grpc", "httpx", "gateway")),
        ("policy.speech.conversation", (_ENGINE, *_PBX, *_DATABASE, "grpc", "httpx", "gateway")),
        ("policy.ledger", (_ENGINE, *_PBX, "grpc", "gateway", "recognizer")),
        ("recognizer.service", (_ENGINE, *_PBX, "gateway", "tui", "policy.ledger")),
        ("gateway.run", (_ENGINE, "recognizer", "tui", "textual")),
        ("tui.app", (_ENGINE, *_PBX, "gateway", "recognizer", "httpx", "sqlite3")),
        ("callwarden.command", (_ENGINE, *_PBX, "policy", "gateway", "recognizer", "tui")),
    ],
)
def test_a_room_loads_only_what_it_may(module: str, absent: tuple[str, ...]) -> None:
    assert _loaded_by(module).isdisjoint(absent)


def test_the_help_of_the_command_does_not_load_the_engine() -> None:
    program = (
        "import sys; from callwarden.command import root\n"
        "root.main(['--help'], standalone_mode=False)\n"
        "sys.exit('sherpa_onnx' in sys.modules or 'aiortc' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_every_registered_command_exists() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for words in project["project"]["entry-points"]["callwarden.commands"]:
        outcome = CliRunner().invoke(root, [*words.split(), "--help"])
        assert outcome.exit_code == 0, f"callwarden {words}: {outcome.output}"
        assert "xample" in outcome.stdout or "示例" in outcome.stdout, words


def test_modules_stay_readable() -> None:
    """Under about 400 lines, so that a reader knows where a line belongs."""
    rooms = ("policy", "recognizer", "gateway", "tui", "proto", "deploy", "docs")
    long = {
        str(file.relative_to(_ROOT)): lines
        for room in rooms
        for file in (_ROOT / room).rglob("*.py")
        if "_pb2" not in file.name and (lines := len(file.read_text("utf-8").splitlines())) > 420
    }
    assert not long
