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

Whatever a packet holds, it is read in a bounded number of steps, by the reflector as by the sender: at most
`MAX_TLVS` TLVs and sub-TLVs of it are looked at. The RFC names no such limit. The last TLV looked at then has
the M flag, as if the packet ended in it, and what follows comes back as it came: nothing is left unanswered.
"""

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from .authentication import MAC_SIZE, digest, signer

HEADER_SIZE = 4
MAX_TLVS = 12
"""TLVs and sub-TLVs looked at in one packet; RFC 8972 has eight types and three questions for Location."""

UNRECOGNIZED, MALFORMED, INTEGRITY = 0x80, 0x40, 0x20

_HEADER = Struct("!BBH")
_TYPE_AND_LENGTH = Struct("!xBH").unpack_from
_PORTS = Struct("!HH")
_COUNTERS = Struct("!II")
_CLASSES = Struct("!H2x")
_SEQUENCE_SIZE = 4
_new = tuple.__new__  # a NamedTuple's own constructor costs a call more


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


# As plain numbers: comparing with a member of an enumeration costs several times as much, for every TLV.
_EXTRA_PADDING, _LOCATION, _CLASS_OF_SERVICE, _DIRECT_MEASUREMENT, _HMAC = map(int, TlvType)
_UNDERSTOOD = frozenset(map(int, TlvType))
(
    _SOURCE_MAC, _SOURCE_EUI_64, _DESTINATION_IP, _DESTINATION_IPV4, _DESTINATION_IPV6,
    _SOURCE_IP, _SOURCE_IPV4, _SOURCE_IPV6,
) = map(int, LocationType)  # fmt: skip


class Circumstances(NamedTuple):
    """What a reflector may tell about a packet it received."""

    source: bytes
    """4 or 16 octets."""
    source_port: int
    destination: bytes
    destination_port: int
    traffic_class: int | None
    """DSCP and ECN of the IP header, as in its octet; None where they are not known: Class of Service is not
    understood then."""
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


def scan(packet: bytes | bytearray, start: int, end: int | None = None, *, most: int = MAX_TLVS) -> list[Tlv]:
    """The first `most` (one or more) TLVs from `start` on; the last is not whole if cut or if more follow.

    Zeros up to the end are padding, not TLVs (RFC 8762 alone knows no TLVs: its senders pad with whatever
    they like, as a rule with zeros).
    """
    end = len(packet) if end is None else end
    found: list[Tlv] = []
    at, padding_at = start, -1
    while at + HEADER_SIZE <= end:
        kind, length = _TYPE_AND_LENGTH(packet, at)
        if not kind and not length:
            if padding_at < 0:  # looked for once: hostile packets have a TLV of zeros every four octets
                padding_at = at + _last_nonzero(packet[at:end])
            if at >= padding_at:
                break
        if len(found) == most:
            found[-1] = _new(Tlv, (*found[-1][:3], False))
            break
        behind = at + HEADER_SIZE + length
        found.append(_new(Tlv, (at, kind, length, behind <= end)))
        at = behind
    return found


def _last_nonzero(octets: bytes | bytearray) -> int:
    """How many octets there are up to the last that is not zero. (Stripping takes three times as long.)"""
    return (int.from_bytes(octets, "little").bit_length() + 7) // 8


def reflect_padding(answer: bytearray, start: int) -> bool:
    """Answer what nearly all probes carry, nothing but padding; False for anything else: see `reflect`."""
    if start + HEADER_SIZE > len(answer):
        return True
    kind, length = _TYPE_AND_LENGTH(answer, start)
    if kind != _EXTRA_PADDING or start + HEADER_SIZE + length != len(answer):
        return not kind and not length and answer[start:] == bytes(len(answer) - start)
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
    that one is needed. Returns the DSCP that the sender wants the answer to have, None where it does not
    say or may not choose.
    """
    tlvs = scan(answer, start)
    seal = _seal(tlvs)
    number = sequence.to_bytes(_SEQUENCE_SIZE, "big")
    key = None if seal is None else _verify(answer, start, tlvs, seal, keys, number)
    trusted = (not signed or _needs_no_seal(tlvs)) if seal is None else key is not None
    if not trusted:
        for found in tlvs:
            answer[found.at] = INTEGRITY
        return None
    dscp = None
    traffic_class = circumstances.traffic_class
    room = MAX_TLVS - len(tlvs)
    for found in tlvs:
        at, kind, length, whole = found
        if not whole:
            flags = MALFORMED
        elif kind not in _UNDERSTOOD:
            flags = UNRECOGNIZED
        elif kind == _CLASS_OF_SERVICE and traffic_class is not None:
            if length != 4:
                flags = MALFORMED
            else:  # DSCP1 (6) DSCP2 (6) ECN (2) RP (2) Reserved (16): section 4.4 with erratum 8199
                wanted, flags = answer[at + HEADER_SIZE] >> 2, 0
                arrived = traffic_class << 2 | (not circumstances.permit_dscp)
                _CLASSES.pack_into(answer, at + HEADER_SIZE, wanted << 10 | arrived)
                if circumstances.permit_dscp:
                    dscp = wanted
        elif kind == _LOCATION:
            flags, looked_at = _location(answer, found, circumstances, room)
            room -= looked_at
        else:
            flags = _answer(answer, at + HEADER_SIZE, kind, length, circumstances)
        answer[at] = flags
        if flags & MALFORMED:
            break  # what follows is returned as it came
    if seal is not None and key is not None:
        covered = _covered(answer, start, seal, answer[:_SEQUENCE_SIZE])
        answer[seal.value_at : seal.end] = digest(key, covered)
    return dscp


def verified(packet: bytes, start: int, key: bytes) -> bool:
    """Whether an HMAC TLV made with the key covers the TLVs of a packet (section 4.8)."""
    tlvs = scan(packet, start)
    seal = _seal(tlvs)
    return (
        seal is not None and _verify(packet, start, tlvs, seal, (key,), packet[:_SEQUENCE_SIZE]) is not None
    )


def _seal(tlvs: list[Tlv]) -> Tlv | None:
    """The HMAC TLV; of several the first."""
    for found in tlvs:
        if found.type == _HMAC:
            return found
    return None


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


def _answer(answer: bytearray, value_at: int, kind: int, length: int, circumstances: Circumstances) -> int:
    """Fill in one TLV that is whole, Location and a known Class of Service apart; returns its flags."""
    if kind == _EXTRA_PADDING:
        return 0
    if kind == _DIRECT_MEASUREMENT and circumstances.stateful:
        if length != 12:
            return MALFORMED
        _COUNTERS.pack_into(
            answer, value_at + 4, circumstances.received % 2**32, circumstances.transmitted % 2**32
        )
        return 0
    if kind == _HMAC:
        return 0 if length == MAC_SIZE else MALFORMED
    return UNRECOGNIZED


def _location(answer: bytearray, found: Tlv, circumstances: Circumstances, room: int) -> tuple[int, int]:
    """Destination Port, Source Port, sub-TLVs (section 4.2): the flags, and how many sub-TLVs were looked at.

    With more than `room` of them it is malformed, as a packet with too many TLVs is.
    """
    at, _, length, _ = found
    value_at, end = at + HEADER_SIZE, at + HEADER_SIZE + length
    if length < _PORTS.size:
        return MALFORMED, 0
    told = circumstances.tell_location
    if told:
        _PORTS.pack_into(answer, value_at, circumstances.destination_port, circumstances.source_port)
    else:
        _PORTS.pack_into(answer, value_at, 0, 0)
    if length == _PORTS.size:
        return 0, 0
    if not room:
        return MALFORMED, 0
    questions = scan(answer, value_at + _PORTS.size, end, most=room)
    for question in questions:
        flags = _location_question(answer, question, circumstances)
        answer[question.at] = flags
        if flags & MALFORMED:
            return MALFORMED, len(questions)
    return 0, len(questions)


def _location_question(answer: bytearray, question: Tlv, circumstances: Circumstances) -> int:
    """Turn one question into its answer: another type, the same length."""
    at, kind, length, whole = question
    if not whole:
        return MALFORMED
    if kind == _SOURCE_MAC:
        # A UDP socket does not see it: section 4.2.2 has the EUI-64 field zeroed then.
        told, value, wanted = _SOURCE_EUI_64, b"", 8
    elif kind == _SOURCE_IP:
        value, wanted = circumstances.source, 16
        told = _SOURCE_IPV4 if len(value) == 4 else _SOURCE_IPV6
    elif kind == _DESTINATION_IP:
        value, wanted = circumstances.destination, 16
        told = _DESTINATION_IPV4 if len(value) == 4 else _DESTINATION_IPV6
    else:
        return UNRECOGNIZED
    if length != wanted:
        return MALFORMED
    if not circumstances.tell_location:
        told, value = kind, b""
    answer[at + 1] = told
    answer[at + HEADER_SIZE : at + HEADER_SIZE + length] = value.ljust(length, b"\0")
    return 0
