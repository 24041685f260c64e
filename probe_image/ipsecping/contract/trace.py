"""The hops of a path as `ipsecping trace` found them: pure data, versioned, within bounds."""

from dataclasses import dataclass
from enum import StrEnum

from ..addresses import without_zone
from .bounds import DAY_MS, MAX_INSTANT, MAX_MTU, MAX_RTT
from .fields import ContractError, canonical_address, check_text, out_of_range

VERSION = 1
MAX_HOPS = 64
MAX_TRIES = 10
MAX_REPLIES = 4
"""Of one hop: more addresses than that, and the path changes with each packet."""
MAX_LABELS = 8
"""Of an MPLS label stack."""
MAX_LIMITS = 8
"""Links smaller than the packets, each smaller than the one before."""
MAX_UNPLACED = 16
MAX_PACKETS = MAX_HOPS * MAX_TRIES * (1 + MAX_LIMITS)
MAX_IGNORED = 10**9
"""A trace that sees more foreign packets says as many."""


class TraceMethod(StrEnum):
    """What is sent."""

    UDP = "UDP"
    ICMP = "ICMP"
    TCP = "TCP"


class ReplyKind(StrEnum):
    """What came back for a packet. All but TimeExceeded end the path."""

    TIME_EXCEEDED = "TimeExceeded"
    ANSWERED = "Answered"
    """By STAMP or UDP, an echo reply, or an accepted connection."""
    REFUSED = "Refused"
    """A TCP reset."""
    PORT_UNREACHABLE = "PortUnreachable"
    PROTOCOL_UNREACHABLE = "ProtocolUnreachable"
    HOST_UNREACHABLE = "HostUnreachable"
    NETWORK_UNREACHABLE = "NetworkUnreachable"
    PROHIBITED = "Prohibited"
    MESSAGE_TOO_BIG = "MessageTooBig"
    """Where the message states no usable MTU: else packets become smaller, see Limit."""
    PARAMETER_PROBLEM = "ParameterProblem"
    UNREACHABLE = "Unreachable"
    """For another reason."""


class TraceEnd(StrEnum):
    """How a path ends."""

    REACHED = "Reached"
    UNREACHABLE = "Unreachable"
    """Somebody on the way says so."""
    SILENT = "Silent"
    """Nobody says anything beyond some hop."""


_OF_THE_TARGET = frozenset({ReplyKind.PORT_UNREACHABLE, ReplyKind.PROTOCOL_UNREACHABLE})
"""Said by the target they prove that it is there; said by another host they are a firewall's word."""


@dataclass(frozen=True, slots=True)
class Label:
    """An entry of an MPLS label stack (RFC 3032), as the router quotes it (RFC 4950)."""

    label: int
    traffic_class: int
    ttl: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for packets with one TTL."""

    sender: str | None
    """Address of who sent it; None: the kernel did not know."""
    kind: ReplyKind
    rtt: int | None = None
    """Nanoseconds; None where it is not known which packet it is about."""
    ttl: int | None = None
    """TTL or hop limit of the reply on arrival."""
    proven: bool = False
    """It bears enough of our packet that nobody who has not seen one could have made it."""
    labels: tuple[Label, ...] = ()
    """The MPLS label stack of our packet at that router, top first."""
    name: str | None = None
    """Of the sender, by reverse look-up."""


@dataclass(frozen=True, slots=True)
class Hop:
    """What became of the packets with one TTL or hop limit."""

    ttl: int
    tries: int
    replies: tuple[Reply, ...] = ()
    """Empty: silence."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A link that was too small for the packets: from then on they were as small as it wants them."""

    ttl: int
    """The least TTL of which a packet met it."""
    sender: str | None
    mtu: int
    """Bytes of an IP packet."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace."""

    host: str
    """As it was given."""
    address: str
    method: TraceMethod
    port: int | None
    source: str
    source_port: int | None
    """None with ICMP, and with TCP, where each packet has its own."""
    size: int | None
    """Bytes of the first IP packets; None with TCP, whose SYNs are the kernel's."""
    started_at: int
    """Nanoseconds since the Unix epoch."""
    max_ttl: int
    tries: int
    """At most so many for each TTL."""
    wait: int
    """Nanoseconds that a reply is waited for."""
    sent: int
    ignored: int
    """Packets and errors that came in and are about no packet of ours."""
    whole: bool
    """False: it was broken off."""
    hops: tuple[Hop, ...]
    """From TTL 1 on without gaps, up to the end of the path; none behind it."""
    limits: tuple[Limit, ...] = ()
    unplaced: tuple[Reply, ...] = ()
    """Replies that quote too little to tell at which hop."""

    @property
    def end(self) -> TraceEnd:
        """How the path ends. The target is reached also where nothing says at which hop it is."""
        kinds = self.hops[-1].replies if self.hops else ()
        ends = [reply for reply in kinds if reply.kind is not ReplyKind.TIME_EXCEEDED]
        if any(self.from_target(reply) for reply in ends):
            return TraceEnd.REACHED
        if ends:
            return TraceEnd.UNREACHABLE
        reached = any(self.from_target(reply) for reply in self.unplaced)
        return TraceEnd.REACHED if reached else TraceEnd.SILENT

    def from_target(self, reply: Reply) -> bool:
        """Whether it shows that the packet has reached the target."""
        if reply.kind in _OF_THE_TARGET:
            return reply.sender is not None and without_zone(reply.sender) == without_zone(self.address)
        return reply.kind in (ReplyKind.ANSWERED, ReplyKind.REFUSED)


def check_trace(trace: Trace, path: str = "trace") -> None:
    """Raise ContractError for what is out of bounds or contradicts itself: rules of writer and reader."""
    check_text(trace.host, path, "host")
    for key, value in (("address", trace.address), ("source", trace.source)):
        if canonical_address(value) != value:
            raise ContractError(f"{path}.{key}: not an IP address in its canonical form")
    for key, number, least, most in (
        ("startedAt", trace.started_at, 0, MAX_INSTANT),
        ("maxTTL", trace.max_ttl, 1, MAX_HOPS),
        ("tries", trace.tries, 1, MAX_TRIES),
        ("wait", trace.wait, 1, DAY_MS * 1_000_000),
        ("sent", trace.sent, 0, MAX_PACKETS),
        ("ignored", trace.ignored, 0, MAX_IGNORED),
    ):
        _within(number, f"{path}.{key}", least, most)
    for key, known in (("port", trace.port), ("sourcePort", trace.source_port), ("size", trace.size)):
        if known is not None:
            _within(known, f"{path}.{key}", 1, 65_535)
    if (trace.port is None) is not (trace.method is TraceMethod.ICMP):
        raise ContractError(f"{path}.port: with UDP and TCP only, and always")
    if (trace.size is None) is not (trace.method is TraceMethod.TCP):
        raise ContractError(f"{path}.size: with UDP and ICMP only, and always")
    _check_hops(trace, path)
    _check_length(trace.limits, f"{path}.limits", MAX_LIMITS)
    for i, limit in enumerate(trace.limits):
        _within(limit.ttl, f"{path}.limits[{i}].ttl", 1, trace.max_ttl)
        _within(limit.mtu, f"{path}.limits[{i}].mtu", 1, (trace.size or MAX_MTU) - 1)
        _check_sender(limit.sender, f"{path}.limits[{i}]")
    _check_length(trace.unplaced, f"{path}.unplaced", MAX_UNPLACED)
    for i, reply in enumerate(trace.unplaced):
        _check_reply(reply, f"{path}.unplaced[{i}]")


def _check_hops(trace: Trace, path: str) -> None:
    _check_length(trace.hops, f"{path}.hops", trace.max_ttl)
    for i, hop in enumerate(trace.hops):
        where = f"{path}.hops[{i}]"
        if hop.ttl != i + 1:
            raise ContractError(f"{where}.ttl: {hop.ttl}, where {i + 1} comes next")
        _within(hop.tries, f"{where}.tries", 0, MAX_TRIES + 1)
        _check_length(hop.replies, f"{where}.replies", MAX_REPLIES)
        for j, reply in enumerate(hop.replies):
            _check_reply(reply, f"{where}.replies[{j}]")
            if reply.kind is not ReplyKind.TIME_EXCEEDED and hop is not trace.hops[-1]:
                raise ContractError(f"{where}.replies[{j}].kind: {reply.kind} ends a path that goes on")


def _check_reply(reply: Reply, path: str) -> None:
    _check_sender(reply.sender, path)
    if reply.rtt is not None:
        _within(reply.rtt, f"{path}.rtt", 0, MAX_RTT)
    if reply.ttl is not None:
        _within(reply.ttl, f"{path}.ttl", 0, 255)
    if reply.name is not None:
        check_text(reply.name, path, "name")
    _check_length(reply.labels, f"{path}.labels", MAX_LABELS)
    for i, label in enumerate(reply.labels):
        _within(label.label, f"{path}.labels[{i}].label", 0, 2**20 - 1)
        _within(label.traffic_class, f"{path}.labels[{i}].trafficClass", 0, 7)
        _within(label.ttl, f"{path}.labels[{i}].ttl", 0, 255)


def _check_sender(sender: str | None, path: str) -> None:
    if sender is not None and canonical_address(sender) != sender:
        raise ContractError(f"{path}.from: not an IP address in its canonical form")


def _check_length(items: tuple[object, ...], path: str, most: int) -> None:
    if len(items) > most:
        raise ContractError(f"{path}: {len(items)} items, at most {most} are allowed")


def _within(number: int, path: str, least: int, most: int) -> None:
    if not least <= number <= most:
        raise out_of_range(number, path, least, most)
