"""ICMP and ICMPv6 echo messages as an unprivileged ping socket sends and receives them.

The kernel owns the identifier (it is the socket's "port") and the checksum; whatever stands there on send is
overwritten. Of a raw socket they are ours to fill in (`identified`). Answers are therefore told apart by the
cookie in their payload (see `echo`), not by identifier.
Source: RFC 792 (echo, echo reply), RFC 4443 sections 4.1 and 4.2.
"""

from struct import Struct

HEADER_SIZE = 8
ECHO_REQUEST, ECHO_REPLY = 8, 0
ECHO_REQUEST_V6, ECHO_REPLY_V6 = 128, 129

_HEADER = Struct("!BBHHH")
_CHECKSUM, _IDENTIFIER = slice(2, 4), slice(4, 6)


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


def identifier(message: bytes) -> int | None:
    """The identifier of an echo message, perhaps cut short behind its header; None when that is."""
    return int.from_bytes(message[_IDENTIFIER], "big") if len(message) >= HEADER_SIZE else None


def identified(message: bytes, number: int, *, ipv6: bool) -> bytes:
    """The message with this identifier, and for IPv4 its checksum: ICMPv6's is the kernel's (RFC 3542)."""
    made = bytearray(message)
    made[_IDENTIFIER] = number.to_bytes(2, "big")
    if not ipv6:
        made[_CHECKSUM] = bytes(2)
        made[_CHECKSUM] = checksum(made).to_bytes(2, "big")
    return bytes(made)


def checksum(data: bytes | bytearray) -> int:
    """The Internet checksum (RFC 1071): the ones' complement sum is the rest of a division by 2^16 - 1."""
    return 0xFFFF - int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF


def without_ip_header(datagram: bytes) -> bytes:
    """What is behind the IPv4 header (RFC 791 section 3.1); nothing when it is cut short."""
    size = 4 * (datagram[0] & 0xF) if datagram else 0
    return datagram[size:] if size >= 20 else b""
