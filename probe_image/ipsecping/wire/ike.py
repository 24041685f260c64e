"""IKE_SA_INIT messages (RFC 7296 sections 1.2 and 3), as much of them as it takes to see that IKE is alive.

 0 IKE SA Initiator's SPI  (8)      16 Next Payload  (1)      20 Message ID  (4)
 8 IKE SA Responder's SPI  (8)      17 Version       (1)      24 Length      (4)
                                    18 Exchange Type (1)      28 payloads
                                    19 Flags         (1)

Each payload: 0 Next Payload (1), 1 Critical and reserved (1), 2 Payload Length (2), 4 its content.
"""

import hashlib
from collections.abc import Mapping, Sequence
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from ..addresses import parse_address

PORT, NAT_PORT = 500, 4500
NON_ESP_MARKER = b"\0\0\0\0"
"""Before an IKE message on port 4500, where an ESP packet would have its SPI (RFC 3948 section 2.2)."""
NONCE_SIZE = 32
HEADER_SIZE = 28
MAX_PAYLOADS = 64

_HEADER = Struct("!QQBBBBII")
_PAYLOAD = Struct("!BBH")
_PROPOSAL = Struct("!BBHBBBB")
_TRANSFORM = Struct("!BBHBBH")
_KEY_LENGTH = Struct("!HH")
_VERSION_2 = 0x20
_IKE_SA_INIT = 34
_FLAG_INITIATOR, _FLAG_RESPONSE = 0x08, 0x20
_PROTOCOL_IKE = 1
_KEY_LENGTH_TYPE = 0x8000 | 14  # attribute "Key Length", of fixed size
_MORE_TRANSFORMS, _LAST = 3, 0


class Payload(IntEnum):
    """Payload types (section 3.2)."""

    NONE = 0
    SA = 33
    KEY_EXCHANGE = 34
    NONCE = 40
    NOTIFY = 41


class Notify(IntEnum):
    """Notify message types (section 3.10.1), those that answer an IKE_SA_INIT."""

    UNSUPPORTED_CRITICAL_PAYLOAD = 1
    INVALID_MAJOR_VERSION = 5
    INVALID_SYNTAX = 7
    NO_PROPOSAL_CHOSEN = 14
    INVALID_KE_PAYLOAD = 17
    NAT_DETECTION_SOURCE_IP = 16388
    NAT_DETECTION_DESTINATION_IP = 16389
    COOKIE = 16390


class Transform(NamedTuple):
    """One transform of a proposal (section 3.3.2)."""

    type: int
    """1 encryption, 2 pseudorandom function, 3 integrity, 4 key exchange method."""
    id: int
    key_bits: int | None = None


REFUSED = (Transform(1, 65533), Transform(2, 65533), Transform(3, 65533), Transform(4, 65533))
"""A proposal of private-use transforms (1024 to 65535, section 3.3.2) that nobody has: it is refused, and the
gateway keeps no half-open SA."""
REFUSED_GROUP = 65533

CURVE25519 = 31
KEY_SIZES = {CURVE25519: 32, 14: 256, 15: 384, 16: 512}
"""Octets of public key of the key exchange methods that are offered: RFC 8031, RFC 3526."""
ACCEPTABLE = (
    Transform(1, 20, 256),  # AES-GCM with a 16-octet ICV
    Transform(1, 20, 128),
    Transform(2, 7),  # PRF-HMAC-SHA2-512
    Transform(2, 6),  # PRF-HMAC-SHA2-384
    Transform(2, 5),  # PRF-HMAC-SHA2-256
    *(Transform(4, group) for group in KEY_SIZES),
)
"""A proposal that most gateways accept (RFC 8247)."""
ACCEPTABLE_CBC = (
    Transform(1, 12, 256),  # AES-CBC
    Transform(1, 12, 128),
    Transform(2, 7),
    Transform(2, 6),
    Transform(2, 5),
    Transform(3, 14),  # HMAC-SHA2-512-256
    Transform(3, 13),  # HMAC-SHA2-384-192
    Transform(3, 12),  # HMAC-SHA2-256-128
    *(Transform(4, group) for group in KEY_SIZES),
)
"""The same for gateways without a combined mode, where integrity is a transform of its own."""


class Answer(NamedTuple):
    """An IKE message that answers ours."""

    major: int
    """The IKE version it is in."""
    payloads: frozenset[int]
    notifies: Mapping[int, Sequence[bytes]]
    """The data of the notifications, by type."""

    @property
    def kind(self) -> str:
        """In a word, what the gateway said."""
        if self.major != 2:
            return f"IKEv{self.major}"
        for notify in Notify:
            if notify in self.notifies and notify not in _BESIDE:
                return notify.name
        if Payload.SA in self.payloads:
            return "SA"
        return "OTHER"


_BESIDE = frozenset({Notify.NAT_DETECTION_SOURCE_IP, Notify.NAT_DETECTION_DESTINATION_IP})


def pack_sa_init(
    *,
    spi: int,
    nonce: bytes,
    proposals: Sequence[Sequence[Transform]],
    group: int,
    public_key: bytes,
    notifies: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    """An IKE_SA_INIT request. A cookie in `notifies` stands first, as section 2.6 demands."""
    first = [(Payload.NOTIFY, _notify(kind, data)) for kind, data in notifies if kind == Notify.COOKIE]
    rest = [(Payload.NOTIFY, _notify(kind, data)) for kind, data in notifies if kind != Notify.COOKIE]
    payloads = [
        *first,
        (Payload.SA, _security_association(proposals)),
        (Payload.KEY_EXCHANGE, group.to_bytes(2, "big") + b"\0\0" + public_key),
        (Payload.NONCE, nonce),
        *rest,
    ]
    body = b""
    following: int = Payload.NONE
    for kind, content in reversed(payloads):
        body = _PAYLOAD.pack(following, 0, _PAYLOAD.size + len(content)) + content + body
        following = kind
    return (
        _HEADER.pack(spi, 0, following, _VERSION_2, _IKE_SA_INIT, _FLAG_INITIATOR, 0, HEADER_SIZE + len(body))
        + body
    )


def parse_spis(data: bytes) -> tuple[int, int] | None:
    """Both SPIs of an IKE message, ours and the responder's; None when it is too short for one."""
    if len(data) < HEADER_SIZE:
        return None
    ours, theirs = _HEADER.unpack_from(data)[:2]
    return int(ours), int(theirs)


def parse_answer(data: bytes) -> Answer | None:
    """The answer, or None when this is no well-formed response to an IKE_SA_INIT.

    An answer of IKE version 1 is read no further than its header: it says that the daemon is alive.
    """
    if len(data) < HEADER_SIZE:
        return None
    _, _, following, version, exchange, flags, message_id, length = _HEADER.unpack_from(data)
    if length != len(data):
        return None
    major = version >> 4
    if major == 1:
        return Answer(1, frozenset(), {})
    if major < 2 or not flags & _FLAG_RESPONSE or flags & _FLAG_INITIATOR or message_id != 0:
        return None
    if major == 2 and exchange != _IKE_SA_INIT:
        return None
    return _parse_payloads(major, following, data)


def nat_hash(spi: int, responder_spi: int, address: str, port: int) -> bytes:
    """The data of a NAT_DETECTION_*_IP notification (section 2.23): SHA-1 over SPIs, address and port."""
    packed = parse_address(address).packed
    content = spi.to_bytes(8, "big") + responder_spi.to_bytes(8, "big") + packed + port.to_bytes(2, "big")
    return hashlib.sha1(content, usedforsecurity=False).digest()


def _parse_payloads(major: int, following: int, data: bytes) -> Answer | None:
    payloads: set[int] = set()
    notifies: dict[int, list[bytes]] = {}
    position = HEADER_SIZE
    for _ in range(MAX_PAYLOADS):
        if following == Payload.NONE:
            return Answer(major, frozenset(payloads), notifies) if position == len(data) else None
        if position + _PAYLOAD.size > len(data):
            return None
        kind = following
        following, _, length = _PAYLOAD.unpack_from(data, position)
        content = data[position + _PAYLOAD.size : position + length]
        if length < _PAYLOAD.size or position + length > len(data):
            return None
        position += length
        payloads.add(kind)
        if kind == Payload.NOTIFY:
            if len(content) < 4 or len(content) < 4 + content[1]:
                return None
            of_kind = notifies.setdefault(int.from_bytes(content[2:4], "big"), [])
            of_kind.append(content[4 + content[1] :])
    return None


def _security_association(proposals: Sequence[Sequence[Transform]]) -> bytes:
    content = b""
    for number, transforms in enumerate(proposals, start=1):
        packed = b"".join(
            _transform(transform, last=position == len(transforms))
            for position, transform in enumerate(transforms, start=1)
        )
        last = number == len(proposals)
        content += (
            _PROPOSAL.pack(
                _LAST if last else 2,
                0,
                _PROPOSAL.size + len(packed),
                number,
                _PROTOCOL_IKE,
                0,
                len(transforms),
            )
            + packed
        )
    return content


def _transform(transform: Transform, *, last: bool) -> bytes:
    attributes = b"" if transform.key_bits is None else _KEY_LENGTH.pack(_KEY_LENGTH_TYPE, transform.key_bits)
    more = _LAST if last else _MORE_TRANSFORMS
    size = _TRANSFORM.size + len(attributes)
    return _TRANSFORM.pack(more, 0, size, transform.type, 0, transform.id) + attributes


def _notify(kind: int, data: bytes) -> bytes:
    return b"\0\0" + kind.to_bytes(2, "big") + data
