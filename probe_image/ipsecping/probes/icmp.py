"""ICMP and ICMPv6 echo probe over an unprivileged ping socket: an answer is an echo reply with our cookie."""

import secrets

from ..addresses import is_ipv6
from ..contract import PlannedProbe
from ..measure.ledger import Answer
from ..net.clocks import Clock
from ..net.datagram import open_ping
from ..wire import echo, icmp
from .base import ProbeMethod
from .datagram import Codec, DatagramSession, Quoted, quoted_echo
from .sending import sender_of


class IcmpCodec(Codec):
    """Echo requests of one session; `size` is that of the payload, as in ping(8)."""

    counts_refused = True
    __slots__ = ("_cookie", "_ipv6", "_size")

    def __init__(self, size: int, *, ipv6: bool) -> None:
        self._size = size
        self._ipv6 = ipv6
        self._cookie = secrets.token_bytes(echo.COOKIE_SIZE)

    def token(self, realtime: int) -> int:
        """None is needed: the cookie is the session's."""
        return 0

    def encode(self, sequence: int, token: int) -> bytes:
        """An echo request."""
        payload = echo.pack(self._cookie, sequence, self._size)
        return icmp.pack_echo_request(payload, sequence, ipv6=self._ipv6)

    def decode(self, data: bytes) -> Answer | None:
        """An echo reply."""
        payload = icmp.parse_echo_reply(data, ipv6=self._ipv6)
        sequence = None if payload is None else echo.parse(payload, self._cookie)
        return None if sequence is None else Answer(sequence)

    def quoted(self, data: bytes) -> Quoted | None:
        """The number of a quoted request; the quote starts at the ICMP header."""
        return quoted_echo(data[icmp.HEADER_SIZE :], self._cookie)


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> DatagramSession:
    """See ProbeMethod."""
    return DatagramSession(
        address=address,
        sock=open_ping(address, clock, sender=sender_of(probe)),
        codec=IcmpCodec(probe.size, ipv6=is_ipv6(address)),
        clock=clock,
        timeout=probe.timeout_ms * 1_000_000,
    )


METHOD = ProbeMethod(open=open_session)
