"""STAMP test packets, unauthenticated and authenticated (RFC 8762 sections 4.2 and 4.3, RFC 8972 section 3).

Unauthenticated, 44 octets:

    Session-Sender                        Session-Reflector
     0 Sequence Number            (4)      0 Sequence Number                (4)
     4 Timestamp                  (8)      4 Timestamp: T3                  (8)
    12 Error Estimate             (2)     12 Error Estimate                 (2)
    14 SSID                       (2)     14 SSID                           (2)
    16 MBZ                       (28)     16 Receive Timestamp: T2          (8)
                                          24 Session-Sender Sequence Number (4)
                                          28 Session-Sender Timestamp: T1   (8)
                                          36 Session-Sender Error Estimate  (2)
                                          38 MBZ                            (2)
                                          40 Session-Sender TTL             (1)
                                          41 MBZ                            (3)

Authenticated, 112 octets; the HMAC covers the 96 before it:

     0 Sequence Number            (4)      0 Sequence Number                (4)
     4 MBZ                       (12)      4 MBZ                           (12)
    16 Timestamp                  (8)     16 Timestamp: T3                  (8)
    24 Error Estimate             (2)     24 Error Estimate                 (2)
    26 SSID                       (2)     26 SSID                           (2)
    28 MBZ                       (68)     28 MBZ                            (4)
                                          32 Receive Timestamp: T2          (8)
                                          40 MBZ                            (8)
                                          48 Session-Sender Sequence Number (4)
                                          52 MBZ                           (12)
                                          64 Session-Sender Timestamp: T1   (8)
                                          72 Session-Sender Error Estimate  (2)
                                          74 MBZ                            (6)
                                          80 Session-Sender TTL             (1)
                                          81 MBZ                           (15)
    96 HMAC                      (16)     96 HMAC                          (16)

Octets beyond make the packet as long as asked for and carry TLVs (see `tlv`); both directions have the same
length.

A TWAMP-Test packet (RFC 5357 section 4.1.2) is the unauthenticated one with padding, perhaps random, from
octet 14 of the sender's and octet 41 of the reflector's: TWAMP Light senders and reflectors are understood.
Of an answer 36 octets are enough, up to the sender's number and T1.
"""

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from . import tlv
from .authentication import MAC_SIZE, digest, signer
from .ntp import NANOSECONDS, PTP_FLAG, ntp_difference, unix_from_ptp

PORT = 862
BASE_SIZE = 44
AUTHENTICATED_SIZE = 112
TWAMP_SIZE = 41
"""Octets of the shortest complete answer; a TWAMP Light sender has to pad its 14 octets to as many."""
LEAST_ANSWER = 36
"""Octets of an answer up to the sender's number and timestamp, which say whose it is. Some responders copy
no more of a request than that or its 14 octets, or leave out the Session-Sender TTL."""

_UNKNOWN_TTL = 255
_SIGNED = 96
_SENDER_MBZ_AT = 28
_MBZ_AT = 16
_TIMESTAMP = Struct("!Q")
_TIMES = Struct("!4xQH2xQ14xH")
"""Of an unauthenticated Session-Reflector packet: T3, its error estimate, T2, and the first MBZ."""


class Mode(NamedTuple):
    """How the packets of one of the two modes are laid out."""

    size: int
    """Of the base packet."""
    least_request: int
    """Of a Session-Sender packet that the whole answer to it fits in."""
    least_answer: int
    """Of a Session-Reflector packet that tells what its sender needs."""
    sender: Struct
    reflector: Struct
    answer: Struct
    """Those fields of the reflector's that tell the sender something."""
    timestamp_at: int
    ttl_at: int
    """Where a Session-Reflector packet has the TTL that its request arrived with."""


UNAUTHENTICATED = Mode(
    BASE_SIZE,
    TWAMP_SIZE,
    LEAST_ANSWER,
    Struct("!IQHH28x"),
    Struct("!IQHHQIQH2xB3x"),
    Struct("!IQH2xQIQ8x"),
    4,
    40,
)
AUTHENTICATED = Mode(
    AUTHENTICATED_SIZE,
    AUTHENTICATED_SIZE,
    AUTHENTICATED_SIZE,
    Struct("!I12xQHH68x"),
    Struct("!I12xQHH4xQ8xI12xQH6xB15x"),
    Struct("!I12xQH6xQ8xI12xQ24x"),
    16,
    80,
)


class SenderPacket(NamedTuple):
    """What a Session-Sender sends. `timestamp` and `error_estimate` are kept as on the wire, to be echoed."""

    sequence: int
    timestamp: int
    error_estimate: int
    ssid: int = 0
    """STAMP Session Identifier; 0: none."""
    twamp: bool = False
    """The must-be-zero octets hold padding: a TWAMP Light sender's, without SSID and TLVs."""


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
    ssid: int = 0

    @property
    def residence(self) -> int:
        """T3 - T2 in nanoseconds, the reflector's own delay. Negative if its clock was set back."""
        return residence(self.timestamp, self.receive_timestamp, self.error_estimate)


def pack_sender(packet: SenderPacket, size: int, key: bytes | None = None, tlvs: bytes = b"") -> bytes:
    """The packet in `size` octets, signed where there is a key; what base and TLVs leave over is padding."""
    sequence, timestamp, error_estimate, ssid, _ = packet
    return pack_request(sequence, timestamp, error_estimate, ssid, size, key, tlvs)


def pack_request(
    sequence: int,
    timestamp: int,
    error_estimate: int,
    ssid: int,
    size: int,
    key: bytes | None = None,
    tlvs: bytes = b"",
) -> bytes:
    """The same from single fields, for whoever sends thousands a second."""
    mode = UNAUTHENTICATED if key is None else AUTHENTICATED
    padding = size - mode.size - len(tlvs)
    if padding < 0:
        raise ValueError(f"this STAMP packet has at least {size - padding} bytes, not {size}")
    base = mode.sender.pack(sequence, timestamp, error_estimate, ssid)
    if key is not None:
        base += digest(key, base)
    return base + tlvs + tlv.padding(padding)


def parse_sender(data: bytes, mode: Mode = UNAUTHENTICATED) -> SenderPacket | None:
    """The packet, or None when it has fewer octets than the shortest answer."""
    if len(data) < mode.least_request:
        return None
    sequence, sent, estimate, ssid = mode.sender.unpack_from(
        data if len(data) >= mode.size else _filled(data, mode)
    )
    if mode is UNAUTHENTICATED and data.count(0, _MBZ_AT, BASE_SIZE) < min(len(data), BASE_SIZE) - _MBZ_AT:
        return SenderPacket(sequence, sent, estimate, 0, True)
    return SenderPacket(sequence, sent, estimate, ssid, False)


def is_reflected(signed: bytes) -> bool:
    """Whether an authenticated packet is a Session-Reflector's: not zero where a Session-Sender's must be.

    Both are signed with the same key, and a sender's layout can be read into a reflector's packet. Taken for
    a request, one that somebody sent back would upset the session it belongs to.
    """
    return signed.count(0, _SENDER_MBZ_AT, _SIGNED) < _SIGNED - _SENDER_MBZ_AT


def is_authenticated(data: bytes) -> bool:
    """Whether a packet has the layout of the authenticated mode: a timestamp behind 12 octets of zeros.

    In the unauthenticated one these have a timestamp and an error estimate, of which neither is zero.
    """
    return (
        len(data) >= AUTHENTICATED_SIZE
        and not any(data[4 : AUTHENTICATED.timestamp_at])
        and any(data[AUTHENTICATED.timestamp_at : AUTHENTICATED.timestamp_at + _TIMESTAMP.size])
    )


def is_answer(data: bytes) -> bool:
    """Whether an unauthenticated packet, `twamp` by `parse_sender`, is a Session-Reflector's: not padding.

    Where a Session-Sender may have padding, it has two octets of zeros, and T2, which is at most a second
    before its T3. Of packets with random padding that is so for one in 10^14.
    """
    sent, estimate, received, zero = _TIMES.unpack_from(data)
    return not zero and received != 0 and 0 <= residence(sent, received, estimate) < NANOSECONDS


def pack_reflector(packet: ReflectorPacket, request: bytes, mode: Mode = UNAUTHENTICATED) -> bytearray:
    """The answer, of exactly the request's length; octets beyond the base are copied from the request."""
    sequence, sent, estimate, received, number, echoed, echoed_estimate, ttl, ssid = packet
    answer = bytearray(request)
    base = mode.reflector.pack(sequence, sent, estimate, ssid, received, number, echoed, echoed_estimate, ttl)
    answer[: len(base)] = base[: len(answer)]
    return answer


def put_transmit_time(answer: bytearray, timestamp: int, mode: Mode = UNAUTHENTICATED) -> None:
    """Write T3 into a packed answer: kept apart so that the clock is read as late as possible."""
    _TIMESTAMP.pack_into(answer, mode.timestamp_at, timestamp)


def parse_reflector(data: bytes, mode: Mode = UNAUTHENTICATED) -> ReflectorPacket | None:
    """The packet, or None when it is cut short within the sender's timestamp.

    Its signature is another matter, see `signed_with`.
    """
    if len(data) < mode.least_answer:
        return None
    sequence, sent, estimate, ssid, received, number, echoed, echoed_estimate, ttl = (
        mode.reflector.unpack_from(data if len(data) >= mode.size else _filled(data, mode))
    )
    return ReflectorPacket(sequence, sent, estimate, received, number, echoed, echoed_estimate, ttl, ssid)


def parse_answer(data: bytes, mode: Mode = UNAUTHENTICATED) -> tuple[int, int, int, int] | None:
    """Of a Session-Reflector packet what its sender asks for, for whoever gets thousands a second.

    The sender's sequence number and timestamp, the reflector's sequence number, and T3 - T2 in nanoseconds.
    """
    if len(data) < mode.least_answer:
        return None
    sequence, sent, estimate, received, number, echoed = mode.answer.unpack_from(
        data if len(data) >= mode.size else _filled(data, mode)
    )
    return number, echoed, sequence, residence(sent, received, estimate)


def hops(data: bytes, sent_ttl: int, mode: Mode = UNAUTHENTICATED) -> int | None:
    """How many routers a packet passed, by the TTL that its answer says it arrived with.

    None where the answer does not tell: it ends before, or has 0, as with some reflectors, or has 255
    although less was sent, as RFC 5357 section 4.2 asks of those that cannot know it.
    """
    ttl = data[mode.ttl_at] if len(data) > mode.ttl_at else 0
    if not ttl or (ttl == _UNKNOWN_TTL and sent_ttl < _UNKNOWN_TTL):
        return None
    return sent_ttl - ttl


def residence(sent: int, received: int, estimate: int) -> int:
    """T3 - T2 in nanoseconds, from T3, T2 and T3's error estimate. Negative if the clock was set back.

    0 where either is 0: the reflector does not tell it.
    """
    if not (sent and received):
        return 0
    if estimate & PTP_FLAG:
        return unix_from_ptp(sent) - unix_from_ptp(received)
    return ntp_difference(sent, received)


def sign(packet: bytearray, key: bytes) -> None:
    """Write the HMAC into an authenticated packet, the last thing to be done to it."""
    packet[_SIGNED : _SIGNED + MAC_SIZE] = digest(key, packet[:_SIGNED])


def signed_with(packet: bytes, keys: Iterable[bytes]) -> bytes | None:
    """Which of the keys signed an authenticated packet, or None."""
    if len(packet) < AUTHENTICATED_SIZE:
        return None
    return signer(keys, packet[:_SIGNED], packet[_SIGNED : _SIGNED + MAC_SIZE])


def _filled(data: bytes, mode: Mode) -> bytes:
    """A short packet lacks octets that must be zero, or that its sender can do without."""
    return data if len(data) >= mode.size else data.ljust(mode.size, b"\0")
