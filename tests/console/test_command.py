"""`callwarden console` on the command line."""

from click.testing import CliRunner

from tui.command import console


def test_help_has_an_example() -> None:
    shown = CliRunner().invoke(console, ["--help"])
    assert shown.exit_code == 0
    assert "Example: callwarden console --address" in shown.output


def test_an_address_that_is_none_is_a_usage_error() -> None:
    refused = CliRunner().invoke(console, ["--address", "nowhere"])
    assert refused.exit_code == 2
    assert "must be HOST:PORT" in refused.output


def test_without_a_terminal_it_says_so() -> None:
    refused = CliRunner().invoke(console, [])
    assert refused.exit_code == 2
    assert "needs a terminal" in refused.output
