"""STAMP test packets in unauthenticated mode (RFC 8762 sections 4.2.1 and 4.3.1).

    Session-Sender                        Session-Reflector
     0 Sequence Number            (4)      0 Sequence Number                (4)
     4 Timestamp                  (8)      4 Timestamp: T3                  (8)
    12 Error Estimate             (2)     12 Error Estimate                 (2)
    14 MBZ                       (30)     14 MBZ                            (2)
                                          16 Receive Timestamp: T2          (8)
                                          24 Session-Sender Sequence Number (4)
                                          28 Session-Sender Timestamp: T1   (8)
                                          36 Session-Sender Error Estimate  (2)
                                          38 MBZ                            (2)
                                          40 Session-Sender TTL             (1)
                                          41 MBZ                            (3)

Octets beyond the 44 make the packet as long as asked for: zeros from the sender, copied by the reflector, so
that both directions carry the same length.
"""

from struct import Struct
from typing import NamedTuple

from .ntp import ErrorEstimate, unix_from_ntp, unix_from_ptp

BASE_SIZE = 44
PORT = 862
MAX_SEQUENCE = 2**32 - 1

_SENDER = Struct("!IQH30x")
_REFLECTOR = Struct("!IQHxxQIQHxxB3x")
_TIMESTAMP = Struct("!Q")
_TIMESTAMP_AT = 4


class SenderPacket(NamedTuple):
    """What a Session-Sender sends. `timestamp` and `error_estimate` are kept as on the wire, to be echoed."""

    sequence: int
    timestamp: int
    error_estimate: int


class ReflectorPacket(NamedTuple):
    """What a Session-Reflector answers. Timestamps and error estimates as on the wire."""

    sequence: int
    """The reflector's own count of its replies (stateful), or a copy of the sender's number (stateless)."""
    timestamp: int
    error_estimate: int
    receive_timestamp: int
    sender_sequence: int
    sender_timestamp: int
    sender_error_estimate: int
    sender_ttl: int

    @property
    def residence(self) -> int:
        """T3 - T2 in nanoseconds, the reflector's own delay. Negative if its clock was set back."""
        if ErrorEstimate.from_wire(self.error_estimate).ptp:
            return unix_from_ptp(self.timestamp) - unix_from_ptp(self.receive_timestamp)
        return unix_from_ntp(self.timestamp) - unix_from_ntp(self.receive_timestamp)


def pack_sender(packet: SenderPacket, size: int) -> bytes:
    """The packet in `size` octets (at least `BASE_SIZE`), padded with zeros."""
    if size < BASE_SIZE:
        raise ValueError(f"a STAMP packet has at least {BASE_SIZE} octets, not {size}")
    return _SENDER.pack(*packet).ljust(size, b"\0")


def parse_sender(data: bytes) -> SenderPacket | None:
    """The packet, or None when there are fewer than `BASE_SIZE` octets."""
    if len(data) < BASE_SIZE:
        return None
    return SenderPacket._make(_SENDER.unpack_from(data))


def pack_reflector(packet: ReflectorPacket, request: bytes) -> bytearray:
    """The answer, of exactly the request's length; octets beyond the 44 are copied from the request."""
    answer = bytearray(request)
    _REFLECTOR.pack_into(answer, 0, *packet)
    return answer


def put_transmit_time(answer: bytearray, timestamp: int) -> None:
    """Write T3 into a packed answer: kept apart so that the clock is read as late as possible."""
    _TIMESTAMP.pack_into(answer, _TIMESTAMP_AT, timestamp)


def parse_reflector(data: bytes) -> ReflectorPacket | None:
    """The packet, or None when there are fewer than `BASE_SIZE` octets."""
    if len(data) < BASE_SIZE:
        return None
    return ReflectorPacket._make(_REFLECTOR.unpack_from(data))
