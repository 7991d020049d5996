"""The two READMEs stay short, twins, and free of links that lead nowhere."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_READMES = (_ROOT / "README.md", _ROOT / "README.zh-CN.md")


@pytest.mark.parametrize("readme", _READMES, ids=lambda file: file.name)
def test_a_readme_has_at_most_150_lines(readme: Path) -> None:
    assert len(readme.read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize(
    "page", [*_READMES, _ROOT / "ARCHITECTURE.md", *sorted((_ROOT / "docs").glob("*.md"))]
)
def test_local_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_twins_have_the_same_sections_and_commands() -> None:
    english, chinese = (file.read_text(encoding="utf-8") for file in _READMES)
    assert len(re.findall("^##", english, re.M)) == len(re.findall("^##", chinese, re.M))
    commands = [re.findall(r"^(?:make|callwarden) .*$", text, re.M) for text in (english, chinese)]
    assert [line.split("#")[0].strip() for line in commands[0]] == [
        line.split("#")[0].strip() for line in commands[1]
    ]


def test_paths_named_in_the_architecture_exist() -> None:
    text = (_ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    paths = re.findall(
        r"`((?:policy|recognizer|gateway|tui|proto|rules|tests|deploy|docs)/[\w./-]*)`", text
    )
    assert [path for path in paths if not (_ROOT / path).exists()] == []
