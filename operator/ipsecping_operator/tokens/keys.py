"""The keys that tokens are made of. Pure.

The token of a path's agent is HMAC-SHA256 (RFC 2104) of the check's UID and the path: no agent can make
another's of its own, and nothing but the key has to be kept. Agents know the tokens' digests only
(`contract.token`).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ipsecping.contract import token

OCTETS = 32
CURRENT, PREVIOUS = "key", "previous"
"""The Secret's keys; what the second one makes is accepted as well, until it is removed."""
_PURPOSE = "ipsecping results"


class MalformedKey(ValueError):
    """A Secret that holds something else; the message says what, and never quotes it."""


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """The key that tokens are made of, then the one before it while that is still accepted."""

    keys: tuple[bytes, ...] = field(repr=False)

    def tokens(self, check_uid: str, path: str) -> tuple[str, ...]:
        """What to show the agent of the path, in the order in which to try."""
        text = f"{_PURPOSE}/{check_uid}/{path}".encode()
        return tuple(hmac.new(key, text, hashlib.sha256).hexdigest() for key in self.keys)

    def verifiers(self, check_uid: str, path: str) -> tuple[str, ...]:
        """What the agent's plan holds."""
        return tuple(token.verifier(each) for each in self.tokens(check_uid, path))


def keys_in(data: Mapping[str, Any] | None) -> TokenKeys | None:
    """The keys in a Secret's `data`; None while it is empty. Raises MalformedKey."""
    held = {name: value for name, value in (data or {}).items() if name in (CURRENT, PREVIOUS) and value}
    if not held:
        return None
    if CURRENT not in held:
        raise MalformedKey(f"it has {PREVIOUS} and no {CURRENT}")
    return TokenKeys(tuple(_octets(name, held[name]) for name in (CURRENT, PREVIOUS) if name in held))


def encoded(key: bytes) -> str:
    """As it stands in a Secret's `data`."""
    return base64.b64encode(key).decode()


def _octets(name: str, value: object) -> bytes:
    try:
        key = base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != OCTETS:
        raise MalformedKey(f"{name} is not {OCTETS} bytes")
    return key
