"""The result: what one round of one probe measured. Its rules are in rules.py, its JSON in result_json.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from .check import CheckRef, LossReason, ProbeType
from .figure import NO_FIGURES, F, Figure, FigureType, figure_in
from .histogram import Histogram
from .refused_packets import RefusedPackets

NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""Of what a result keeps by name, none; one for all."""


class ClockSource(StrEnum):
    """Where the send and receive timestamps of the RTT come from."""

    KERNEL = "Kernel"
    """Both by the kernel (SO_TIMESTAMPING; for a TCP connect the TCP stack's own measure, TCP_INFO)."""
    MIXED = "Mixed"
    """Some by the kernel, some read by the prober around the system call."""
    USER = "User"
    """All read by the prober: includes its own scheduling delay."""


class Invalidity(StrEnum):
    """Why a round says nothing about the path: the prober itself was at fault, or not allowed to measure."""

    LATE_TICKS = "LateTicks"
    """Packets left too late for the spacing asked for."""
    LOCAL_SEND_FAILED = "LocalSendFailed"
    """ENOBUFS or ENOMEM on send."""
    RECEIVE_QUEUE_DROPS = "ReceiveQueueDrops"
    """The socket's receive queue overflowed (SO_MEMINFO)."""
    CPU_THROTTLED = "CPUThrottled"
    """The cgroup's CPU limit held the prober back while packets were due."""
    TIMESTAMPS_MISSING = "TimestampsMissing"
    """The kernel left out timestamps that it gives as a rule."""
    KEY_MISSING = "KeyMissing"
    """The file of keys or of authorities' certificates that the plan names is absent, empty or malformed."""
    KEY_NOT_PERMITTED = "KeyNotPermitted"
    """A key is not in the marked form that the plan asks for (see `StampOptions.marked_keys`)."""
    NOT_PERMITTED = "NotPermitted"
    """The target's address is not among those that the plan allows; nothing was sent."""
    PING_FORBIDDEN = "PingForbidden"
    """The prober's group may not open ping sockets (net.ipv4.ping_group_range); nothing was sent."""
    SOCKET_UNAVAILABLE = "SocketUnavailable"
    """This host gives no socket, or not the option that the probe needs; the log names the call. Nothing was
    sent."""
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    """This host has not the source address, interface or port that the plan names; nothing was sent."""
    NO_SUCH_NAME = "NoSuchName"
    """The resolver says that the target's name does not exist or has no address; nothing was sent."""
    RESOLVER_FAILED = "ResolverFailed"
    """The resolver did not answer or could not tell, and no earlier answer is left; nothing was sent."""
    INTERNAL_ERROR = "InternalError"
    """The prober failed; its log says how."""
    RESULT_REFUSED = "ResultRefused"
    """What the prober measured breaks the rules that its reader has for results; its log says which."""

    @property
    def unresolved(self) -> bool:
        """Whether it is for want of an address: neither the prober nor the path is at fault."""
        return self in (Invalidity.NO_SUCH_NAME, Invalidity.RESOLVER_FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """One round of one probe. Durations in nanoseconds, times in nanoseconds since the Unix epoch.

    `sent` counts attempts: a packet that the path refused (ENETUNREACH, ...) was sent and lost.
    `sent - received == sum(losses.values())`. Directions (`forward_lost`, `reverse_lost`) are None where
    they cannot be known; where known, they add up to the packets that left and were not answered in time.
    Where they are not, `min_forward_lost` and `min_reverse_lost` tell how many at the least went each way.
    Jitter is the mean of |RTT(i) - RTT(i-1)| over packets answered in succession (the IPDV of RFC 3393
    applied to round trips): its sum and count are kept, so that rounds can be added.
    """

    check: CheckRef
    probe: str
    type: ProbeType
    started_at: int
    duration: int
    sent: int
    received: int
    duplicates: int = 0
    reordered: int = 0
    forward_lost: int | None = None
    reverse_lost: int | None = None
    min_forward_lost: int = 0
    min_reverse_lost: int = 0
    losses: Mapping[LossReason, int] = field(default_factory=lambda: NOTHING)
    rtt: Histogram = field(default_factory=Histogram)
    jitter_sum: int = 0
    jitter_count: int = 0
    clock: ClockSource = ClockSource.USER
    remote_ip: str | None = None
    addresses: int | None = None
    """How many the target had in the round, of which `remote_ip` is one; None where one alone is measured."""
    address_age: int | None = None
    """How long ago the resolver told `remote_ip`, where it has failed since; None where it has not."""
    invalid: Invalidity | None = None
    run_now: str | None = None
    """Of an extra round: the word in the plan that asked for it."""
    figures: Mapping[str, Figure] = field(default_factory=lambda: NO_FIGURES)
    """What only probes of its type measure, by `Figure.name`."""
    answers: str | None = field(default=None, compare=False)
    """Of a round that lost packets, one character each in the order of sending, 1 answered; None: nothing was
    lost, or it is not known. Stays in the process that measured it."""
    refused: tuple[RefusedPackets, ...] = field(default=(), compare=False)
    """The packets that somebody refused, by whom. Stays in the process that measured it."""

    def figure(self, kind: FigureType[F]) -> F | None:
        """Return its figure of this class, None where it has none."""
        return figure_in(self.figures, kind)
