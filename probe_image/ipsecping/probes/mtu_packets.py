"""The packets of a path MTU search: STAMP or any UDP echo responder, and ICMP echo.

Sizes are bytes of the IP packet.
"""

import secrets
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ..measure.mtu_search import IP_HEADER
from ..wire import echo, icmp, stamp
from ..wire.ntp import UNSYNCHRONIZED

_UDP_HEADER = 8
_TOKEN_SIZE = 8


class Reading(NamedTuple):
    """What an answer says."""

    sequence: int
    token: int
    reply: int | None
    """The reflector's own number; None where the answer has none."""
    size: int
    """Bytes of the IP packet that it came in, were it in one piece."""
    authentic: bool = True
    """False: none of the keys signed it, though it should be signed."""


class Packets(Protocol):
    """Makes the packets of one search and reads the answers."""

    floor: int
    """The smallest packet."""

    def encode(self, sequence: int, token: int, size: int) -> bytes:
        """What to hand to the socket for an IP packet of `size` bytes."""

    def decode(self, data: bytes) -> Reading | None:
        """What an answer says; None for anything that is none."""

    def quoted(self, quote: bytes) -> tuple[int, int] | None:
        """Sequence number and token of our own packet as an ICMP error quotes it; None when cut short."""


class StampPackets:
    """Session-Sender packets (RFC 8762 section 4.2.1). The token stands in the place of the timestamp.

    With keys, in the authenticated mode (section 4.2.2). Without, a responder that sends back what it got
    (RFC 862) answers them as well; its answers have no number.

    The SSID is random, as in stamp.StampCodec.
    """

    def __init__(self, *, ipv6: bool, keys: Sequence[bytes] = ()) -> None:
        """The first of `keys` signs, and an answer may be signed with any of them."""
        self._headers = IP_HEADER[ipv6] + _UDP_HEADER
        self._keys = keys
        self._mode = stamp.AUTHENTICATED if keys else stamp.UNAUTHENTICATED
        self._ssid = 1 + secrets.randbelow(0xFFFF)
        self.floor = self._headers + self._mode.size

    def encode(self, sequence: int, token: int, size: int) -> bytes:
        """See Packets."""
        packet = stamp.SenderPacket(sequence, token, UNSYNCHRONIZED, self._ssid)
        return stamp.pack_sender(packet, size - self._headers, self._keys[0] if self._keys else None)

    def decode(self, data: bytes) -> Reading | None:
        """A Session-Reflector packet, or our own packet come back where that proves as much."""
        size = len(data) + self._headers
        reflected = stamp.parse_reflector(data, self._mode)
        if reflected is None:
            return None
        if (reflected.sender_sequence, reflected.sender_timestamp) == (0, 0):  # a sender's packet: MBZ there
            echoed = stamp.parse_sender(data, self._mode)
            if echoed is None or self._keys:
                return None
            return Reading(echoed.sequence, echoed.timestamp, None, size)
        return Reading(
            reflected.sender_sequence,
            reflected.sender_timestamp,
            reflected.sequence,
            size,
            authentic=not self._keys or stamp.signed_with(data, self._keys) is not None,
        )

    def quoted(self, quote: bytes) -> tuple[int, int] | None:
        """See Packets."""
        token = quote[self._mode.timestamp_at :][:_TOKEN_SIZE]
        if len(token) < _TOKEN_SIZE:
            return None
        return int.from_bytes(quote[:4], "big"), int.from_bytes(token, "big")


class EchoPackets:
    """ICMP echo requests. The token is the cookie of the payload."""

    def __init__(self, *, ipv6: bool) -> None:
        self._ipv6 = ipv6
        self._headers = IP_HEADER[ipv6] + icmp.HEADER_SIZE
        self.floor = self._headers + echo.BASE_SIZE

    def encode(self, sequence: int, token: int, size: int) -> bytes:
        """See Packets."""
        payload = echo.pack(_cookie(token), sequence, size - self._headers)
        return icmp.pack_echo_request(payload, sequence, ipv6=self._ipv6)

    def decode(self, data: bytes) -> Reading | None:
        """An echo reply."""
        payload = icmp.parse_echo_reply(data, ipv6=self._ipv6)
        found = None if payload is None else self._parse(payload)
        if payload is None or found is None:
            return None
        return Reading(*found, None, len(payload) + self._headers)

    def quoted(self, quote: bytes) -> tuple[int, int] | None:
        """See Packets; the quote starts at the ICMP header."""
        return self._parse(quote[icmp.HEADER_SIZE :])

    @staticmethod
    def _parse(payload: bytes) -> tuple[int, int] | None:
        cookie = payload[4 : 4 + echo.COOKIE_SIZE]
        sequence = echo.parse(payload, cookie)
        return None if sequence is None else (sequence, int.from_bytes(cookie, "big"))


def new_token() -> int:
    """64 random bits, not 0: what the answer to a packet must carry back."""
    return secrets.randbits(63) + 1


def _cookie(token: int) -> bytes:
    return token.to_bytes(echo.COOKIE_SIZE, "big")
