"""What an audit sends to a reflector, and what an answer to it shows. Pure.

An audit is a list of cases. A case is a packet that should get no answer, sent `TRIES` times from a socket of
its own, so that whatever comes back to that socket is an answer to it. In between stand controls: right
packets, which are answered by a reflector that is there, over a path that carries them.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from ..contract import AuditFinding, AuditProtocol
from ..wire import echo, stamp
from ..wire.ntp import UNSYNCHRONIZED

TRIES = 3
"""Packets of a case."""
BURST = 90
"""Packets within a second, where the reflector's rate is tested."""
ECHO_SIZE = 56
_TWAMP_SENDER = 14
"""Bytes of a TWAMP-Test packet without padding (RFC 5357 section 4.1.2): its answer has 41."""
_KEY_SIZE = 32


class Origin(Enum):
    """Where the packets of a case come from."""

    ORDINARY = "a fresh port"
    OWN_PORT = "a source port that is the reflector's"
    RESERVED_PORT = "a source port below 1024"
    OUTSIDE = "the outside address"


class Reply(Enum):
    """What an answer to a right packet is."""

    RIGHT = "as asked for"
    UNSIGNED = "right, but not signed, though the packet was"
    FOREIGN = "none to this packet, or signed with another key"


class Exchange(NamedTuple):
    """A right packet and the answer to it, which the packets of some cases are made of."""

    request: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that a reflector should not answer."""

    finding: AuditFinding
    packet: Callable[[int, Exchange | None], bytes]
    """Makes the packet of a try, counted from 0."""
    origin: Origin = Origin.ORDINARY
    opened: bool = False
    """A right packet goes ahead on the same socket; its exchange is what `packet` gets."""
    rough: bool = False
    """A reflector that is badly made may not survive it, so it comes last."""


class Dialect(ABC):
    """The right packets of one protocol, each told from others by a random token."""

    protocol: AuditProtocol
    signed = False
    """Its packets bear a signature."""

    @abstractmethod
    def request(self) -> bytes:
        """Make a right packet."""

    @abstractmethod
    def reply(self, request: bytes, data: bytes) -> Reply:
        """Say what `data` is, as an answer to this packet."""

    @abstractmethod
    def cases(self, *, port: int, outside: bool) -> list[Case]:
        """Return what is tried at a reflector on this port; `outside`: from a second address as well."""


class StampDialect(Dialect):
    """STAMP (RFC 8762), signed where there are keys."""

    protocol = AuditProtocol.STAMP

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        """The first of `keys` signs, and an answer may be signed with any of them."""
        self._keys = keys
        self.signed = bool(keys)
        self._mode = stamp.AUTHENTICATED if keys else stamp.UNAUTHENTICATED
        self._ssid = 1 + secrets.randbelow(0xFFFF)
        self._sequence = secrets.randbits(16)

    def request(self) -> bytes:
        """See Dialect."""
        return self._packed(self._keys[0] if self._keys else None, self._mode.size)

    def reply(self, request: bytes, data: bytes) -> Reply:
        """See Dialect."""
        if _answers(request, data, self._mode):
            signed = not self._keys or stamp.signed_with(data, self._keys) is not None
            return Reply.RIGHT if signed else Reply.FOREIGN
        # One without keys takes a signed packet for a plain one, with zeros where that has its timestamp.
        if self._keys and _answers(request, data, stamp.UNAUTHENTICATED):
            return Reply.UNSIGNED
        return Reply.FOREIGN

    def cases(self, *, port: int, outside: bool) -> list[Case]:
        """See Dialect."""
        least = self._mode.least_request
        cases = [
            *(self._signed_cases() if self._keys else ()),
            Case(AuditFinding.REFLECTED, _answer_sent_back, opened=True),
            *_from_elsewhere(self._right, outside=outside),
            Case(AuditFinding.SHORT, lambda *_: self.request()[: least - 1], rough=True),
            Case(AuditFinding.SHORT, lambda *_: self.request()[:_TWAMP_SENDER], rough=True),
        ]
        # STAMP may be sent from 862 (RFC 8762 section 4.1): there the content tells a packet from an answer.
        return [case for case in cases if port != stamp.PORT or case.origin is not Origin.OWN_PORT]

    def _signed_cases(self) -> list[Case]:
        foreign = secrets.token_bytes(_KEY_SIZE)
        sizes = (stamp.BASE_SIZE, self._mode.size, self._mode.size)
        return [
            Case(AuditFinding.UNSIGNED, lambda number, _: self._packed(None, sizes[number])),
            Case(AuditFinding.WRONG_KEY, lambda *_: self._packed(foreign, self._mode.size)),
            Case(AuditFinding.REPLAYED, _request_sent_again, opened=True),
        ]

    def _right(self, number: int, exchange: Exchange | None) -> bytes:
        return self.request()

    def _packed(self, key: bytes | None, size: int) -> bytes:
        self._sequence = (self._sequence + 1) % 2**32
        token = secrets.randbits(63) + 1
        return stamp.pack_request(self._sequence, token, UNSYNCHRONIZED, self._ssid, size, key)


class EchoDialect(Dialect):
    """UDP echo (RFC 862): whatever comes is answered, so only where it comes from can be wrong."""

    protocol = AuditProtocol.UDP_ECHO

    def __init__(self) -> None:
        self._sequence = 0

    def request(self) -> bytes:
        """See Dialect."""
        self._sequence += 1
        return echo.pack(secrets.token_bytes(echo.COOKIE_SIZE), self._sequence, ECHO_SIZE)

    def reply(self, request: bytes, data: bytes) -> Reply:
        """See Dialect."""
        return Reply.RIGHT if data[: len(request)] == request else Reply.FOREIGN

    def cases(self, *, port: int, outside: bool) -> list[Case]:
        """See Dialect."""
        return _from_elsewhere(self._right, outside=outside)

    def _right(self, number: int, exchange: Exchange | None) -> bytes:
        return self.request()


def most_packets(cases: Sequence[Case], *, rate: bool) -> int:
    """How many packets an audit of these cases sends at most, controls and pings included."""
    opened = sum(case.opened for case in cases)
    outside = sum(case.origin is Origin.OUTSIDE for case in cases)
    # Before the first try as many controls as it takes, perhaps of two kinds; one behind each try; then once
    # more as many as it takes to tell silence from loss.
    controls = 2 * TRIES + TRIES * len(cases) + TRIES
    return controls + TRIES * (len(cases) + opened + outside) + (BURST + TRIES if rate else 0)


def _from_elsewhere(right: Callable[[int, Exchange | None], bytes], *, outside: bool) -> list[Case]:
    cases = [
        Case(AuditFinding.OWN_PORT, right, origin=Origin.OWN_PORT),
        Case(AuditFinding.RESERVED_PORT, right, origin=Origin.RESERVED_PORT),
    ]
    return [*cases, Case(AuditFinding.OUTSIDE_SOURCE, right, origin=Origin.OUTSIDE)] if outside else cases


def _request_sent_again(_: int, exchange: Exchange | None) -> bytes:
    assert exchange is not None
    return exchange.request


def _answer_sent_back(_: int, exchange: Exchange | None) -> bytes:
    """Never more bytes than were sent: what comes back may be a liar's."""
    assert exchange is not None
    return exchange.answer[: len(exchange.request)]


def _answers(request: bytes, data: bytes, mode: stamp.Mode) -> bool:
    """Whether `data` reads as the reflection of this packet in that mode: its number and its timestamp."""
    told = stamp.parse_answer(data, mode)
    if told is None:
        return False
    asked = stamp.parse_sender(request, mode)
    return asked is not None and told[:2] == (asked.sequence, asked.timestamp)
