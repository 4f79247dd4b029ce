"""Which names promise a secret: of keys, headers, query arguments and form fields.

Owns the vocabulary; `redact` does the hiding. Errs towards hiding: a value that
was hidden for nothing costs a look at the source, one that was shown cannot be
taken back. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote_plus

FRAGMENTS = (
    "accesskey",
    "apikey",
    "authentication",
    "authorization",
    "authtoken",
    "bearer",
    "cookie",
    "credential",
    "csrf",
    "encryptionkey",
    "jwt",
    "oauth",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "session",
    "signature",
    "signingkey",
    "token",
    "xsrf",
)
"""Secret wherever they stand in a name, whatever separates or capitalises its words."""

WORDS = frozenset({"auth", "otp", "pass", "pin", "pwd", "sid", "sig"})
"""Secret only as a whole word: `pin` is, `pinned` and `author` are not."""

QUERY_WORDS = frozenset({"code", "hash", "key", "nonce", "ticket"})
"""Secret as the name of a query argument, where one-time codes travel; plain elsewhere."""

_SEPARATED = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_NOISE = re.compile(r"[\W_]+")
_BINARY_NOISE = re.compile(rb"[\W_]+")
_LONG = 5
"""Letters that a name needs so that random bytes do not spell it."""


class SecretNames:
    """Tells whether a name promises a secret.

    Args:
        extra: further names, compared without case and separators.
    """

    def __init__(self, extra: Iterable[str] = ()) -> None:
        self.extra = frozenset(_squashed(name) for name in extra) - {""}
        # Names repeat for every frame, so each is judged once; the bound keeps a client
        # that makes up names from filling memory.
        self.is_secret = lru_cache(maxsize=4_096)(self._is_secret)

    def is_secret_argument(self, name: str) -> bool:
        """Return whether a query argument of this name, percent-encoded or not, is secret."""
        plain = unquote_plus(name)
        return self.is_secret(plain) or not QUERY_WORDS.isdisjoint(_words(plain))

    def occur_in(self, data: bytes) -> bool:
        """Return whether one of the long names stands somewhere in binary `data`."""
        squashed = _BINARY_NOISE.sub(b"", data).lower()
        names = (name for name in (*FRAGMENTS, *self.extra) if len(name) >= _LONG)
        return any(name.encode() in squashed for name in names)

    def _is_secret(self, name: str) -> bool:
        squashed = _squashed(name)
        return (
            any(fragment in squashed for fragment in FRAGMENTS)
            or squashed in self.extra
            or not WORDS.isdisjoint(_words(name))
        )


def _squashed(name: str) -> str:
    return _NOISE.sub("", name).lower()


def _words(name: str) -> set[str]:
    return {word.lower() for word in _SEPARATED.findall(name)}
