"""Every failure of a person's YAML is told at its line and column, in words about his file."""

from datetime import date
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from callwarden import located_yaml
from callwarden.problems import ProblemsFound


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Apple(Part):
    kind: Literal["apple"]
    colour: Literal["red", "green"] = "red"
    seeds: int = Field(0, ge=0)


class Pear(Part):
    kind: Literal["pear"]
    length_mm: int = 1


class Basket(Part):
    name: str
    picked: date | None = None
    lined_with: str = Field("straw", alias="lined-with")
    fruit: tuple[Annotated[Apple | Pear, Field(discriminator="kind")], ...] = Field(min_length=1)
    weights: dict[str, Apple] = {}


def problems(text: str) -> list[str]:
    with pytest.raises(ProblemsFound) as found:
        located_yaml.validate(located_yaml.read(text, "basket.yaml"), Basket)
    return [str(each) for each in found.value.problems]


def test_what_fits_is_read() -> None:
    text = "name: old\npicked: 2026-03-02\nfruit: [{kind: apple, seeds: 5}, {kind: pear}]\n"
    basket = located_yaml.validate(located_yaml.read(text, "basket.yaml"), Basket)
    assert (basket.picked, len(basket.fruit)) == (date(2026, 3, 2), 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: a\nfruit:\n  - kind: apple\n    seeds: -1\n", "4:5: fruit[0].seeds: Input should"),
        ("fruit: [{kind: pear}]\n", "1:1: (document): the key name is missing"),
        ("name: a\nfruit: [{seeds: 1}]\n", "2:9: fruit[0]: the key kind is missing"),
        ("name: a\nfruit: []\n", "2:1: fruit: Tuple should have at least 1 item"),
        ("name: a\nfruit: {a: b}\n", "2:1: fruit: must be a list"),
        ("name: a\nfruit: [pear]\n", "2:9: fruit[0]: must be keys and values"),
        ("name: 1.5\nfruit: [{kind: pear}]\n", "1:1: name: must be text; put it in quotes"),
        ("- a\n- b\n", "1:1: (document): must be keys and values"),
        ("", "1:1: (document): the key fruit is missing"),
        (
            "name: a\nfruit: [{kind: aple}]\n",
            "2:10: fruit[0].kind: must be one of apple, pear (did you mean apple?)",
        ),
        (
            "name: a\nfruit: [{kind: apple, colour: gren}]\n",
            "2:23: fruit[0].colour: must be one of red, green (did you mean green?)",
        ),
        (
            "name: a\nlined-wiht: x\nfruit: [{kind: pear}]\n",
            "2:1: lined-wiht: unknown key (did you mean lined-with?)",
        ),
        (
            "name: a\nfruit: [{kind: pear}]\nweights: {x: {kind: apple, sedes: 1}}\n",
            "3:28: weights.x.sedes: unknown key (did you mean seeds?)",
        ),
    ],
)
def test_a_failure_is_told_at_its_place(text: str, told: str) -> None:
    assert problems(text)[0].startswith(f"basket.yaml:{told}")


def test_an_unknown_key_is_compared_with_those_of_its_own_kind() -> None:
    (told,) = problems("name: a\nfruit: [{kind: apple, length_m: 1}]\n")
    assert told == "basket.yaml:2:23: fruit[0].length_m: unknown key"


def test_all_failures_are_told_in_the_order_of_the_file() -> None:
    told = problems("fruit:\n  - {kind: apple, seeds: x}\n  - {kind: plum}\nnmae: a\n")
    assert [each.split(":")[1] for each in told] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: a\nname: b\n", "2:1: (document): the key stands here twice"),
        ("name: [a\nfruit: b\n", "2:6: (document): "),
        ("name: a\x07\n", "1:1: (document): not YAML: "),
        ("a: b\n---\nc: d\n", "2:1: (document): "),
    ],
)
def test_what_is_not_yaml_is_told_at_its_place(text: str, told: str) -> None:
    with pytest.raises(ProblemsFound) as found:
        located_yaml.read(text, "basket.yaml")
    (problem,) = found.value.problems
    assert str(problem).startswith(f"basket.yaml:{told}")
