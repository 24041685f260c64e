"""What an ICMP or ICMPv6 error on a socket's error queue says of the packet that it quotes. Pure."""

import struct
from ipaddress import ip_address

from ..contract.trace import MAX_LABELS, Label, Reply, ReplyKind
from ..net.timestamping import Ancillary, ExtendedError
from ..wire.icmp_extensions import label_stack

LOCAL, ICMP, ICMPV6 = 1, 2, 3
"""Origins, `SO_EE_ORIGIN_*` of <linux/errqueue.h>."""
_RFC4884_INVALID = 1
_RFC4884 = struct.Struct("=HBB")
_WORD = struct.Struct("=I")

# RFC 792; RFC 1122 section 3.2.2.1; RFC 1812 section 5.2.7.1.
_UNREACHABLE = {
    0: ReplyKind.NETWORK_UNREACHABLE,
    1: ReplyKind.HOST_UNREACHABLE,
    2: ReplyKind.PROTOCOL_UNREACHABLE,
    3: ReplyKind.PORT_UNREACHABLE,
    4: ReplyKind.MESSAGE_TOO_BIG,
    6: ReplyKind.NETWORK_UNREACHABLE,
    7: ReplyKind.HOST_UNREACHABLE,
    9: ReplyKind.PROHIBITED,
    10: ReplyKind.PROHIBITED,
    11: ReplyKind.NETWORK_UNREACHABLE,
    12: ReplyKind.HOST_UNREACHABLE,
    13: ReplyKind.PROHIBITED,
}
# RFC 4443 section 3.1.
_UNREACHABLE_V6 = {
    0: ReplyKind.NETWORK_UNREACHABLE,
    1: ReplyKind.PROHIBITED,
    3: ReplyKind.HOST_UNREACHABLE,
    4: ReplyKind.PORT_UNREACHABLE,
    5: ReplyKind.PROHIBITED,
    6: ReplyKind.PROHIBITED,
}
_IN_TRANSIT = 0
"""Code of Time Exceeded; the other one is about fragments that a host has waited for."""


def kind_of(error: ExtendedError) -> ReplyKind | None:
    """What the error says; None for errors of this host, and for what says nothing of the packet's way."""
    if error.origin == ICMP:
        if error.type == 3:
            return _UNREACHABLE.get(error.code, ReplyKind.UNREACHABLE)
        if error.type == 11:
            return ReplyKind.TIME_EXCEEDED if error.code == _IN_TRANSIT else None
        return ReplyKind.PARAMETER_PROBLEM if error.type == 12 else None
    if error.origin == ICMPV6:
        if error.type == 1:
            return _UNREACHABLE_V6.get(error.code, ReplyKind.UNREACHABLE)
        if error.type == 2:
            return ReplyKind.MESSAGE_TOO_BIG
        if error.type == 3:
            return ReplyKind.TIME_EXCEEDED if error.code == _IN_TRANSIT else None
        return ReplyKind.PARAMETER_PROBLEM if error.type == 4 else None
    return None


def split(data: bytes, error: ExtendedError) -> tuple[bytes, bytes]:
    """The quote of our packet, and the extension of RFC 4884 behind it.

    The kernel tells where the extension begins (IP_RECVERR_RFC4884), and whether it is malformed.
    """
    size, flags, _ = _RFC4884.unpack(_WORD.pack(error.data))
    if not size or size > len(data):
        return data, b""
    return data[:size], b"" if flags & _RFC4884_INVALID else data[size:]


def reply_of(kind: ReplyKind, ancillary: Ancillary, extension: bytes, *, proven: bool) -> Reply:
    """The reply that an error is."""
    error = ancillary.error
    offender = b"" if error is None else error.offender
    return Reply(
        sender=str(ip_address(offender)) if offender else None,
        kind=kind,
        ttl=ancillary.ttl,
        proven=proven,
        labels=tuple(Label(*entry) for entry in label_stack(extension)[:MAX_LABELS]),
    )
