"""STAMP probe (RFC 8762): an answer is a reflected packet with our number, timestamp and key."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..contract import (
    Figure,
    Hops,
    Invalidity,
    LossReason,
    Marking,
    Markings,
    PlannedProbe,
    Refusal,
    Sources,
    StampOptions,
)
from ..contract.figure import NO_FIGURES, figures_by_name
from ..contract.methods.stamp import HOPS_TTL
from ..host.key_file import KeyFile, KeyFileError, KeyNotPermitted
from ..measure.ledger import Answer
from ..measure.packet import Packet, Seen
from ..net.clock_quality import own_clock_quality
from ..net.clocks import Clock
from ..wire import arrival, stamp
from ..wire.ntp import NANOSECONDS, ntp_from_unix
from .base import ProbeMethod, RoundInvalid
from .datagram import Codec, DatagramSession, Quoted, udp_session

_new = tuple.__new__  # a NamedTuple's own constructor costs a call more
SEQUENCE_SIZE, TOKEN_SIZE = 4, 8
"""Bytes of a packet's number and of its timestamp."""
LOOK_NS = NANOSECONDS
"""How often the key file is looked at."""
ANSWER_SLACK = 256
"""An answer is about as large as its packet (RFC 8762 section 4.3). Where it is larger by more bytes, no TLV
is looked for."""


class SenderKeys:
    """The keys of a session: those of the file as it is now, looked at once a second."""

    def __init__(self, file: KeyFile) -> None:
        self._file = file
        self._looked_at: int | None = None
        self._keys: tuple[bytes, ...] = ()
        self._trouble: tuple[Invalidity, str] | None = None

    def look(self, now: int) -> None:
        """Take over a changed file. Raises RoundInvalid while the file is not usable."""
        if self._looked_at is None or abs(now - self._looked_at) >= LOOK_NS:
            self._looked_at = now
            if self._file.changed():
                self._read()
        if self._trouble is not None:
            raise RoundInvalid(*self._trouble)

    @property
    def signing(self) -> bytes:
        """The key that signs."""
        return self._keys[0]

    @property
    def accepted(self) -> tuple[bytes, ...]:
        """The keys that an answer may be signed with."""
        return self._keys

    def _read(self) -> None:
        try:
            self._keys = self._file.read()
        except KeyFileError as error:
            self._trouble = _unusable_keys(error)
        else:
            self._trouble = None


def keys_now(key_file: str | None, *, marked: bool) -> tuple[bytes, ...]:
    """Return the keys in the file as it is now; none: packets are not signed.

    Raises RoundInvalid while the file is not usable.
    """
    if key_file is None:
        return ()
    try:
        return KeyFile(Path(key_file), marked=marked).read()
    except KeyFileError as error:
        raise RoundInvalid(*_unusable_keys(error)) from error


def _unusable_keys(error: KeyFileError) -> tuple[Invalidity, str]:
    """Why a round is invalid whose keys cannot be used, and what to tell."""
    refused = isinstance(error, KeyNotPermitted)
    return Invalidity.KEY_NOT_PERMITTED if refused else Invalidity.KEY_MISSING, str(error)


class StampCodec(Codec):
    """Session-Sender packets of one size. The token is T1 as on the wire, which the reflector copies.

    The SSID is random: together with a fresh port it tells this session from all before, whose packets
    somebody may have recorded (see reflector/replay.py).
    """

    counts_refused = True
    __slots__ = (
        "_asks", "_error_estimate", "_keys", "_mode", "_quality", "_questions", "_sent_ttl", "_size", "_ssid",
    )  # fmt: skip

    def __init__(
        self,
        size: int,
        keys: SenderKeys | None = None,
        *,
        questions: bytes = b"",
        sent_ttl: int | None = None,
    ) -> None:
        """`questions`: TLVs that ask how packets arrive; `sent_ttl`: their TTL, where hops are counted."""
        self._size = size
        self._keys = keys
        self._questions = questions
        self._sent_ttl = sent_ttl
        self._asks = bool(questions) or sent_ttl is not None
        self._mode = stamp.UNAUTHENTICATED if keys is None else stamp.AUTHENTICATED
        self._ssid = 1 + secrets.randbelow(0xFFFF)
        self._quality = own_clock_quality()
        self._error_estimate = 0

    def token(self, realtime: int) -> int:
        """T1 in NTP format. Raises RoundInvalid when there is no key to sign with."""
        if self._keys is not None:
            self._keys.look(realtime)
        self._error_estimate = self._quality.estimate(realtime)
        return ntp_from_unix(realtime)

    def encode(self, sequence: int, token: int) -> bytes:
        """A Session-Sender packet."""
        key, tlvs = None if self._keys is None else self._keys.signing, self._questions
        if tlvs and key is not None:
            tlvs = arrival.sealed(tlvs, sequence, key)
        return stamp.pack_request(sequence, token, self._error_estimate, self._ssid, self._size, key, tlvs)

    def decode(self, data: bytes) -> Answer | None:
        """A Session-Reflector packet, stateful or not, also of a TWAMP Light reflector."""
        told = stamp.parse_answer(data, self._mode)
        if told is None or (not told[1] and self._is_request(data)):
            return None
        failure = key = None
        if self._keys is not None:
            key = stamp.signed_with(data, self._keys.accepted)
            failure = LossReason.AUTH_FAILED if key is None else None
        asks = self._asks and failure is None
        return _new(Answer, (*told, failure, self._seen(data, key) if asks else None))

    def _seen(self, data: bytes, key: bytes | None) -> Seen:
        """How the packet of this answer arrived."""
        hops = None if self._sent_ttl is None else stamp.hops(data, self._sent_ttl, self._mode)
        if not self._questions or len(data) > self._size + ANSWER_SLACK:
            return Seen(hops=hops)
        source, service = arrival.answered(data, self._mode.size, key)
        if service is None:
            return Seen(source, hops=hops)
        return Seen(source, Marking(service.dscp, service.ecn, not service.reply_as_asked), hops)

    def _is_request(self, data: bytes) -> bool:
        """Whether it is a Session-Sender packet of this session."""
        packet = stamp.parse_sender(data, self._mode)
        if packet is None or packet.twamp or packet.ssid != self._ssid:
            return False
        return self._mode is stamp.UNAUTHENTICATED or not stamp.is_reflected(data)

    def refusal(self, data: bytes) -> tuple[Refusal, int]:
        """See Codec: whatever has the bytes is read."""
        if self._is_request(data):
            return Refusal.SENT_BACK, 0
        return Refusal.TOO_SHORT, len(data)

    def figures(self, packets: Sequence[Packet]) -> Mapping[str, Figure]:
        """How those packets arrived that were answered."""
        if not self._asks:
            return NO_FIGURES
        seen = [packet.seen for packet in packets if packet.answered and packet.seen is not None]
        figures = (
            Sources.seen(each.source for each in seen),
            Markings.seen(each.marking for each in seen),
            Hops.seen(each.hops for each in seen),
        )
        return figures_by_name(*(figure for figure in figures if figure is not None))

    def quoted(self, data: bytes) -> Quoted | None:
        """The number of a quoted Session-Sender packet."""
        if len(data) < SEQUENCE_SIZE:
            return Quoted()
        token = data[self._mode.timestamp_at :][:TOKEN_SIZE]
        whole = len(token) == TOKEN_SIZE
        return Quoted(
            int.from_bytes(data[:SEQUENCE_SIZE], "big"), int.from_bytes(token, "big") if whole else None
        )


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> DatagramSession:
    """See ProbeMethod."""
    options = probe.options or StampOptions()
    assert isinstance(options, StampOptions)
    keys = None
    if options.key_file is not None:
        keys = SenderKeys(KeyFile(Path(options.key_file), marked=options.marked_keys))
        keys.look(clock.read().realtime)
    if options.ask_hops and probe.ttl is None:
        probe = replace(probe, ttl=HOPS_TTL)
    codec = StampCodec(
        probe.size,
        keys,
        questions=arrival.questions(source=options.ask_source, dscp=probe.dscp if options.ask_dscp else None),
        sent_ttl=probe.ttl if options.ask_hops else None,
    )
    return udp_session(probe, address, clock, codec)


METHOD = ProbeMethod(open=open_session)
