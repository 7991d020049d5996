"""The automaton finds what walking every place by itself finds, whatever it has kept."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin.pinyin_dict import pinyin_dict

from policy.speech import automaton, phrase, sound, tree
from policy.speech.automaton import Automaton, Walk
from policy.speech.phrase import Gap, Reference, Sequence, Slot, Text
from policy.speech.tolerance import Tolerance
from policy.speech.tree import Node
from tests.speech import plain_matching
from tests.speech.spoken import base_pack

_PAUSE = ""
_FEW = [
    "保本",
    "保证…收益",
    "不要再(给我|跟我)[来]打电话",
    "再不还……2上门",
    "别再骚扰我们的家人",
    "[我](不知道|知道)…3(信|你)",
    "年化[是]{percent}的收益",
    "本次通话将会被录音",
]


def _root(written: list[str], tolerance: Tolerance) -> Node:
    root = Node()
    for each in written:
        tree.grow(root, each, phrase.parse(each), lambda _: [], tolerance)
    return root


_ROOTS = {tolerance: _root(_FEW, tolerance) for tolerance in Tolerance}
_WALKED = {tolerance: Automaton(root) for tolerance, root in _ROOTS.items()}
_HEARD = sorted(
    {heard for each in _FEW for heard in sound.sounds(each)}
    | set("bu mei ban zhen zai se xin jin bie zhao sao bei san dian si shi".split())  # noqa: SIM905 -- a list of syllables reads better so
)


def _sounds(data: st.DataObject) -> list[str]:
    """Stretches of the phrases with some syllables misheard, and pauses."""
    heard: list[str] = []
    for written in data.draw(st.lists(st.sampled_from(_FEW), max_size=3)):
        heard += sound.sounds(written)
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(heard)))
            other = data.draw(st.sampled_from([*_HEARD, _PAUSE]))
            if data.draw(st.booleans()):
                heard.insert(at, other)
            else:
                heard[at : at + 1] = [other]
    return heard


def _compare(root: Node, walked: Automaton, heard: list[str]) -> None:
    places: list[plain_matching.Place] = []
    walk = Walk(walked)
    for index, each in enumerate(heard):
        if each == _PAUSE:
            places = plain_matching.paused(places)
            walk.pause()
            continue
        places = plain_matching.step(places + plain_matching.begin(root, index), each)
        walk.hear(index, each)
        plain = sorted(plain_matching.found(places))
        assert sorted((first, *found) for first, found in walk.found()) == plain, heard
        for place in places:
            leads_to = plain_matching.leads_to(places, place.first)
            assert all(walk.leads_to(place.first, name) for name in leads_to), heard


@settings(max_examples=150, deadline=None)
@given(data=st.data(), tolerance=st.sampled_from(list(Tolerance)))
def test_finds_what_the_plain_way_finds(data: st.DataObject, tolerance: Tolerance) -> None:
    _compare(_ROOTS[tolerance], _WALKED[tolerance], _sounds(data))


def test_finds_in_the_base_pack_what_the_plain_way_finds() -> None:
    pack = base_pack()
    parsed = {
        name: [phrase.parse(each) for each in pattern.phrases]
        for name, pattern in pack.patterns.items()
    }
    root, chosen = Node(), random.Random(7)
    for name, phrases in parsed.items():
        if name.startswith(("claim", "attitude.i", "told", "refus")):
            for each in phrases:
                tree.grow(root, name, each, parsed.__getitem__, Tolerance.USUAL)
    walked, said = Automaton(root), [each for phrases in parsed.values() for each in phrases]
    for _ in range(40):
        heard = [
            syllable
            for _ in range(3)
            for syllable in sound.sounds(_spoken(chosen.choice(said), parsed, chosen))
        ][:24]
        for at in range(len(heard)):
            if chosen.random() < 0.15:
                heard[at] = chosen.choice([*_HEARD, _PAUSE])
        _compare(root, walked, heard)


def _spoken(said: Sequence, parsed: dict[str, list[Sequence]], chosen: random.Random) -> str:
    words = ""
    for part in said:
        match part:
            case Text(marks):
                words += marks
            case Gap():
                words += "我们的"[: chosen.randrange(4)]
            case Slot():
                words += "百分之七"
            case Reference(name):
                words += _spoken(chosen.choice(parsed[name]), parsed, chosen)
            case _:
                words += _spoken(chosen.choice(part.ways), parsed, chosen)
    return words


def test_what_is_kept_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automaton, "MOST_PLACES_KEPT", 50)
    root, chosen = _ROOTS[Tolerance.USUAL], random.Random(3)
    walked = Automaton(root)
    for _ in range(30):
        _compare(root, walked, [chosen.choice(_HEARD) for _ in range(20)])
    assert walked.places_kept <= 50


def test_near_classes_are_those_of_all_syllables() -> None:
    syllables = {
        heard
        for each in pinyin_dict.values()
        for one in each.split(",")
        for heard in sound.sounds(one)
        if heard.isascii() and set(heard) & set("aeiouv")  # 嗯 and 哼 may be ng and hng
    }
    assert len(syllables) > 400
    syllables -= sound.POLARITY
    classes = {sound.blurred(each) for each in syllables}
    for heard in syllables:
        near = sound.near_classes(sound.blurred(heard))
        assert {each for each in near if each in classes} == {
            sound.blurred(meant)
            for meant in syllables
            if sound.blurred(meant) != sound.blurred(heard) and sound.nearness(heard, meant)
        }, heard
