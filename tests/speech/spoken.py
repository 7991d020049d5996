"""What the tests of speech say, and the rules they say it to."""

from pathlib import Path

from callwarden import located_yaml
from policy.identity import RulebookIdentity
from policy.speech.assembly import assemble
from policy.speech.dialogue_test import Turn, speak
from policy.speech.finding import Finding
from policy.speech.pack import SpeechPack
from policy.speech.rulebook import SpeechRulebook

BASE = Path(__file__).resolve().parents[2] / "rules" / "speech" / "base"
IDENTITY = RulebookIdentity("test", "0" * 64)


def base_pack() -> SpeechPack:
    files = [each for each in sorted(BASE.glob("*.yaml")) if not each.stem.endswith("_test")]
    return assemble(
        [located_yaml.read(each.read_text(encoding="utf-8"), each.name) for each in files]
    )


def rulebook(*texts: str) -> SpeechRulebook:
    """A rulebook of one pack written in YAML, a text a file."""
    documents = [located_yaml.read(each, f"{at}.yaml") for at, each in enumerate(texts, 1)]
    return SpeechRulebook.compile([assemble(documents)], IDENTITY)


def findings(rules: SpeechRulebook, *turns: str, scene: str = "*") -> list[Finding]:
    """Of a dialogue whose turns are written `agent: 您好`."""
    legs = [each.partition(": ") for each in turns]
    return speak([Turn.model_validate({leg: text}) for leg, _, text in legs], rules, scene)
