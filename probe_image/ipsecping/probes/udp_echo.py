"""UDP echo probe: any responder that sends the payload back answers it (RFC 862)."""

import secrets

from ..contract import PlannedProbe, Refusal
from ..measure.ledger import Answer
from ..net.clocks import Clock
from ..wire import echo
from .base import ProbeMethod
from .datagram import Codec, DatagramSession, Quoted, quoted_echo, udp_session


class UdpEchoCodec(Codec):
    """Echo payloads of one session, told from others by a random cookie."""

    counts_refused = True
    __slots__ = ("_cookie", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._cookie = secrets.token_bytes(echo.COOKIE_SIZE)

    def token(self, realtime: int) -> int:
        """None is needed: the cookie is the session's."""
        return 0

    def encode(self, sequence: int, token: int) -> bytes:
        """A payload."""
        return echo.pack(self._cookie, sequence, self._size)

    def decode(self, data: bytes) -> Answer | None:
        """An echoed payload."""
        sequence = echo.parse(data, self._cookie)
        return None if sequence is None else Answer(sequence)

    def refusal(self, data: bytes) -> tuple[Refusal, int]:
        """See Codec."""
        if echo.is_stamp_answer(data, self._cookie):
            return Refusal.STAMP_ANSWER, 0
        return Refusal.NOT_AN_ANSWER, 0

    def quoted(self, data: bytes) -> Quoted | None:
        """The number of a quoted payload."""
        return quoted_echo(data, self._cookie)


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> DatagramSession:
    """See ProbeMethod."""
    return udp_session(probe, address, clock, UdpEchoCodec(probe.size))


METHOD = ProbeMethod(open=open_session)
