"""How did a packet arrive at the reflector? Asked in TLVs of RFC 8972.

Which source address it came from, in a Location TLV (section 4.2), 28 octets:

     0 0x80, Type 2, Length 24   (4)   Location
     4 Destination Port          (2)   zero
     6 Source Port               (2)   zero
     8 0x80, Type 7, Length 16   (4)   Source IP Address
    12 zero                     (16)

The answer has the type 8 and 4 octets of IPv4 address, or 9 and 16 of IPv6. With which DSCP and ECN it came,
in a Class of Service TLV (section 4.4, with erratum 8199), 8 octets:

     0 0x80, Type 4, Length 4    (4)   Class of Service
     4 DSCP1 (6 bits): for the answer; DSCP2 (6), ECN (2): as they arrived; RP (2): not zero where the
       answer does not have DSCP1; reserved (16)

In the authenticated mode an HMAC TLV of 20 octets stands behind them, as section 4.8 demands. A reflector
that does not know a TLV, or whose policy keeps the answer to itself, leaves the question as it was or marks
it.
"""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from struct import Struct
from typing import NamedTuple

from .authentication import MAC_SIZE, digest
from .tlv import HEADER_SIZE, INTEGRITY, MALFORMED, UNRECOGNIZED, LocationType, Tlv, TlvType, scan, verified

_PORTS_SIZE = 4
_ADDRESS_SIZE = 16
_CLASS_SIZE = 4
_HEADER = Struct("!BBH")
_CLASS = Struct("!H")
_SOURCE = (
    _HEADER.pack(UNRECOGNIZED, TlvType.LOCATION, _PORTS_SIZE + HEADER_SIZE + _ADDRESS_SIZE)
    + bytes(_PORTS_SIZE)
    + _HEADER.pack(UNRECOGNIZED, LocationType.SOURCE_IP, _ADDRESS_SIZE)
    + bytes(_ADDRESS_SIZE)
)
_SEAL = _HEADER.pack(UNRECOGNIZED, TlvType.HMAC, MAC_SIZE)
_SIZES: dict[int, int] = {LocationType.SOURCE_IPV4: 4, LocationType.SOURCE_IPV6: 16}
_REFUSED = UNRECOGNIZED | MALFORMED | INTEGRITY


class ClassOfService(NamedTuple):
    """What a Class of Service TLV answers."""

    dscp: int
    """As it arrived."""
    ecn: int
    """As it arrived."""
    reply_as_asked: bool
    """Whether the answer was sent with the code point that was asked for."""


class Told(NamedTuple):
    """What an answer tells of its packet's arrival; None where it does not."""

    source: str | None = None
    service: ClassOfService | None = None


NOTHING = Told()


def questions(*, source: bool = False, dscp: int | None = None) -> bytes:
    """The TLVs that ask for the source address, and for DSCP and ECN; these with the DSCP of the answer."""
    tlvs = _SOURCE if source else b""
    if dscp is not None:
        tlvs += _HEADER.pack(UNRECOGNIZED, TlvType.CLASS_OF_SERVICE, _CLASS_SIZE)
        tlvs += _CLASS.pack(dscp << 10).ljust(_CLASS_SIZE, b"\0")
    return tlvs


def sealed(tlvs: bytes, sequence: int, key: bytes) -> bytes:
    """TLVs of the packet with this number, with the HMAC TLV behind them."""
    return tlvs + _SEAL + digest(key, sequence.to_bytes(4, "big") + tlvs)


def answered(packet: bytes, start: int, key: bytes | None = None) -> Told:
    """What a reflected packet tells in its TLVs from `start` on, the first of each type.

    With a key nothing is believed that its HMAC TLV does not cover.
    """
    if key is not None and not verified(packet, start, key):
        return NOTHING
    location = service = None
    for found in scan(packet, start):
        if found.type == TlvType.HMAC:
            break  # what stands behind it is not covered
        if found.type == TlvType.LOCATION:
            location = location or found
        elif found.type == TlvType.CLASS_OF_SERVICE:
            service = service or found
    return Told(
        None if location is None or not _good(packet, location) else _address(packet, location),
        None if service is None or not _good(packet, service) else _class_of_service(packet, service),
    )


def _class_of_service(packet: bytes, service: Tlv) -> ClassOfService | None:
    if service.length != _CLASS_SIZE:
        return None
    (bits,) = _CLASS.unpack_from(packet, service.value_at)
    return ClassOfService(bits >> 4 & 0x3F, bits >> 2 & 3, not bits & 3)


def _address(packet: bytes, location: Tlv) -> str | None:
    for sub in scan(packet, location.value_at + _PORTS_SIZE, location.end):
        size = _SIZES.get(sub.type)
        if size is not None and _good(packet, sub) and sub.length >= size:
            return address_text(packet[sub.value_at : sub.value_at + size])
    return None


def _good(packet: bytes, found: Tlv) -> bool:
    return found.whole and not packet[found.at] & _REFUSED


@lru_cache(maxsize=1024)
def address_text(octets: bytes) -> str | None:
    """An address of 4 or 16 octets; None for the unspecified one."""
    address = ip_address(octets)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return None if address.is_unspecified else str(address)
