"""Signatures: a project's own Ed25519 key, what it signs, and whether what others signed can be trusted."""

import base64
import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from fourways.core.errors import InvalidRequest

KEY_FILE = "signing.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature with the key that checks it, both in base64. RFC 8032.

    Attributes:
        fingerprint: names the key: the first 32 hex characters of its SHA-256.
    """

    public_key: str
    signature: str

    @property
    def fingerprint(self) -> str:
        """What people compare."""
        return hashlib.sha256(_bytes(self.public_key)).hexdigest()[:32]

    def check(self, content: bytes) -> None:
        """Hold the signature against what was signed.

        Raises:
            InvalidRequest: it is not of this content, or it is none.
        """
        try:
            Ed25519PublicKey.from_public_bytes(_bytes(self.public_key)).verify(_bytes(self.signature), content)
        except (InvalidSignature, ValueError) as error:
            raise InvalidRequest("the signature does not fit: this was changed after it was signed") from error


def sign(content: bytes, state: Path) -> Signature:
    """Sign with the project's own key, which is made where there is none.

    Args:
        state: the project's state folder, which keeps the key for its owner only.
    """
    key = _own_key(state)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Signature(public_key=_text(public), signature=_text(key.sign(content)))


def own_fingerprint(state: Path) -> str | None:
    """Return the fingerprint of the project's own key, None while it has none."""
    return sign(b"", state).fingerprint if (state / KEY_FILE).exists() else None


def _own_key(state: Path) -> Ed25519PrivateKey:
    path = state / KEY_FILE
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        fresh = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with NamedTemporaryFile(dir=state, prefix=f"{KEY_FILE}.", delete=False) as file:  # its owner's alone to read
            file.write(fresh)
            file.flush()
            os.fsync(file.fileno())
        unfinished = Path(file.name)
        with contextlib.suppress(FileExistsError):  # another process was faster: its key is the project's
            os.link(unfinished, path)
        unfinished.unlink()
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidRequest(f"{path} holds no Ed25519 key; move it away, and a new one is made")
    return key


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
