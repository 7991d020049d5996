"""Owns the ledger's signature: an Ed25519 key beside the sealing key, and what it signs.

Called by what makes checkpoints, erasures and manifests, and by what checks them. The private key
never leaves its file; the public one is in the ledger and in `signing.pub`, which an auditor keeps.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from policy.ledger.key_files import write_once
from policy.ledger.unavailable import LedgerUnavailable, explained

_PRIVATE: Final = "signing.key"
_PUBLIC: Final = "signing.pub"


class Signer:
    """A private key and the name it goes by."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = key_id(self.public)

    def signed(self, *lines: str | int) -> bytes:
        return self._key.sign(_text(lines))


def key_id(public: bytes) -> str:
    """The name of a public key (its 32 bytes): the first 16 digits of its SHA-256."""
    return sha256(public).hexdigest()[:16]


def is_signed(public: bytes, signature: bytes, *lines: str | int) -> bool:
    """Whether the owner of this key signed these lines."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _text(lines))
    except (InvalidSignature, ValueError):
        return False
    return True


def load(key_file: Path) -> Signer:
    """The signer beside the ledger's key, made when absent. Raises LedgerUnavailable."""
    file = key_file.with_name(_PRIVATE)
    with explained(file):
        if not file.exists():
            _make(file)
        try:
            key = load_pem_private_key(file.read_bytes(), None)
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise LedgerUnavailable(
                f"{file}: not an Ed25519 key; restore the signing key from where it is kept"
            )
        if not public_file(key_file).exists():
            form = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
            write_once(public_file(key_file), key.public_key().public_bytes(*form), 0o644)
    return Signer(key)


def trusted(key_file: Path) -> dict[str, bytes]:
    """The public keys that lie beside the ledger's key, by name: those its signatures are checked
    with when no others are named. What the database itself says of keys is not trusted."""
    keys = [read_public(each) for each in sorted(key_file.parent.glob("signing*.pub"))]
    return {key_id(each): each for each in keys}


def public_file(key_file: Path) -> Path:
    """Where the public key of the ledger with this key lies, as PEM."""
    return key_file.with_name(_PUBLIC)


def read_public(file: Path) -> bytes:
    """The 32 bytes of a public key in PEM. Raises LedgerUnavailable."""
    with explained(file):
        try:
            key = load_pem_public_key(file.read_bytes())
        except ValueError:
            key = None
    if not isinstance(key, Ed25519PublicKey):
        raise LedgerUnavailable(f"{file}: not an Ed25519 public key in PEM")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _make(file: Path) -> None:
    key = Ed25519PrivateKey.generate()
    write_once(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)


def _text(lines: tuple[str | int, ...]) -> bytes:
    """One to a line; no line holds a line break."""
    texts = [str(each) for each in lines]
    if any("\n" in each for each in texts):
        raise ValueError("what is signed is one text a line")
    return "".join(f"{each}\n" for each in texts).encode()
