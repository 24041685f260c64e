"""The payload of UDP and ICMP echo probes: whoever echoes it verbatim answers the probe.

 0 magic "ipsp"  (4)   tells a probe from anything else in a capture
 4 cookie        (8)   random per session: an answer to somebody else's probe is not ours
12 sequence      (4)
16 zeros up to the size asked for
"""

from struct import Struct

MAGIC = b"ipsp"
COOKIE_SIZE = 8
BASE_SIZE = 16

_PAYLOAD = Struct("!4s8sI")
_COPIED = slice(24, 36)
"""Where a Session-Reflector has the first 12 octets of what it answers (RFC 8762 section 4.3.1)."""


def pack(cookie: bytes, sequence: int, size: int) -> bytes:
    """The payload in `size` octets (at least `BASE_SIZE`)."""
    if size < BASE_SIZE:
        raise ValueError(f"an echo payload has at least {BASE_SIZE} bytes, not {size}")
    return _PAYLOAD.pack(MAGIC, cookie, sequence).ljust(size, b"\0")


def parse(data: bytes, cookie: bytes) -> int | None:
    """The sequence number, or None when this is not an echo of a payload made with `cookie`."""
    if len(data) < BASE_SIZE:
        return None
    magic, echoed, sequence = _PAYLOAD.unpack_from(data)
    return int(sequence) if magic == MAGIC and echoed == cookie else None


def is_stamp_answer(data: bytes, cookie: bytes) -> bool:
    """Whether a STAMP reflector has taken a payload made with `cookie` for a request."""
    return data[_COPIED] == MAGIC + cookie
