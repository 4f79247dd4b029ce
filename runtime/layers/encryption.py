"""The keys with which layer messages are encrypted.

Owns how a Fernet key is made of what a project configures. Called by the codec and the
serializers. Importing it costs the import of `cryptography`, so they do that when there are keys.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, MultiFernet


def make_fernet(key: str | bytes) -> Fernet:
    """Return the cipher of a configured key, which may be any text."""
    key_bytes = key.encode() if isinstance(key, str) else key
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key_bytes).digest()))


def make_cipher(keys: Sequence[str | bytes]) -> MultiFernet:
    """Return a cipher that encrypts with the first of `keys` and decrypts with any of them.

    Raises:
        ValueError: `keys` is one key instead of a list of them.
    """
    if isinstance(keys, str | bytes):
        raise ValueError(
            "symmetric_encryption_keys must be a list of possible keys, not one key: the first"
            " encrypts, all decrypt. Write [key]."
        )
    return MultiFernet([make_fernet(key) for key in keys])
