"""`callwarden rules activate|shadow|history`: a rulebook is in force whole, by name, or not."""

from collections.abc import Callable
from pathlib import Path

from policy import rulebook
from policy.ledger import LedgerReader
from tests.policy.conftest import Said

Callwarden = Callable[..., Said]


def _loosened(rules_folder: Path) -> None:
    """A fourth call a day, and the tests beside the pack say so too."""
    house = rules_folder / "house.yaml"
    text = house.read_text(encoding="utf-8").replace("at_most: 3", "at_most: 4")
    house.write_text(text.replace('version: "1"', 'version: "2"', 1), encoding="utf-8")
    (rules_folder / "house_test.yaml").unlink()


def _reader(tmp_path: Path) -> LedgerReader:
    state = tmp_path / "state"
    return LedgerReader.open(state / "ledger.sqlite3", state / "keys" / "ledger.key")


def test_a_rulebook_is_activated_with_who_and_why(
    callwarden: Callwarden, rules_folder: Path, tmp_path: Path
) -> None:
    said = callwarden("rules", "activate", rules_folder, "--who", "Li Na", "--note", "approved")
    assert said.code == 0, said.err
    expected = rulebook.read(rules_folder, ("house",), ()).text
    with _reader(tmp_path) as reader:
        active = reader.activation("active")
        assert active is not None
        assert (active.rulebook, active.who, active.note) == (
            expected.identity,
            "Li Na",
            "approved",
        )
        assert reader.rulebook(expected.identity.digest) == expected
    told = callwarden("rules", "history").out.splitlines()[1].split("\t")
    assert told[1:] == ["active", "house@1", expected.identity.digest[:12], "Li Na", "approved"]


def test_one_command_goes_back(callwarden: Callwarden, rules_folder: Path, tmp_path: Path) -> None:
    first = rulebook.read(rules_folder, ("house",), ()).identity
    assert "no other rulebook" in callwarden("rules", "activate", "--previous").err
    callwarden("rules", "activate", rules_folder)
    _loosened(rules_folder)
    second = rulebook.read(rules_folder, ("house",), ()).identity
    callwarden("rules", "activate", rules_folder)
    for expected in (first, second):
        said = callwarden("rules", "activate", "--previous")
        assert said.code == 0
        with _reader(tmp_path) as reader:
            active = reader.activation("active")
            assert active is not None
            assert active.rulebook == expected


def test_the_same_again_changes_nothing(callwarden: Callwarden, rules_folder: Path) -> None:
    callwarden("rules", "activate", rules_folder)
    assert "nothing was changed" in callwarden("rules", "activate", rules_folder).out
    assert len(callwarden("rules", "history").out.splitlines()) == 2


def test_what_has_a_problem_never_comes_into_force(
    callwarden: Callwarden, rules_folder: Path
) -> None:
    house = rules_folder / "house.yaml"
    text = house.read_text(encoding="utf-8")
    house.write_text(text.replace("at_most: 3", "at_most: 4"), encoding="utf-8")
    failing = callwarden("rules", "activate", rules_folder)
    assert failing.code == 1
    assert "the fourth attempt" in failing.out
    house.write_text(text.replace("at_most: 3", "at_mots: 3"), encoding="utf-8")
    broken = callwarden("rules", "activate", rules_folder)
    assert broken.code == 2
    assert "did you mean at_most?" in broken.err
    missing = callwarden("rules", "activate", rules_folder, "--pack", "hause")
    assert missing.code == 2
    assert "did you mean house?" in missing.err
    assert callwarden("rules", "history").out == ""


def test_a_shadow_begins_and_ends(
    callwarden: Callwarden, rules_folder: Path, tmp_path: Path
) -> None:
    assert "in shadow" in callwarden("rules", "shadow", rules_folder).out
    with _reader(tmp_path) as reader:
        shadow = reader.activation("shadow")
        assert shadow is not None
        assert shadow.rulebook == rulebook.read(rules_folder, ("house",), ()).identity
        assert reader.activation("active") is None
        assert callwarden("rules", "shadow", "--off").code == 0
        ended = reader.activation("shadow")
        assert ended is not None
        assert ended.rulebook is None


def test_it_speaks_chinese(callwarden: Callwarden, rules_folder: Path) -> None:
    assert "已启用 house@1" in callwarden("rules", "activate", rules_folder, locale="zh").out
