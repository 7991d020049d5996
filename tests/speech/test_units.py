"""What a model can spell, and what it is never asked for."""

from pathlib import Path

import pytest

from policy.speech.units import MOST_SPELLINGS, Units, UnknownUnit, Writing

_PINYIN = ["zh 0", "ch 1", "sh 2", "b 3", "ǎo 4", "áo 5", "ěn 6", "ù 7", "ú 8", "u 9", "A 10"]


@pytest.fixture(scope="session")
def units(model_folder: Path) -> Units:
    return Units.read("m", (model_folder / "tokens.txt").read_text("utf-8").splitlines())


def test_phrases_are_spelled_in_the_tones_that_speech_gives_them(units: Units) -> None:
    assert units.writing is Writing.PINYIN_PARTS
    spelled = [" ".join(each) for each in units.spell("不保本")]
    assert spelled[0] == "b ù b ǎo b ěn"
    assert "b ù b áo b ěn" in spelled
    assert "b ú b ǎo b ěn" in spelled
    assert [" ".join(each) for each in units.spell("VIP略")] == ["V I P l üè"]
    assert len(units.spell("我也可以给你买两百股保险产品")) <= MOST_SPELLINGS


def test_what_is_spelled_is_the_models_own(units: Units) -> None:
    for phrase in ("女儿的绿鱼", "别再骚扰我了", "百分之八点五", "唔好再打", "阿姨嗯"):
        assert all(units.known.issuperset(each) for each in units.spell(phrase)), phrase


@pytest.mark.parametrize(
    ("phrase", "message"),
    [("8折", "did you mean 八"), ("，。", "nothing that is said"), ("ñ", "no unit Ñ")],
)
def test_what_cannot_be_spelled_is_told(units: Units, phrase: str, message: str) -> None:
    with pytest.raises(UnknownUnit, match=message):
        units.spell(phrase)


def test_a_neutral_tone_without_a_unit_is_one_way_less_to_say_it() -> None:
    units = Units.read("small", [each for each in _PINYIN if not each.startswith("u ")])
    assert [" ".join(each) for each in units.spell("不")] == ["b ù", "b ú"]
    with pytest.raises(UnknownUnit, match="no unit f"):
        units.spell("放")


def test_models_that_write_characters_spell_them() -> None:
    units = Units.read("c", ["<blk> 0", "保 1", "本 2", "息 3"])
    assert units.writing is Writing.CHARACTERS
    assert units.spell("保本") == [("保", "本")]
    with pytest.raises(UnknownUnit, match="no unit 零"):
        units.spell("零")


def test_models_that_write_pieces_of_words_spot_nothing() -> None:
    units = Units.read("bpe", ["<blk> 0", "▁HE 1", "LLO 2"])
    with pytest.raises(UnknownUnit, match="pieces of words"):
        units.spell("保本")
