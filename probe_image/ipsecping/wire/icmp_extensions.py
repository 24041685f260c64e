"""What a router adds behind the packet that its ICMP error quotes (RFC 4884): MPLS labels (RFC 4950).

0 Version 2, reserved   (2)
2 Checksum              (2)   of the whole extension; zero: none
4 objects, each:
    0 Length            (2)   with this header
    2 Class             (1)   1: MPLS label stack
    3 C-Type            (1)   1: incoming
    4 entries of 4 octets, top first: label (20 bits), traffic class (3), bottom of stack (1), TTL (8)
"""

from struct import Struct
from typing import NamedTuple

from .icmp import checksum

_VERSION = 2
_HEADER_SIZE = 4
_OBJECT = Struct("!HBB")
_MPLS = (1, 1)
_SUM_OF_ALL = 0xFFFF
"""What `checksum` makes of octets that bear their own."""
_ENTRY = Struct("!I")
MAX_ENTRIES = 8
"""Of a label stack; RFC 3032 has no limit, routers do."""


class LabelStackEntry(NamedTuple):
    """One MPLS label (RFC 3032 section 2.1)."""

    label: int
    traffic_class: int
    ttl: int


def label_stack(extension: bytes) -> list[LabelStackEntry]:
    """The label stack in an extension, at most `MAX_ENTRIES` of it; none where it is malformed or absent."""
    if len(extension) < _HEADER_SIZE or extension[0] >> 4 != _VERSION:
        return []
    if extension[2:4] != bytes(2) and checksum(extension) != _SUM_OF_ALL:
        return []
    at = _HEADER_SIZE
    while at + _OBJECT.size <= len(extension):
        size, kind, variant = _OBJECT.unpack_from(extension, at)
        if size < _OBJECT.size or at + size > len(extension):
            return []
        if (kind, variant) == _MPLS:
            return _entries(extension[at + _OBJECT.size : at + size])
        at += size
    return []


def _entries(octets: bytes) -> list[LabelStackEntry]:
    whole = octets[: min(len(octets) // _ENTRY.size, MAX_ENTRIES) * _ENTRY.size]
    found = []
    for (word,) in _ENTRY.iter_unpack(whole):
        found.append(LabelStackEntry(word >> 12, word >> 9 & 7, word & 0xFF))
        if word >> 8 & 1:
            break
    return found
