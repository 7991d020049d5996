"""Owns the words by which a rule is cited: the rulebook's identity and text, a rule's titles."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RulebookIdentity:
    """Which rules were in force. `digest` is SHA-256 in lower-case hexadecimal."""

    version: str
    digest: str


@dataclass(frozen=True)
class RulebookText:
    """A rulebook as it was written: its packs as canonical JSON, whose SHA-256 is the digest."""

    identity: RulebookIdentity
    content: str


@dataclass(frozen=True)
class Title:
    zh: str
    en: str
