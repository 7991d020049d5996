"""The site's file of products: facts by id, every mistake at its place."""

from pathlib import Path

import pytest

from callwarden.problems import ProblemsFound
from policy import products
from policy.on_the_wire import product_message, product_of
from policy.speech.circumstances import ProductFacts

_FILE = """\
products:
  credit-loan-12:
    annual_rate_percent: 7.2
    fees_percent: 0
  fund-a: {risk_level: R3}
"""


def test_what_is_left_out_is_not_known_and_survives_the_wire(tmp_path: Path) -> None:
    file = tmp_path / "products.yaml"
    file.write_text(_FILE, encoding="utf-8")
    known = products.load(file)
    assert known == {
        "credit-loan-12": ProductFacts(annual_rate_percent=7.2, fees_percent=0),
        "fund-a": ProductFacts(risk_level="R3"),
    }
    for each in known.values():
        assert product_of(product_message(each)) == each
    assert products.load(None) == {}


def test_every_mistake_is_told_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "products.yaml"
    file.write_text(
        "products:\n  a:\n    anual_rate_percent: 7.2\n    fees_percent: -1\n  b: R3\n",
        encoding="utf-8",
    )
    with pytest.raises(ProblemsFound) as found:
        products.load(file)
    told = [str(each).removeprefix(str(file)) for each in found.value.problems]
    assert told[0].startswith(":3:5: products.a.anual_rate_percent: unknown key (did you mean")
    assert told[1].startswith(":4:5: products.a.fees_percent: ")
    assert told[2].startswith(":5:3: products.b: must be keys and values")


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound, match=r"speech\.products: cannot be read"):
        products.load(tmp_path / "none.yaml")
