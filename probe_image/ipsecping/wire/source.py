"""Which source address did the reflector see? Asked in a Location TLV (RFC 8972 section 4.2).

The question, 28 octets; in the authenticated mode an HMAC TLV of 20 stands behind it, as section 4.8 demands:

     0 0x80, Type 2, Length 24   (4)   Location
     4 Destination Port          (2)   zero
     6 Source Port               (2)   zero
     8 0x80, Type 7, Length 16   (4)   Source IP Address
    12 zero                     (16)

The answer has the type 8 and 4 octets of IPv4 address, or 9 and 16 of IPv6. A reflector that does not know
the TLV, or whose policy keeps the address to itself, leaves the question as it was or marks it.
"""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from struct import Struct

from .authentication import MAC_SIZE, digest
from .tlv import HEADER_SIZE, INTEGRITY, MALFORMED, UNRECOGNIZED, LocationType, Tlv, TlvType, scan, verified

_PORTS_SIZE = 4
_ADDRESS_SIZE = 16
_HEADER = Struct("!BBH")
_QUESTION = (
    _HEADER.pack(UNRECOGNIZED, TlvType.LOCATION, _PORTS_SIZE + HEADER_SIZE + _ADDRESS_SIZE)
    + bytes(_PORTS_SIZE)
    + _HEADER.pack(UNRECOGNIZED, LocationType.SOURCE_IP, _ADDRESS_SIZE)
    + bytes(_ADDRESS_SIZE)
)
_SEAL = _HEADER.pack(UNRECOGNIZED, TlvType.HMAC, MAC_SIZE)
_SIZES: dict[int, int] = {LocationType.SOURCE_IPV4: 4, LocationType.SOURCE_IPV6: 16}
_REFUSED = UNRECOGNIZED | MALFORMED | INTEGRITY


def question(sequence: int, key: bytes | None = None) -> bytes:
    """The TLVs of a packet with this number, sealed where there is a key."""
    if key is None:
        return _QUESTION
    return _QUESTION + _SEAL + digest(key, sequence.to_bytes(4, "big") + _QUESTION)


def answered(packet: bytes, start: int, key: bytes | None = None) -> str | None:
    """The address that a reflected packet tells in its TLVs from `start` on; None when it tells none.

    With a key nothing is believed that its HMAC TLV does not cover.
    """
    if key is not None and not verified(packet, start, key):
        return None
    for found in scan(packet, start):
        if found.type == TlvType.HMAC:
            return None  # what stands behind it is not covered
        if found.type == TlvType.LOCATION:
            return _address(packet, found) if _good(packet, found) else None
    return None


def _address(packet: bytes, location: Tlv) -> str | None:
    for sub in scan(packet, location.value_at + _PORTS_SIZE, location.end):
        size = _SIZES.get(sub.type)
        if size is not None and _good(packet, sub) and sub.length >= size:
            return _text(packet[sub.value_at : sub.value_at + size])
    return None


def _good(packet: bytes, found: Tlv) -> bool:
    return found.whole and not packet[found.at] & _REFUSED


@lru_cache(maxsize=1024)
def _text(octets: bytes) -> str | None:
    address = ip_address(octets)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return None if address.is_unspecified else str(address)
