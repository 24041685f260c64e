"""Signatures of webhooks, as Standard Webhooks has them (https://www.standardwebhooks.com). Pure.

What is signed is the ID, the time and the body, so that a receiver can refuse what was forged, what was
changed on the way, and what is sent again later by somebody who has seen it.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

KEY_PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
MOST_KEYS = 4


class BadKeys(ValueError):
    """A file of keys that cannot be used; the message names the line, and no key."""


def read_keys(content: str) -> tuple[bytes, ...]:
    """Read a file of keys: a line for each, in base64, `whsec_` before it or not. Raises BadKeys.

    While a key is being replaced both are there: a message bears a signature by each.
    """
    lines = [(number, line.strip()) for number, line in enumerate(content.splitlines(), 1)]
    named = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not named:
        raise BadKeys(
            "there is no key: a line with 24 to 64 bytes in base64, such as of openssl rand -base64 32"
        )
    if len(named) > MOST_KEYS:
        raise BadKeys(f"there are more than {MOST_KEYS} keys")
    return tuple(_key(number, line) for number, line in named)


def _key(number: int, line: str) -> bytes:
    try:
        key = base64.b64decode(line.removeprefix(KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadKeys(f"line {number} is not base64") from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise BadKeys(f"line {number}: a key has {LEAST_BYTES} to {MOST_BYTES} bytes, this one {len(key)}")
    return key


def fields(identity: str, body: bytes, *, keys: Sequence[bytes], now: int) -> dict[str, str]:
    """Make the header fields of a message that is sent at `now` (Unix time, seconds)."""
    signed = f"{identity}.{now}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
