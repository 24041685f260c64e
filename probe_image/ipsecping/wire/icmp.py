"""ICMP and ICMPv6 echo messages as an unprivileged ping socket sends and receives them.

The kernel owns the identifier (it is the socket's "port") and the checksum; whatever stands there on send is
overwritten. Answers are therefore told apart by the cookie in their payload (see `echo`), not by identifier.
Source: RFC 792 (echo, echo reply), RFC 4443 sections 4.1 and 4.2.
"""

from struct import Struct

HEADER_SIZE = 8
ECHO_REQUEST, ECHO_REPLY = 8, 0
ECHO_REQUEST_V6, ECHO_REPLY_V6 = 128, 129

_HEADER = Struct("!BBHHH")


def pack_echo_request(payload: bytes, sequence: int, *, ipv6: bool) -> bytes:
    """An echo request; the header has room for the low 16 bits of `sequence` only."""
    kind = ECHO_REQUEST_V6 if ipv6 else ECHO_REQUEST
    return _HEADER.pack(kind, 0, 0, 0, sequence & 0xFFFF) + payload


def parse_echo_reply(message: bytes, *, ipv6: bool) -> bytes | None:
    """The payload of an echo reply, or None for any other message."""
    if len(message) < HEADER_SIZE:
        return None
    kind, code, _, _, _ = _HEADER.unpack_from(message)
    if kind != (ECHO_REPLY_V6 if ipv6 else ECHO_REPLY) or code != 0:
        return None
    return message[HEADER_SIZE:]
