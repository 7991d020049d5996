"""Owns hiding personal data: numbers, ids of customers and debts, and words are sealed with
AES-256-GCM, and found again by keyed hash.

Called by the ledger and its reader. One key file of 32 random bytes lies apart from the database;
every key in use is derived from it (HKDF-SHA256), one a purpose. Without that file the ledger
cannot be read, and nothing in it can be guessed by trying all numbers.
"""

import hmac
import json
import secrets
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from policy.ledger.key_files import write_once
from policy.ledger.unavailable import LedgerUnavailable, explained

_KEY_BYTES = 32
_GCM_NONCE_BYTES = 12
_HASH_BYTES = 16
"""Of HMAC-SHA256's 32: half (RFC 2104) tells ten million people apart, in half the index."""
_NAMED = ("number", "customer", "debt")
_OPEN_TO_OTHERS = 0o007


class Seal:
    """The keys of one ledger. Kinds keep apart what is hashed or sealed: a customer id that looks
    like a number has another hash than the number."""

    def __init__(self, key: bytes) -> None:
        self._hashes = {
            each: hmac.new(_derived(key, f"hash {each}"), digestmod="sha256") for each in _NAMED
        }
        self._boxes = {each: AESGCM(_derived(key, f"seal {each}")) for each in (*_NAMED, "words")}
        self.check_value = _derived(key, "check")
        """Stands in the database to tell the right key from a wrong one; reveals nothing of it."""

    def hashed(self, kind: str, text: str) -> bytes | None:
        """Keyed hash of a `number`, `customer` or `debt`, 16 bytes; None for an empty text."""
        if not text:
            return None
        keyed = self._hashes[kind].copy()
        keyed.update(text.encode())
        return keyed.digest()[:_HASH_BYTES]

    def sealed(self, kind: str, text: str) -> bytes | None:
        """The text only the key's owner can read; None for an empty one."""
        if not text:
            return None
        nonce = secrets.token_bytes(_GCM_NONCE_BYTES)
        return nonce + self._boxes[kind].encrypt(nonce, text.encode(), kind.encode())

    def opened(self, kind: str, sealed: bytes | None) -> str:
        """What was sealed, empty where it was erased; raises LedgerUnavailable when it was
        altered."""
        if not sealed:
            return ""
        nonce, rest = sealed[:_GCM_NONCE_BYTES], sealed[_GCM_NONCE_BYTES:]
        try:
            return self._boxes[kind].decrypt(nonce, rest, kind.encode()).decode()
        except InvalidTag:
            raise LedgerUnavailable(
                f"a sealed {kind} in the ledger was altered; keep the file, restore the last copy"
            ) from None

    def sealed_words(self, words: dict[str, Any]) -> bytes | None:
        """Words spoken or written by people, under their names."""
        return self.sealed("words", json.dumps(words, ensure_ascii=False, separators=(",", ":")))

    def opened_words(self, sealed: bytes | None) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.opened("words", sealed) or "{}")
        return found


def load(key_file: Path) -> Seal:
    """The seal whose key is in `key_file`. Raises LedgerUnavailable: absent, of another length,
    or readable by everybody."""
    with explained(key_file):
        if not key_file.exists():
            raise LedgerUnavailable(
                f"{key_file}: the ledger's key is missing; restore it from where it is kept: "
                "without it the ledger cannot be read"
            )
        if key_file.stat().st_mode & _OPEN_TO_OTHERS:
            raise LedgerUnavailable(
                f"{key_file}: everybody on this machine can use the ledger's key; "
                f"`chmod 600 {key_file}`"
            )
        key = key_file.read_bytes()
    if len(key) != _KEY_BYTES:
        raise LedgerUnavailable(
            f"{key_file}: not a ledger key (it has {len(key)} bytes, not {_KEY_BYTES}); restore it "
            "from where it is kept"
        )
    return Seal(key)


def make_key(key_file: Path) -> None:
    """Makes a fresh key, readable by its owner alone, on disk when this returns. Of two that make
    it at once, one key stays, whole."""
    with explained(key_file):
        key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_once(key_file, secrets.token_bytes(_KEY_BYTES), 0o600)


def _derived(key: bytes, purpose: str) -> bytes:
    kdf = HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"callwarden ledger {purpose}".encode())
    return kdf.derive(key)
