"""The configuration file: defaults for all of it, every mistake at its place, exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from callwarden import settings
from callwarden.problems import ProblemsFound

FOUR_MISTAKES = """\
gate:
  listen: here
  deadline_ms: 5000
asterisc:
  ari_user: x
locale: de
"""


def problems_of(file: Path) -> list[str]:
    with pytest.raises(ProblemsFound) as found:
        settings.load(file)
    return [str(each).removeprefix(str(file)) for each in found.value.problems]


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "callwarden.yaml"
    file.write_text("", encoding="utf-8")
    assert settings.load(file) == settings.Settings()


def test_a_file_needs_only_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "callwarden.yaml"
    file.write_text(f"state: {tmp_path}\ngate: {{deadline_ms: 500}}\n", encoding="utf-8")
    loaded = settings.load(file)
    assert (loaded.gate.deadline_ms, loaded.gate.region) == (500, "CN")
    assert loaded.ledger_file == tmp_path / "ledger.sqlite3"


def test_every_mistake_is_told_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "callwarden.yaml"
    file.write_text(FOUR_MISTAKES, encoding="utf-8")
    listen, deadline, section, locale = problems_of(file)
    assert listen.startswith(":2:3: gate.listen: ")
    assert deadline.startswith(":3:3: gate.deadline_ms: ")
    assert section == ":4:1: asterisc: unknown key (did you mean asterisk?)"
    assert locale.startswith(":6:1: locale: must be one of zh, en")


def test_a_file_named_by_hand_must_be_there(tmp_path: Path) -> None:
    (told,) = problems_of(tmp_path / "missing.yaml")
    assert told == ":1:1: (document): cannot be read: No such file or directory"


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "callwarden.yaml"
    file.write_bytes(b"state: \xff\n")
    assert problems_of(file) == [":1:1: (document): cannot be read: not UTF-8"]


@pytest.mark.parametrize("ports", ["[15000, 14000]", "[80, 90]", "[14000]", "[1, 2, 3]"])
def test_ports_are_two_in_order(tmp_path: Path, ports: str) -> None:
    file = tmp_path / "callwarden.yaml"
    file.write_text(f"media:\n  rtp_ports: {ports}\n", encoding="utf-8")
    assert all(each.startswith(":2:3: media.rtp_ports") for each in problems_of(file))


def test_a_command_ends_with_2_and_every_mistake(tmp_path: Path) -> None:
    file = tmp_path / "callwarden.yaml"
    file.write_text(FOUR_MISTAKES, encoding="utf-8")
    command = [sys.executable, "-m", "callwarden.command", "rules", "show", "--config", str(file)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert len(outcome.stderr.splitlines()) == 4


@pytest.mark.parametrize(
    ("address", "parts"),
    [("127.0.0.1:4573", ("127.0.0.1", 4573)), ("[::1]:80", ("::1", 80)), ("pbx:1", ("pbx", 1))],
)
def test_an_address_is_a_host_and_a_port(address: str, parts: tuple[str, int]) -> None:
    assert settings.split_address(address) == parts
