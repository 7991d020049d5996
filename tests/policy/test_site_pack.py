"""A site changes parameters of a shipped pack without copying it; what it loosens, it justifies."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from callwarden.problems import ProblemsFound
from policy import rulebook, rulebook_text
from tests.policy.conftest import Said
from tests.policy.written import at, attempts, decide, rules_against

HEAD = """\
pack: ours
version: "7"
title: {zh: 本机构催收规则, en: Our collecting}
extends: cn-collection
"""
NOON = "2026-03-02T12:00+08:00"
COLLECTING: dict[str, Any] = {"scene": "collection.reminder"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with nothing but the site's own pack."""
    write(tmp_path, "override: {cn-collection.daily-connected: {at_most: 2}}")
    return tmp_path


def write(site: Path, rest: str, head: str = HEAD) -> None:
    (site / "ours.yaml").write_text(head + dedent(rest) + "\n", encoding="utf-8")


def problems_of(site: Path, *packs: str) -> list[str]:
    with pytest.raises(ProblemsFound) as found:
        rulebook.load(site, packs or ("ours",), ())
    return [str(each).replace(f"{site}/", "") for each in found.value.problems]


def test_a_stricter_figure_holds_and_the_rest_stays(site: Path) -> None:
    ours = rulebook.load(site, ("ours",), ()).dialling
    shipped = rulebook.load(None, ("cn-collection",), ()).dialling
    twice = attempts("2026-03-02T09:00+08:00", "2026-03-02T10:00+08:00", connected=True)
    denied = decide(ours, NOON, facts=twice, **COLLECTING)
    assert rules_against(denied) == ["cn-collection.daily-connected"]
    assert denied.reasons[0].pack == "ours"
    assert decide(shipped, NOON, facts=twice, **COLLECTING).allowed
    assert [rule.reason.rule for rule in ours.rules] == [rule.reason.rule for rule in shipped.rules]
    night = decide(ours, "2026-03-02T22:00+08:00", **COLLECTING)
    assert (rules_against(night), night.earliest) == (
        ["cn-collection.hours"],
        at("2026-03-03T08:00+08:00"),
    )


def test_packs_of_the_site_and_shipped_ones_hold_together(site: Path) -> None:
    both = rulebook.load(site, ("house", "ours"), ())
    assert both.identity.version == "house@1+ours@7"
    evening = decide(both.dialling, "2026-03-02T21:00+08:00", **COLLECTING)
    assert rules_against(evening) == ["house.hours"]


def test_rules_of_the_sites_own_come_after(site: Path) -> None:
    write(
        site,
        """
        override: {cn-collection.third-party: {may_be: [debtor]}}
        dialling:
          - id: ours.shown
            kind: caller_id
            title: {zh: 号码, en: Number shown}
            severity: major
            citation: house rule
            may_show: [95xxx]
        """,
    )
    ours = rulebook.load(site, ("ours",), ()).dialling
    assert rules_against(decide(ours, NOON, **COLLECTING)) == [
        "cn-collection.third-party",
        "ours.shown",
    ]
    assert decide(ours, NOON, party="debtor", caller_id="95588", **COLLECTING).allowed


def test_what_loosens_a_rule_with_a_source_says_why(site: Path) -> None:
    longer = "windows: [{from: 08:00, to: 23:00}]"
    write(site, f"override:\n  cn-collection.hours: {{{longer}}}")
    (told,) = problems_of(site)
    assert told.startswith("ours.yaml:6:3: override.cn-collection.hours: may allow what its source")
    assert told.endswith("say why, with because:")
    write(site, f"override:\n  cn-collection.hours: {{{longer}, because: our regulator agreed}}")
    ours = rulebook.load(site, ("ours",), ()).dialling
    assert decide(ours, "2026-03-02T22:59+08:00", **COLLECTING).allowed


def test_a_house_rule_may_be_loosened_as_one_likes(site: Path) -> None:
    write(
        site,
        "override: {house.daily-attempts: {at_most: 5}}",
        HEAD.replace("cn-collection", "house"),
    )
    assert rulebook.load(site, ("ours",), ()).dialling.rules


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ("cn-collection.hours: {windows: [{from: 09:00, to: 21:00}]}", ""),
        ("cn-collection.hours: {windows: [{from: 07:59, to: 22:00}]}", "may allow"),
        ("cn-collection.hours: {waivable: false}", ""),
        ("cn-collection.hours: {scenes: [collection.reminder]}", "may allow"),
        ("cn-collection.hours: {scenes: ['*']}", ""),
        ("cn-collection.hours: {effective_from: 2026-01-01}", "may allow"),
        ("cn-collection.hours: {effective_to: 2030-01-01}", "may allow"),
        ("cn-collection.daily-connected: {at_most: 4}", "may allow"),
        ("cn-collection.daily-connected: {unit: attempt}", ""),
        ("cn-collection.daily-connected: {unit: conversation, talk_s: 1}", "may allow"),
        ("cn-collection.daily-connected: {within: {calendar_days: 2}}", ""),
        ("cn-collection.daily-connected: {within: {rolling_hours: 24}}", "may allow"),
        ("cn-collection.daily-connected: {unsettled_after_h: 12}", "may allow"),
        ("cn-collection.daily-connected: {key: number}", "may allow"),
        ("cn-collection.daily-attempts: {waivable: true}", "may allow"),
        ("cn-collection.daily-attempts: {severity: critical}", ""),
        ("cn-collection.third-party: {may_be: [debtor, customer]}", ""),
        (
            "cn-collection.third-party: {may_be: [debtor, third-party], third_party_when: null}",
            "may",
        ),
        (
            "cn-collection.third-party:"
            " {third_party_when: {unsuccessful: 2, within: {calendar_days: 7}}}",
            "may allow",
        ),
        (
            "cn-collection.third-party:"
            " {third_party_when: {unsuccessful: 4, within: {calendar_days: 7}}}",
            "",
        ),
        ("cn-collection.third-party: {third_party_when: null}", ""),
    ],
)
def test_only_what_may_loosen_wants_a_reason(site: Path, changes: str, why: str) -> None:
    write(site, f"override:\n  {changes}")
    if why:
        assert why in problems_of(site)[0]
    else:
        assert rulebook.load(site, ("ours",), ()).dialling.rules


@pytest.mark.parametrize(
    ("pack", "changes", "why"),
    [
        ("fr-2022-1313", "hours: {holidays: null}", "may allow"),
        ("fr-2022-1313", "hours: {windows: [{from: 11:00, to: 12:00}]}", "may allow"),
        ("fr-2022-1313", "hours: {windows: [{from: 11:00, to: 12:00, days: [tue]}]}", ""),
        ("fr-2022-1313", "hours: {windows: [{from: 11:00, to: 15:00, days: [tue]}]}", "may allow"),
        ("fr-2022-1313", "refused: {for: {days: 59}}", "may allow"),
        ("fr-2022-1313", "refused: {for: {days: 61}}", ""),
        ("fr-2022-1313", "refused: {for: {days: 60, first_day_counts: true}}", "may allow"),
        ("fr-2022-1313", "refused: {sources: [refusal, manual]}", ""),
        ("fr-2022-1313", "refused: {sources: [manual]}", "may allow"),
        ("us-reg-f", "after-conversation: {talk_s: 5}", "may allow"),
        ("cn-insurance", "refused: {at_least: {months: 7}}", ""),
        ("cn-insurance", "refused: {at_least: {days: 300}}", "may allow"),
        ("cn-insurance", "refused: {at_least: null}", "may allow"),
        ("cn-insurance", "refused: {channels: [voice, sms]}", ""),
        ("cn-insurance", "refused: {except_lists: [x]}", "may allow"),
        ("us-tcpa", "registry-age: {at_most_days: 32}", "may allow"),
        ("us-tcpa", "registry-age: {at_most_days: 30}", ""),
        ("us-tcpa", "registry: {lists: [us-national-dnc, us-florida]}", ""),
        ("us-tcpa", "registry: {lists: [us-florida]}", "may allow"),
        ("cn-marketing", "consent: {scenes: [marketing.loan]}", "may allow"),
    ],
)
def test_the_same_for_every_kind(site: Path, pack: str, changes: str, why: str) -> None:
    write(site, f"override:\n  {pack}.{changes}", HEAD.replace("cn-collection", pack))
    if why:
        assert why in problems_of(site)[0]
    else:
        assert rulebook.load(site, ("ours",), ()).dialling.rules


def test_every_mistake_is_told_at_its_place_with_the_nearest(site: Path) -> None:
    write(
        site,
        """\
        override:
          cn-collection.daily-conected: {at_most: 2}
          cn-collection.daily-attempts: {at_mots: 5}
          cn-collection.hours: {citation: nothing}
          cn-collection.daily-connected: {at_most: 0}
          cn-collection.third-party: {because: no change}
        dialling:
          - {id: cn-collection.hours, kind: suppression, severity: major, citation: a,
             title: {zh: a, en: a}}
        """,
    )
    assert [told.replace("ours.yaml:", "") for told in problems_of(site)] == [
        "6:3: override.cn-collection.daily-conected: cn-collection has no such rule "
        "(did you mean cn-collection.daily-connected?)",
        "7:34: override.cn-collection.daily-attempts.at_mots: unknown key (did you mean at_most?)",
        "8:25: override.cn-collection.hours.citation: cannot be changed: "
        "it says where the rule comes from",
        "9:35: override.cn-collection.daily-connected.at_most: "
        "Input should be greater than or equal to 1",
        "10:3: override.cn-collection.third-party: changes nothing",
        "12:6: dialling[0].id: cn-collection has a rule with this id: change it under override",
    ]


def test_a_pack_that_is_not_there_is_told_with_the_nearest(site: Path) -> None:
    write(site, "", HEAD.replace("cn-collection", "cn-colection"))
    (told,) = problems_of(site)
    assert told == (
        "ours.yaml:4:1: extends: no pack cn-colection lies here (did you mean cn-collection?)"
    )


def test_packs_that_extend_each_other_are_told(site: Path) -> None:
    write(site, "", HEAD.replace("cn-collection", "theirs"))
    theirs = HEAD.replace("cn-collection", "ours").replace("pack: ours", "pack: theirs")
    (site / "theirs.yaml").write_text(theirs, encoding="utf-8")
    assert problems_of(site) == ["theirs.yaml:4:1: extends: the packs extend each other"]


def test_a_pack_may_extend_one_that_extends(site: Path) -> None:
    again = HEAD.replace("cn-collection", "ours").replace("pack: ours", "pack: branch")
    more = "override: {cn-collection.daily-connected: {at_most: 1}}\n"
    (site / "branch.yaml").write_text(again + more, encoding="utf-8")
    once = attempts("2026-03-02T09:00+08:00", connected=True)
    branch = rulebook.load(site, ("branch",), ()).dialling
    assert not decide(branch, NOON, facts=once, **COLLECTING).allowed


def test_a_country_without_known_holidays_is_told_at_the_change(site: Path) -> None:
    write(
        site,
        "override: {fr-2022-1313.hours: {holidays: FR-57X, because: a}}",
        HEAD.replace("cn-collection", "fr-2022-1313"),
    )
    (told,) = problems_of(site)
    assert told.startswith("ours.yaml:5:33: ")
    assert "did you mean FR-57?" in told


def test_override_without_extends_is_told(site: Path) -> None:
    shipped = (rulebook.shipped() / "house.yaml").read_text(encoding="utf-8")
    more = "override: {house.hours: {cause: 17}}\n"
    (site / "house.yaml").write_text(shipped + more, encoding="utf-8")
    (told,) = problems_of(site, "house")
    assert told.endswith("override goes with extends: which pack?")


def test_the_digest_covers_both_files_and_the_text_tells_what_was_changed(
    site: Path, rules_folder: Path
) -> None:
    write(rules_folder, "override: {cn-collection.daily-connected: {at_most: 2}}")
    before = rulebook.read(rules_folder, ("ours",), ())
    assert before.identity == rulebook.read(site, ("ours",), ()).identity
    base = rules_folder / "cn-collection.yaml"
    base.write_text(base.read_text(encoding="utf-8").replace("at_most: 6", "at_most: 5"))
    after = rulebook.read(rules_folder, ("ours",), ()).identity
    write(rules_folder, "override: {cn-collection.daily-connected: {at_most: 1}}")
    changed = rulebook.read(rules_folder, ("ours",), ()).identity
    assert len({before.identity.digest, after.digest, changed.digest}) == 3
    again = rulebook_text.dialling(before.text)
    assert again == rulebook.load(site, ("ours",), ()).dialling
    assert '"override"' in before.text.content


def test_show_tells_what_was_changed_why_and_what_must_be_kept(
    callwarden: Callable[..., Said], site: Path
) -> None:
    write(site, "override: {cn-collection.daily-connected: {at_most: 4, because: 监管同意}}")
    rules = f"{{folder: {site}, packs: [ours], speech: []}}"
    said = callwarden("rules", "show", rules=rules)
    assert said.code == 0, said.err
    told = 'changed here cn-collection.daily-connected  at_most: 4, because: "监管同意"'
    assert told in said.out
    assert "keep collection-records  1827 days" in said.out
    assert "(critical, collection.*, from 2025-02-28, waivable)" in said.out


def test_the_readmes_example_may_be_in_force(tmp_path: Path) -> None:
    readme = (rulebook.shipped() / "README.md").read_text(encoding="utf-8")
    example = "pack: ours" + readme.partition("```yaml\npack: ours")[2].partition("```")[0]
    (tmp_path / "ours.yaml").write_text(example, encoding="utf-8")
    assert rulebook.load(tmp_path, ("ours",), ()).dialling.rules
