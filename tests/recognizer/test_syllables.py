"""A model's units become the tokens that rules match on."""

import pytest

from recognizer.syllables import (
    Heard,
    are_initials_and_finals,
    as_text,
    join_pinyin,
    join_words,
    open_since,
)


def test_initials_and_finals_become_toned_syllables() -> None:
    units = ["b", "ǎo", "b", "ěn", "d", "e", "ān", "n", "ǚ", "x", "ué", "l", "ǜ"]
    heard = join_pinyin(units, [float(at) for at in range(len(units))])
    assert [each.text for each in heard] == ["bao3", "ben3", "de", "an1", "nv3", "xue2", "lv4"]
    assert heard[1] == Heard("ben3", "běn", 2.0)
    assert as_text(heard) == "bǎo běn de ān nǚ xué lǜ"


def test_joining_a_growing_utterance_only_adds() -> None:
    units = ["zh", "ōng", "zh", "sh", "ì", "A", "q", "ián", "j"]
    starts_s = [0.1 * at for at in range(len(units))]
    whole = join_pinyin(units, starts_s)
    for length in range(len(units)):
        heard = join_pinyin(units[:length], starts_s[:length])
        assert heard == whole[: len(heard)]
    assert [each.text for each in whole] == ["zhong1", "shi4", "A", "qian2"]


def test_a_syllable_without_its_final_is_still_open() -> None:
    assert open_since(["n", "ǐ", "h"], [1.0, 1.1, 1.4]) == 1.4
    assert open_since(["n", "ǐ"], [1.0, 1.1]) is None


@pytest.mark.parametrize(
    ("units", "texts", "shown"),
    [
        (["保", "本", "保", "息"], ["保", "本", "保", "息"], "保本保息"),
        (["▁HE", "LLO", "▁WORLD"], ["HELLO", "WORLD"], "HELLO WORLD"),
        (["你", "好", "▁A", "PP"], ["你", "好", "APP"], "你好APP"),
    ],
)
def test_characters_stay_and_pieces_make_words(
    units: list[str], texts: list[str], shown: str
) -> None:
    heard = join_words(units, [0.0] * len(units))
    assert [each.text for each in heard] == texts
    assert as_text(heard) == shown


def test_the_kind_of_units_is_told_from_the_model() -> None:
    assert are_initials_and_finals(["<blk>", "zh", "sh", "ch", "ōng"])
    assert not are_initials_and_finals(["<blk>", "保", "本", "▁THE"])
