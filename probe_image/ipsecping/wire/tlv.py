"""STAMP TLVs: what follows the base packet, and how a Session-Reflector answers it (RFC 8972 section 4).

    0 STAMP TLV Flags (1)  U unrecognized, M malformed, I integrity, the rest zero
    1 Type            (1)
    2 Length          (2)  of the Value
    4 Value

A sender sets U to 1; the reflector clears it for what it has understood. The answer to a TLV has the length
of the TLV, so answering never makes a packet longer.

Understood: Extra Padding, Location, Class of Service, Direct Measurement, HMAC. Any other type is returned
as it came with U set, as section 4 demands of a reflector that does not know it: Timestamp Information and
Follow-Up Telemetry would tell what the base packet's error estimate and timestamp tell already, and Access
Report is about 3GPP and non-3GPP access, which this reflector has nothing to do with.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import islice
from struct import Struct
from typing import NamedTuple

from .authentication import MAC_SIZE, digest, signer

HEADER_SIZE = 4
MAX_TLVS = 64
"""At most so many are looked at in one packet; the last of these counts as malformed if more follow."""

UNRECOGNIZED, MALFORMED, INTEGRITY = 0x80, 0x40, 0x20

_HEADER = Struct("!BBH")
_PORTS = Struct("!HH")
_COUNTERS = Struct("!II")
_SEQUENCE_SIZE = 4


class TlvType(IntEnum):
    """The types that are understood (IANA registry "STAMP TLV Types")."""

    EXTRA_PADDING = 1
    LOCATION = 2
    CLASS_OF_SERVICE = 4
    DIRECT_MEASUREMENT = 5
    HMAC = 8


class LocationType(IntEnum):
    """Sub-TLVs of Location: questions and their answers (IANA registry "STAMP Sub-TLV Types")."""

    SOURCE_MAC = 1
    SOURCE_EUI_64 = 3
    DESTINATION_IP = 4
    DESTINATION_IPV4 = 5
    DESTINATION_IPV6 = 6
    SOURCE_IP = 7
    SOURCE_IPV4 = 8
    SOURCE_IPV6 = 9


class Circumstances(NamedTuple):
    """What a reflector may tell about a packet it received."""

    source: bytes
    """4 or 16 octets."""
    source_port: int
    destination: bytes
    destination_port: int
    traffic_class: int
    """DSCP and ECN of the IP header, as in its octet."""
    received: int = 0
    """Packets of the session so far, with this one."""
    transmitted: int = 0
    """Answers of the session so far, with this one."""
    stateful: bool = True
    """Whether those counters are kept; otherwise Direct Measurement is not understood."""
    tell_location: bool = True
    """Local policy (section 4.2.2): otherwise addresses and ports are answered as zeros."""
    permit_dscp: bool = True
    """Local policy (section 4.4): whether the sender may choose the DSCP of the answer."""


class Tlv(NamedTuple):
    """Where one TLV stands."""

    at: int
    type: int
    length: int
    whole: bool
    """Whether the packet has as many octets as the TLV says."""

    @property
    def value_at(self) -> int:
        """Where its value starts."""
        return self.at + HEADER_SIZE

    @property
    def end(self) -> int:
        """Just behind it."""
        return self.at + HEADER_SIZE + self.length


@lru_cache(maxsize=64)
def padding(size: int) -> bytes:
    """`size` octets to make a packet longer: an Extra Padding TLV where its header has room, else zeros."""
    if size < HEADER_SIZE:
        return bytes(size)
    length = size - HEADER_SIZE
    return _HEADER.pack(UNRECOGNIZED, TlvType.EXTRA_PADDING, length) + bytes(length)


def scan(packet: bytes | bytearray, start: int, end: int | None = None) -> Iterator[Tlv]:
    """The TLVs from `start` on; a cut one is the last. Zeros up to the end are padding, not TLVs.

    (RFC 8762 alone knows no TLVs: its senders pad with whatever they like, as a rule with zeros.)
    """
    end = len(packet) if end is None else end
    at = start
    while at + HEADER_SIZE <= end:
        _, kind, length = _HEADER.unpack_from(packet, at)
        if not kind and not length and packet.count(0, at, end) == end - at:
            return
        found = Tlv(at, kind, length, at + HEADER_SIZE + length <= end)
        yield found
        if not found.whole:
            return
        at = found.end


def reflect_padding(answer: bytearray, start: int) -> bool:
    """Answer what nearly all probes carry, a single Extra Padding; False for anything else: see `reflect`."""
    if start + HEADER_SIZE > len(answer):
        return False
    _, kind, length = _HEADER.unpack_from(answer, start)
    if kind != TlvType.EXTRA_PADDING or start + HEADER_SIZE + length != len(answer):
        return False
    answer[start] = 0
    return True


def reflect(
    answer: bytearray,
    start: int,
    circumstances: Circumstances,
    *,
    sequence: int,
    keys: Sequence[bytes] = (),
    signed: bool = False,
) -> int | None:
    """Answer, in place, the TLVs copied from the request into `answer`; its sequence number stands already.

    `keys` verify an HMAC TLV, which covers the request's own `sequence` number; `signed`: the request was, so
    that one is needed. Returns the DSCP that the
    sender wants the answer to have, None where it does not say or may not choose.
    """
    tlvs: list[Tlv] = []
    for found in scan(answer, start):
        if len(tlvs) == MAX_TLVS:
            tlvs[-1] = tlvs[-1]._replace(whole=False)
            break
        tlvs.append(found)
    seal = next((found for found in tlvs if found.type == TlvType.HMAC), None)
    number = sequence.to_bytes(_SEQUENCE_SIZE, "big")
    key = None if seal is None else _verify(answer, start, tlvs, seal, keys, number)
    trusted = (not signed or _needs_no_seal(tlvs)) if seal is None else key is not None
    if not trusted:
        for found in tlvs:
            answer[found.at] = INTEGRITY
        return None
    dscp = None
    for found in tlvs:
        flags = _answer(answer, found, circumstances)
        answer[found.at] = flags
        if flags & MALFORMED:
            break  # what follows is returned as it came
        if found.type == TlvType.CLASS_OF_SERVICE and circumstances.permit_dscp:
            dscp = answer[found.value_at] >> 2
    if seal is not None and key is not None:
        covered = _covered(answer, start, seal, answer[:_SEQUENCE_SIZE])
        answer[seal.value_at : seal.end] = digest(key, covered)
    return dscp


def verified(packet: bytes, start: int, key: bytes) -> bool:
    """Whether an HMAC TLV made with the key covers the TLVs of a packet (section 4.8)."""
    tlvs = list(islice(scan(packet, start), MAX_TLVS))
    seal = next((found for found in tlvs if found.type == TlvType.HMAC), None)
    return (
        seal is not None and _verify(packet, start, tlvs, seal, (key,), packet[:_SEQUENCE_SIZE]) is not None
    )


def _needs_no_seal(tlvs: list[Tlv]) -> bool:
    """Section 4.8: there is nothing but one Extra Padding."""
    return not tlvs or [found.type for found in tlvs] == [TlvType.EXTRA_PADDING]


def _verify(
    packet: bytes | bytearray,
    start: int,
    tlvs: list[Tlv],
    seal: Tlv,
    keys: Sequence[bytes],
    number: bytes | bytearray,
) -> bytes | None:
    """Section 4.8: the key of a good HMAC TLV, which stands behind all others but Extra Padding; or None.

    One that cannot be verified, for want of a key, has failed.
    """
    if not seal.whole or seal.length != MAC_SIZE:
        return None
    if any(found.type != TlvType.EXTRA_PADDING for found in tlvs[tlvs.index(seal) + 1 :]):
        return None
    covered = _covered(packet, start, seal, number)
    return signer(keys, covered, packet[seal.value_at : seal.end])


def _covered(packet: bytes | bytearray, start: int, seal: Tlv, number: bytes | bytearray) -> bytes:
    """What the HMAC TLV signs: the Sequence Number and all TLVs before it."""
    return bytes(number + packet[start : seal.at])


def _answer(answer: bytearray, found: Tlv, circumstances: Circumstances) -> int:
    """Fill in one TLV; returns its flags."""
    if not found.whole:
        return MALFORMED
    match found.type:
        case TlvType.EXTRA_PADDING:
            return 0
        case TlvType.HMAC:
            return 0 if found.length == MAC_SIZE else MALFORMED
        case TlvType.CLASS_OF_SERVICE:
            return _class_of_service(answer, found, circumstances)
        case TlvType.DIRECT_MEASUREMENT if circumstances.stateful:
            if found.length != 12:
                return MALFORMED
            _COUNTERS.pack_into(
                answer,
                found.value_at + 4,
                circumstances.received % 2**32,
                circumstances.transmitted % 2**32,
            )
            return 0
        case TlvType.LOCATION:
            return _location(answer, found, circumstances)
        case _:
            return UNRECOGNIZED


def _class_of_service(answer: bytearray, found: Tlv, circumstances: Circumstances) -> int:
    """DSCP1 (6) DSCP2 (6) ECN (2) RP (2) Reserved (16): section 4.4 with erratum 8199."""
    if found.length != 4:
        return MALFORMED
    wanted = answer[found.value_at] >> 2
    value = wanted << 10 | circumstances.traffic_class << 2 | (not circumstances.permit_dscp)
    answer[found.value_at : found.end] = value.to_bytes(2, "big") + bytes(2)
    return 0


def _location(answer: bytearray, found: Tlv, circumstances: Circumstances) -> int:
    """Destination Port, Source Port, sub-TLVs: section 4.2."""
    if found.length < _PORTS.size:
        return MALFORMED
    told = circumstances.tell_location
    ports = (circumstances.destination_port, circumstances.source_port) if told else (0, 0)
    _PORTS.pack_into(answer, found.value_at, *ports)
    for sub in scan(answer, found.value_at + _PORTS.size, found.end):
        flags = _location_question(answer, sub, circumstances)
        answer[sub.at] = flags
        if flags & MALFORMED:
            return MALFORMED
    return 0


def _location_question(answer: bytearray, sub: Tlv, circumstances: Circumstances) -> int:
    """Turn one question into its answer: another type, the same length."""
    if not sub.whole:
        return MALFORMED
    match sub.type:
        case LocationType.SOURCE_MAC:
            # A UDP socket does not see it: section 4.2.2 has the EUI-64 field zeroed then.
            kind, value, length = LocationType.SOURCE_EUI_64, b"", 8
        case LocationType.DESTINATION_IP:
            value, length = circumstances.destination, 16
            ipv4 = len(value) == 4
            kind = LocationType.DESTINATION_IPV4 if ipv4 else LocationType.DESTINATION_IPV6
        case LocationType.SOURCE_IP:
            value, length = circumstances.source, 16
            kind = LocationType.SOURCE_IPV4 if len(value) == 4 else LocationType.SOURCE_IPV6
        case _:
            return UNRECOGNIZED
    if sub.length != length:
        return MALFORMED
    if not circumstances.tell_location:
        kind, value = LocationType(sub.type), b""
    answer[sub.at + 1] = kind
    answer[sub.value_at : sub.end] = value.ljust(length, b"\0")
    return 0
