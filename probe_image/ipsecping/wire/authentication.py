"""Keys of STAMP's authenticated mode, and what they sign (RFC 8762 section 4.4, RFC 2104, RFC 4868).

Keys come as text, one a line; a line may be

    hex:0123...          octets in hexadecimal
    base64:AbCd...       octets in base64
    anything else        the line's own characters in UTF-8, as a router's command line takes them

The forms are named rather than guessed, for many a password is valid base64 as well. Empty lines and lines
that start with # are passed over. The first key signs; every key is accepted.

The first two are the marked form. Who chooses a file is not always who wrote it: a file of passwords taken
for keys would let whoever sees signed packets guess them off line. Where only marked keys are accepted, of
at least as many octets as the hash has (RFC 2104 section 3), no such file is.
"""

import base64
import hmac
import re
from collections.abc import Iterable

MAC_SIZE = 16
"""Octets of the truncated HMAC-SHA-256."""
LEAST_KEY = 16
"""Octets: a shorter key is easier to find than a MAC of 128 bits is to forge."""
LEAST_MARKED_KEY = 32
"""Octets, where only marked keys are accepted: those of the hash."""
MOST_KEY = 512
MAX_KEYS = 8
_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f]")
"""Control characters, but tabs and ends of lines."""


class MalformedKeys(ValueError):
    """Text that holds no usable keys; the message names the line, never its content."""


class UnmarkedKey(MalformedKeys):
    """A key that is not in marked form, or a marked one that is too short, where only marked ones count."""


def parse_keys(text: str, *, marked: bool = False) -> tuple[bytes, ...]:
    """The keys in the order of the text, at least one. Raises MalformedKeys.

    `marked`: raise UnmarkedKey for any key that is not in marked form and of at least 32 octets.
    """
    keys: list[bytes] = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.strip()
        if content and not content.startswith("#"):
            keys.append(_parse_key(content, number, marked=marked))
    if not keys:
        raise MalformedKeys("no key: write one a line, of at least 16 bytes, such as hex:0123...")
    if len(keys) > MAX_KEYS:
        raise MalformedKeys(f"{len(keys)} keys, at most {MAX_KEYS} are allowed")
    return tuple(keys)


def digest(key: bytes, data: bytes | bytearray) -> bytes:
    """HMAC-SHA-256 of `data`, truncated to 128 bits."""
    return hmac.digest(key, data, "sha256")[:MAC_SIZE]


def signer(keys: Iterable[bytes], data: bytes | bytearray, mac: bytes | bytearray) -> bytes | None:
    """The key with which `mac` was made of `data`, or None. How wrong a `mac` is takes no time to tell."""
    for key in keys:
        if hmac.compare_digest(digest(key, data), mac):
            return key
    return None


def _parse_key(content: str, number: int, *, marked: bool) -> bytes:
    form, separator, rest = content.partition(":")
    try:
        if separator and form == "hex":
            key = bytes.fromhex(rest)
        elif separator and form == "base64":
            key = base64.b64decode(rest.strip(), validate=True)
        elif marked:
            raise UnmarkedKey(f"line {number}: neither hex:... nor base64:...")
        elif _CONTROL.search(content):
            # As of a file that was cut off by a crash: anybody can guess zeros.
            raise MalformedKeys(f"line {number}: control characters; write binary keys as hex:...")
        else:
            key = content.encode()
    except MalformedKeys:
        raise
    except ValueError:
        raise MalformedKeys(f"line {number}: not {form}") from None
    if marked and len(key) < LEAST_MARKED_KEY:
        raise UnmarkedKey(f"line {number}: a key has at least {LEAST_MARKED_KEY} bytes, not {len(key)}")
    if not LEAST_KEY <= len(key) <= MOST_KEY:
        raise MalformedKeys(f"line {number}: a key has {LEAST_KEY} to {MOST_KEY} bytes, not {len(key)}")
    return key
