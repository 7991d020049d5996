"""A folder of rules is read as a whole: every problem at once, one identity for what it says."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument
from callwarden.problems import ProblemsFound
from policy import rulebook, rulebook_text
from policy.dialling import rule_tests
from policy.dialling.pack import DiallingPack
from policy.dialling.rulebook import DiallingRulebook

THREE_MISTAKES = """\
pack: broken
version: "1"
title: {zh: 坏, en: Broken}
dialling:
  - id: broken.hours
    kind: time
    title: {zh: 时间, en: Hours}
    severity: major
    citation: house rule
    windows:
      - {from: 20:00, to: 08:00}
  - id: broken.limit
    kind: limit
    title: {zh: 次数, en: Limit}
    severity: severe
    citation: house rule
    unit: attempt
    at_most: 3
    within: {calender_days: 1}
"""


def problems_of(folder: Path, *packs: str) -> list[str]:
    with pytest.raises(ProblemsFound) as found:
        rulebook.load(folder, packs, ())
    return [str(each).replace(f"{folder}/", "") for each in found.value.problems]


def test_the_shipped_rules_can_be_loaded() -> None:
    loaded = rulebook.load(None, ("house",), ("base",))
    assert [rule.reason.pack for rule in loaded.dialling.rules] == ["house"] * 3
    assert loaded.speech.rules
    assert loaded.identity.version.startswith("house@")
    assert loaded.dialling.identity == loaded.speech.identity == loaded.identity


def test_three_mistakes_are_told_together_each_at_its_place(rules_folder: Path) -> None:
    (rules_folder / "broken.yaml").write_text(THREE_MISTAKES, encoding="utf-8")
    reversed_window, severity, unknown_key = problems_of(rules_folder, "broken")
    assert reversed_window.startswith(
        "broken.yaml:11:9: dialling[0].windows[0]: from must be earlier than to"
    )
    assert severity.startswith("broken.yaml:15:5: dialling[1].severity: must be one of info, minor")
    assert unknown_key == (
        "broken.yaml:19:14: dialling[1].within.calender_days: unknown key "
        "(did you mean calendar_days?)"
    )


def test_problems_of_several_files_are_told_together(rules_folder: Path) -> None:
    (rules_folder / "broken.yaml").write_text(THREE_MISTAKES, encoding="utf-8")
    (rules_folder / "torn.yaml").write_text("pack: [", encoding="utf-8")
    (rules_folder / "bytes.yaml").write_bytes(b"\xff\xfe")
    told = problems_of(rules_folder, "broken", "torn", "bytes", "hose")
    assert [each.partition(":")[0] for each in told] == [
        str(rules_folder),
        *["broken.yaml"] * 3,
        "bytes.yaml",
        "torn.yaml",
    ]


def test_an_unknown_pack_is_told_with_the_nearest(rules_folder: Path) -> None:
    (told,) = problems_of(rules_folder, "hous")
    assert told.endswith("rules.packs: no pack hous lies here (did you mean house?)")
    (told,) = problems_of(rules_folder, "zzz")
    assert told.endswith(
        "(there are: cn-collection, cn-insurance, cn-marketing, "
        "fr-2022-1313, house, us-reg-f, us-tcpa)"
    )


def test_a_rule_of_no_known_kind(rules_folder: Path) -> None:
    text = THREE_MISTAKES.replace("kind: time", "kind: tine")
    (rules_folder / "broken.yaml").write_text(text, encoding="utf-8")
    assert problems_of(rules_folder, "broken")[0] == (
        "broken.yaml:6:5: dialling[0].kind: must be one of time, limit, cooling, suppression, "
        "list_age, party, caller_id, consent (did you mean time?)"
    )


def test_an_id_that_stands_twice(rules_folder: Path) -> None:
    house = rules_folder / "house.yaml"
    text = house.read_text(encoding="utf-8").replace("house.refused", "house.hours")
    house.write_text(text, encoding="utf-8")
    (told,) = problems_of(rules_folder, "house")
    assert "dialling[2].id: another rule has this id, on line" in told


def test_a_rule_that_never_holds(rules_folder: Path) -> None:
    house = rules_folder / "house.yaml"
    text = house.read_text(encoding="utf-8") + (
        "    effective_from: 2026-03-02\n    effective_to: 2026-03-01\n"
    )
    house.write_text(text, encoding="utf-8")
    (told,) = problems_of(rules_folder, "house")
    assert "dialling[2]: effective_from is later than effective_to" in told


def test_a_pack_is_named_as_its_file(rules_folder: Path) -> None:
    (rules_folder / "house.yaml").rename(rules_folder / "other.yaml")
    (told,) = problems_of(rules_folder, "other")
    assert told.startswith("other.yaml:")
    assert "pack: other.yaml belongs to a pack named other" in told.replace(f"{rules_folder}/", "")


def test_the_digest_is_of_what_the_rules_say(rules_folder: Path) -> None:
    house = rules_folder / "house.yaml"
    text = house.read_text(encoding="utf-8")
    before = rulebook.load(rules_folder, ("house",), ()).identity
    house.write_text(f"# a comment more\n{text}\n\n", encoding="utf-8")
    assert rulebook.load(rules_folder, ("house",), ()).identity == before
    house.write_text(text.replace("at_most: 3", "at_most: 2"), encoding="utf-8")
    after = rulebook.load(rules_folder, ("house",), ()).identity
    assert (after.version, after.digest == before.digest) == (before.version, False)


def test_the_packs_in_force_are_part_of_the_identity(rules_folder: Path) -> None:
    with_speech = rulebook.load(None, ("house",), ("base",)).identity
    without = rulebook.load(None, ("house",), ()).identity
    assert with_speech.digest != without.digest


def test_the_readmes_example_is_a_test_that_passes() -> None:
    readme = (rulebook.shipped() / "README.md").read_text(encoding="utf-8")
    example = "pack: house" + readme.partition("```yaml\npack: house")[2].partition("```")[0]
    rules = rulebook.load(None, ("house",), ()).dialling
    outcome = rule_tests.run(located_yaml.read(example, "README.md"), rules)
    assert (outcome.tests, outcome.failures) == (1, ())


def test_the_readmes_examples_of_rules_are_rules() -> None:
    readme = (rulebook.shipped() / "README.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in readme.split("```yaml\n")[1:]]
    head = "{title: {zh: 规则, en: Rule}, severity: major, citation: house rule, id: a.b}"
    rules = [
        {**located_yaml.read(head, "head").value, **rule}
        for block in blocks
        if block.startswith("- kind:")
        for rule in located_yaml.read(block, "README.md").value
    ]
    pack = {"pack": "a", "version": "1", "title": {"zh": "规则", "en": "a"}, "dialling": rules}
    loaded = located_yaml.validate(LocatedDocument("README.md", pack), DiallingPack)
    assert {rule.kind for rule in loaded.dialling} == {
        *("time", "limit", "cooling", "suppression", "list_age", "party", "caller_id", "consent")
    }


def test_a_country_whose_holidays_nobody_knows_is_told_with_the_nearest(
    rules_folder: Path,
) -> None:
    french = rules_folder / "fr-2022-1313.yaml"
    text = french.read_text(encoding="utf-8").replace("holidays: FR", "holidays: FR-57X")
    french.write_text(text, encoding="utf-8")
    (told,) = problems_of(rules_folder, "fr-2022-1313")
    assert (
        "dialling[0].holidays: no public holidays of FR-57X are known (did you mean FR-57?" in told
    )


def test_the_public_holidays_are_part_of_the_text_and_of_the_digest() -> None:
    read = rulebook.read(None, ("fr-2022-1313",), ())
    french = read.calendars["FR"]
    longer = replace(french, holidays=french.holidays | {date(2026, 3, 2)})
    written = rulebook_text.write("1", [], [], {"FR": french})
    assert rulebook_text.write("1", [], [], {"FR": longer}).identity != written.identity
    again = rulebook_text.dialling(read.text)
    assert again == DiallingRulebook.compile(read.dialling, read.identity, read.calendars)


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ("kind: time, windows: [{from: 08:00, to: 20:00, days: [workday]}]", "whose?"),
        ("kind: limit, unit: conversation, at_most: 1, within: {calendar_days: 1}", "talk_s goes"),
        ("kind: limit, unit: attempt, talk_s: 3, at_most: 1, within: {calendar_days: 1}", "talk_s"),
        ("kind: cooling, after: refusal, talk_s: 3, for: {days: 3}", "after: conversation"),
        (
            "kind: cooling, after: conversation, sources: [refusal], for: {days: 3}",
            "after: refusal",
        ),
        ("kind: cooling, after: refusal, for: {days: 3, months: 1}", "exactly one of"),
        ("kind: cooling, after: conversation, for: {days: 367}", "remembered for a year"),
        ("kind: cooling, after: refusal, for: {months: 3, first_day_counts: true}", "with days"),
        ("kind: suppression, sources: [refusals]", "did you mean refusal?"),
        ("kind: party, may_be: [third-part]", "did you mean third-party?"),
        (
            "kind: party, may_be: [third-party],"
            " third_party_when: {unsuccessful: 1, within: {calendar_days: 1}}",
            "no effect",
        ),
        ("kind: caller_id, may_show: [95a]", "dialling[0].may_show[0]: must be digits"),
        ("kind: consent, waivable: false", "waivable"),
    ],
)
def test_what_does_not_go_together_is_told(rules_folder: Path, mistake: str, told: str) -> None:
    head = THREE_MISTAKES.partition("  - id")[0]
    rule = f"{{id: a.b, title: {{zh: a, en: a}}, severity: major, citation: a, {mistake}}}"
    (rules_folder / "broken.yaml").write_text(f"{head}  - {rule}\n", encoding="utf-8")
    assert any(told in each for each in problems_of(rules_folder, "broken"))
