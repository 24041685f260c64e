"""The packets of a trace over UDP and ICMP, and which of them a quote or an answer is about. Pure.

All are alike to a router that chooses among several ways: UDP packets have the same ports, ICMP packets the
same identifier and checksum. UDP packets are STAMP requests (RFC 8762), so that a reflector answers, and a
filter on the way sees what it would see of a STAMP probe.
"""

import secrets
from typing import NamedTuple, Protocol

from ..wire import echo, icmp, stamp

IPV4_HEADER, IPV6_HEADER, UDP_HEADER = 20, 40, 8
_ERROR_ESTIMATE = 1
"""Not synchronised; RFC 8762 section 4.2.1 forbids the multiplier to be zero."""
_NUMBER = 4
_PROOF = 8
"""Bytes of a secret that prove that somebody has seen our packet."""
_BALANCE = 2
_CHECKSUM_MODULUS = 0xFFFF


class Match(NamedTuple):
    """What a quote or an answer is about."""

    number: int | None
    """Of the packet; None: it does not say."""
    proven: bool
    left: int | None = None
    """TTL that the packet had left at the target, which says at which hop that is."""


class Packets(Protocol):
    """Packets of one kind of a trace."""

    least_size: int
    """Bytes of the smallest IP packet."""

    def make(self, number: int, size: int) -> bytes:
        """What is handed to the socket, for an IP packet of `size` bytes."""

    def quoted(self, quote: bytes) -> Match | None:
        """Which packet is quoted, as far as the kernel hands the quote out; None: none of ours."""

    def answered(self, data: bytes) -> Match | None:
        """Which packet is answered."""


class StampPackets:
    """UDP. A quote begins behind the UDP header, and may be empty."""

    def __init__(self, *, ipv6: bool, key: bytes | None = None) -> None:
        """`key` signs the packets, for a reflector that answers no others."""
        self._key = key
        self._mode = stamp.UNAUTHENTICATED if key is None else stamp.AUTHENTICATED
        self._headers = (IPV6_HEADER if ipv6 else IPV4_HEADER) + UDP_HEADER
        self._secret = secrets.randbits(64)
        """Stands where a Session-Sender writes its time: whoever reflects it, copies it."""
        self.least_size = self._headers + self._mode.size

    def make(self, number: int, size: int) -> bytes:
        """See Packets."""
        packet = stamp.SenderPacket(number, self._secret, _ERROR_ESTIMATE)
        return stamp.pack_sender(packet, size - self._headers, self._key)

    def quoted(self, quote: bytes) -> Match | None:
        """See Packets."""
        if len(quote) < _NUMBER:
            return Match(None, proven=False)
        number = int.from_bytes(quote[:_NUMBER], "big")
        secret = self._secret.to_bytes(_PROOF, "big")
        seen = quote[self._mode.timestamp_at :][:_PROOF]
        return Match(number, proven=seen == secret) if secret.startswith(seen) else None

    def answered(self, data: bytes) -> Match | None:
        """See Packets: a STAMP answer or an echo says which; something else from the target does not."""
        answer = stamp.parse_reflector(data, self._mode)
        if answer is not None and answer.sender_timestamp == self._secret:
            return Match(answer.sender_sequence, proven=True, left=answer.sender_ttl or None)
        echoed = self.quoted(data)
        return echoed if echoed is not None and echoed.proven else Match(None, proven=False)


class EchoPackets:
    """ICMP echo. A quote begins with the ICMP header, which bears the number."""

    def __init__(self, *, ipv6: bool) -> None:
        self._ipv6 = ipv6
        self._headers = (IPV6_HEADER if ipv6 else IPV4_HEADER) + icmp.HEADER_SIZE
        self._cookie = secrets.token_bytes(echo.COOKIE_SIZE)
        self.least_size = self._headers + echo.BASE_SIZE + _BALANCE

    def make(self, number: int, size: int) -> bytes:
        """See Packets. The number stands in it twice; two more bytes keep the checksum as it is."""
        payload = bytearray(echo.pack(self._cookie, number, size - self._headers))
        balance = _CHECKSUM_MODULUS - 2 * number % _CHECKSUM_MODULUS
        payload[echo.BASE_SIZE : echo.BASE_SIZE + _BALANCE] = balance.to_bytes(_BALANCE, "big")
        return icmp.pack_echo_request(bytes(payload), number, ipv6=self._ipv6)

    def quoted(self, quote: bytes) -> Match | None:
        """See Packets."""
        if len(quote) < icmp.HEADER_SIZE:
            return None
        number = int.from_bytes(quote[6:8], "big")
        sent = self.make(number, self.least_size)[icmp.HEADER_SIZE :]
        seen = quote[icmp.HEADER_SIZE : icmp.HEADER_SIZE + echo.BASE_SIZE]
        return Match(number, proven=len(seen) == echo.BASE_SIZE) if sent.startswith(seen) else None

    def answered(self, data: bytes) -> Match | None:
        """See Packets."""
        payload = icmp.parse_echo_reply(data, ipv6=self._ipv6)
        number = None if payload is None else echo.parse(payload, self._cookie)
        return None if number is None else Match(number, proven=True)
