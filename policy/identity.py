"""Owns the words by which a rule is cited: the rulebook's identity and text, a rule's titles."""

import hashlib
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


def digest_of(content: str) -> str:
    """SHA-256 of a rulebook's canonical JSON, in lower-case hexadecimal."""
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class Title:
    zh: str
    en: str
