"""Owns the canonical text of a rulebook: one JSON of all packs as they are written, whose SHA-256
is the rulebook's digest; and reading it back.

Written by `policy.rulebook`; kept in the ledger when it is activated; read by the gateway, which
needs its dialling rules, and by the recognizer, which needs its speech rules: neither loads the
other's half. Comments, layout and the order of keys do not count.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument
from callwarden.problems import Problem, ProblemsFound
from policy.dialling.pack import DiallingPack
from policy.dialling.public_holidays import Calendar
from policy.dialling.rulebook import DiallingRulebook
from policy.identity import RulebookIdentity, RulebookText, digest_of

if TYPE_CHECKING:
    from policy.speech.rulebook import SpeechRulebook


def write(
    version: str,
    dialling: Sequence[Any],
    speech: Sequence[Sequence[Any]],
    calendars: Mapping[str, Calendar],
) -> RulebookText:
    """The text of these packs: each dialling pack's document, each speech pack's documents; and the
    public holidays its rules go by, where they do."""
    value: dict[str, Any] = {"dialling": dialling, "speech": speech}
    if calendars:
        value["calendars"] = {name: each.written() for name, each in calendars.items()}
    content = _canonical(value)
    return RulebookText(RulebookIdentity(version, digest_of(content)), content)


def dialling(text: RulebookText) -> DiallingRulebook:
    """Its dialling rules. Raises ProblemsFound: a text of another version of the language."""
    read = _read(text)
    packs = [
        located_yaml.validate(LocatedDocument(_name(text), value), DiallingPack)
        for value in read["dialling"]
    ]
    try:
        calendars = {name: Calendar.read(each) for name, each in read.get("calendars", {}).items()}
        return DiallingRulebook.compile(packs, text.identity, calendars)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise _unreadable(text, "its public holidays cannot be read") from None


def speech(text: RulebookText) -> "SpeechRulebook":
    """Its speech rules. Raises ProblemsFound as `dialling` does."""
    # Loaded here: checking phrases takes a pronouncing dictionary that the gateway has no use for.
    from policy.speech import assembly
    from policy.speech.rulebook import SpeechRulebook

    packs = [
        assembly.assemble([LocatedDocument(_name(text), value) for value in documents])
        for documents in _read(text)["speech"]
    ]
    return SpeechRulebook.compile(packs, text.identity)


def with_rule_in_shadow(text: RulebookText, rule: str) -> RulebookText:
    """The rulebook in which this speech rule is judged in shadow, wherever its packs write it; the
    same one where it is already. Raises KeyError where no speech rule has that id, ProblemsFound
    as `dialling` does."""
    value = _read(text)
    written = [
        each
        for documents in value["speech"]
        for document in documents
        for each in document.get("rules", ())
        if each["id"] == rule
    ]
    if not written:
        raise KeyError(rule)
    for each in written:
        each["shadow"] = True
    content = _canonical(value)
    return RulebookText(RulebookIdentity(text.identity.version, digest_of(content)), content)


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _read(text: RulebookText) -> dict[str, Any]:
    if digest_of(text.content) != text.identity.digest:
        raise _unreadable(text, "its text is not that of its digest")
    try:
        value = json.loads(text.content)
    except ValueError:
        raise _unreadable(text, "its text is not JSON") from None
    if not isinstance(value, dict) or not {"dialling", "speech"} <= value.keys():
        raise _unreadable(text, "its text is no rulebook")
    return value


def _unreadable(text: RulebookText, why: str) -> ProblemsFound:
    return ProblemsFound([Problem(_name(text), 1, 1, "(document)", why)])


def _name(text: RulebookText) -> str:
    return f"(rulebook {text.identity.digest[:12]})"
