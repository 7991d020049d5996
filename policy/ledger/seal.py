"""Owns hiding personal data: numbers, ids of customers and debts, and words are sealed with
AES-256-GCM, and found again by keyed hash.

Called by the ledger and its reader. A key file lies apart from the database: 32 random bytes, and
32 more for each rotation; every key in use is derived from them (HKDF-SHA256), one a purpose.
Without that file the ledger cannot be read, and nothing in it can be guessed by trying all numbers.
"""

import hmac
import json
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from policy.ledger.key_files import replace, write_once
from policy.ledger.unavailable import LedgerUnavailable, explained

_KEY_BYTES = 32
_GCM_NONCE_BYTES = 12
_HASH_BYTES = 16
"""Of HMAC-SHA256's 32: half (RFC 2104) tells ten million people apart, in half the index."""
_NAMED = ("number", "customer", "debt")
_OPEN_TO_OTHERS = 0o007
_LOOK_EVERY_S = 1.0
_NAME_DIGITS = 16
_JSON = json.JSONDecoder()


class Seal:
    """The keys of one ledger. Kinds keep apart what is hashed or sealed: a customer id that looks
    like a number has another hash than the number.

    The first key hashes for the ledger's whole life: a hash tells nothing without it, rows once
    written keep theirs, and a person must be found in all of them by one question. What is sealed
    is sealed with the newest key; all keys open. A running process takes up a newer key within a
    second of its being in the file.
    """

    def __init__(self, keys: Sequence[bytes], key_file: Path | None = None) -> None:
        first = keys[0]
        self._hashes = {
            each: hmac.new(_derived(first, f"hash {each}"), digestmod="sha256") for each in _NAMED
        }
        self.check_value = _derived(first, "check")
        """Stands in the database to tell the right key from a wrong one; reveals nothing of it."""
        self._key_file = key_file
        self._looked = time.monotonic()
        self._take_up(keys)

    def _take_up(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)
        self._boxes = {
            kind: [AESGCM(_derived(each, f"seal {kind}")) for each in reversed(keys)]
            for kind in (*_NAMED, "words")
        }

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The names of the keys, oldest first; a name reveals nothing of its key."""
        return tuple(_derived(each, "name").hex()[:_NAME_DIGITS] for each in self._keys)

    def _look_again(self) -> bool:
        """Whether the file has other keys than were known."""
        self._looked = time.monotonic()
        if self._key_file is None:
            return False
        try:
            keys = _read(self._key_file)
        except LedgerUnavailable:
            return False  # those that are known still serve
        if keys == list(self._keys):
            return False
        self._take_up(keys)
        return True

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
        if time.monotonic() - self._looked > _LOOK_EVERY_S:
            self._look_again()
        nonce = secrets.token_bytes(_GCM_NONCE_BYTES)
        return nonce + self._boxes[kind][0].encrypt(nonce, text.encode(), kind.encode())

    def opened(self, kind: str, sealed: bytes | None) -> str:
        """What was sealed, empty where it was erased; raises LedgerUnavailable when it was
        altered."""
        if not sealed:
            return ""
        found = self._tried(kind, sealed)
        if found is None and self._look_again():
            found = self._tried(kind, sealed)
        if found is None:
            raise LedgerUnavailable(
                f"a sealed {kind} in the ledger was altered; keep the file, restore the last copy"
            )
        return found

    def _tried(self, kind: str, sealed: bytes) -> str | None:
        nonce, rest, purpose = sealed[:_GCM_NONCE_BYTES], sealed[_GCM_NONCE_BYTES:], kind.encode()
        for box in self._boxes[kind]:
            try:
                return box.decrypt(nonce, rest, purpose).decode()
            except InvalidTag:  # of another key, or altered
                continue
        return None

    def sealed_words(self, words: dict[str, Any]) -> bytes | None:
        """Words spoken or written by people, under their names."""
        return self.sealed("words", json.dumps(words, ensure_ascii=False, separators=(",", ":")))

    def opened_words(self, sealed: bytes | None) -> dict[str, Any]:
        found: dict[str, Any]
        found, _ = _JSON.raw_decode(self.opened("words", sealed) or "{}")
        return found


def load(key_file: Path) -> Seal:
    """The seal whose keys are in `key_file`. Raises LedgerUnavailable: absent, of another length,
    or readable by everybody."""
    return Seal(_read(key_file), key_file)


def _read(key_file: Path) -> list[bytes]:
    """The keys in the file: 32 bytes each, the oldest first."""
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
        content = key_file.read_bytes()
    if not content or len(content) % _KEY_BYTES:
        raise LedgerUnavailable(
            f"{key_file}: not a ledger key (it has {len(content)} bytes, not {_KEY_BYTES} a key); "
            "restore it from where it is kept"
        )
    return [content[at : at + _KEY_BYTES] for at in range(0, len(content), _KEY_BYTES)]


def add_key(key_file: Path) -> Seal:
    """Adds a fresh key to the file, on disk when this returns: from now on it seals. Raises
    LedgerUnavailable."""
    keys = [*_read(key_file), secrets.token_bytes(_KEY_BYTES)]
    with explained(key_file):
        replace(key_file, b"".join(keys), 0o600)
    return load(key_file)


def make_key(key_file: Path) -> None:
    """Makes a fresh key, readable by its owner alone, on disk when this returns. Of two that make
    it at once, one key stays, whole."""
    with explained(key_file):
        key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_once(key_file, secrets.token_bytes(_KEY_BYTES), 0o600)


def _derived(key: bytes, purpose: str) -> bytes:
    kdf = HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"callwarden ledger {purpose}".encode())
    return kdf.derive(key)
