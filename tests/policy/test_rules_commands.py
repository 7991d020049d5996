"""`callwarden rules`: what an officer runs after a change, before anybody is called by it."""

from collections.abc import Callable
from pathlib import Path

from policy import rulebook
from tests.policy.conftest import Said
from tests.policy.test_rule_files import THREE_MISTAKES

Callwarden = Callable[..., Said]


def test_the_shipped_rules_have_no_problems(callwarden: Callwarden) -> None:
    said = callwarden("rules", "check", rules="{}")
    assert said.code == 0
    assert said.out.startswith("no problems: 7 dialling packs, 1 speech pack")


def test_rules_that_pass_their_tests_are_told_by_file(
    callwarden: Callwarden, rules_folder: Path
) -> None:
    """The dialling rules; `make check` asks the same of all that is shipped, and
    `tests/speech/test_base_pack.py` of the speech rules."""
    said = callwarden("rules", "test", rules_folder)
    assert said.code == 0, said.out
    assert "house_test.yaml" in said.out


def test_three_mistakes_are_told_and_the_code_is_2(
    callwarden: Callwarden, rules_folder: Path
) -> None:
    (rules_folder / "broken.yaml").write_text(THREE_MISTAKES, encoding="utf-8")
    said = callwarden("rules", "check", rules_folder)
    assert (said.code, said.out) == (2, "")
    places = [line.removeprefix(f"{rules_folder}/")[:17] for line in said.err.splitlines()]
    assert places == ["broken.yaml:11:9:", "broken.yaml:15:5:", "broken.yaml:19:14"]


def test_problems_of_a_test_file_are_told_too(callwarden: Callwarden, rules_folder: Path) -> None:
    tests = rules_folder / "house_test.yaml"
    text = tests.read_text(encoding="utf-8")
    text = text.replace("pack: house", "pack: hose").replace(
        "verdict: ALLOW", "verdict: ALLOWED", 1
    )
    tests.write_text(text.replace("now: 2026-03-02T08:00:00+08:00", "now: 2026-03-02", 1))
    said = callwarden("rules", "check", rules_folder)
    assert said.code == 2
    assert "did you mean ALLOW?" in said.err
    assert "tests[1].now" in said.err


def test_a_pack_in_force_that_is_not_there(callwarden: Callwarden) -> None:
    said = callwarden("rules", "check", rules="{packs: [house, hause]}")
    assert said.code == 2
    assert "rules.packs: no pack hause lies here (did you mean house?)" in said.err


def test_a_test_that_fails_is_told_at_its_place(callwarden: Callwarden, rules_folder: Path) -> None:
    house = rules_folder / "house.yaml"
    text = house.read_text(encoding="utf-8").replace("at_most: 3", "at_most: 4")
    house.write_text(text, encoding="utf-8")
    said = callwarden("rules", "test", rules_folder)
    assert said.code == 1
    failure = next(line for line in said.out.splitlines() if "the fourth attempt" in line)
    assert failure.startswith(f"{rules_folder}/house_test.yaml:")
    assert failure.endswith("expected DENY by house.daily-attempts, got ALLOW")


def test_show_cites_every_rule_in_force(callwarden: Callwarden) -> None:
    said = callwarden("rules", "show", rules="{}")
    packs = rulebook.read(None, ("house",), ("base",))
    assert said.code == 0
    assert packs.identity.digest in said.out
    for rule in (*packs.dialling[0].dialling, *packs.speech[0].rules):
        assert rule.id in said.out
        assert rule.title.en in said.out
        assert rule.citation in said.out
