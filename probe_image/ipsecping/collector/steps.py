"""What a diagnosis may measure, and what each step may cost. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ..addresses import is_ipv6
from ..contract import Family, ProbeType
from ..contract.bounds import MAX_CLOSING
from ..diagnosis.evidence import Part
from ..probes.mtu_run import ICMP_PAIR_SPACING

SECOND = 1_000_000_000
MAX_PACKETS = 1000
"""Of one diagnosis, whatever it finds."""
MAX_BITS_PER_SECOND = 1_000_000
MAX_TIME = 30 * SECOND
TIMEOUT_MS = 1000
TRACE_TTL, TRACE_TRIES, TRACE_WAIT = 12, 2, SECOND
TRACE_TIME = 7 * SECOND
MTU_PACKETS, MTU_ATTEMPTS, MTU_TIME = 60, 4, 5 * SECOND
MTU_HIGH, MTU_SMALL = 1500, 128
IKE_PACKETS, IKE_TIME = 6, 2 * SECOND
_IP = {False: 20, True: 40}
_TCP_SYN, _DATAGRAM_HEADER = 40, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to ask the target."""

    type: ProbeType
    port: int | None = None
    assumed: bool = False
    """Nobody said that the target answers by it: silence says nothing, and is left out of the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be diagnosed."""

    host: str
    methods: tuple[Method, ...]
    controls: Mapping[Part, str] = field(default_factory=lambda: MappingProxyType({}))
    """Addresses by part, of FarInside, NearInside and Gateway."""
    inside: tuple[str, ...] = ()
    underlay: tuple[str, ...] = ()
    """Networks, as in Expected."""
    family: Family | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """Equal packets to one address. With part Flows each source port is a batch, else all are one."""

    part: Part
    method: Method
    address: str
    count: int
    spacing_ms: int
    payload: int
    """Bytes of UDP or ICMP payload; 0 with TCP."""
    dscp: int = 0
    flows: int = 1
    window: int = 1
    timeout_ms: int = TIMEOUT_MS
    """So long an answer is waited for."""

    @property
    def size(self) -> int:
        """Bytes of an IP packet."""
        header = _IP[is_ipv6(self.address)]
        tcp = self.method.type == ProbeType.TCP
        return header + (_TCP_SYN if tcp else _DATAGRAM_HEADER + self.payload)

    @property
    def packets(self) -> int:
        """At most so many."""
        closing = MAX_CLOSING if self.method.type == ProbeType.STAMP else 0
        return (self.count + closing) * self.flows

    @property
    def bits_per_second(self) -> int:
        """While it lasts."""
        return self.size * 8 * self.flows * 1000 // self.spacing_ms

    @property
    def time(self) -> int:
        """At most, with what is waited for in the end, nanoseconds."""
        return ((self.count + MAX_CLOSING) * self.spacing_ms + self.timeout_ms) * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """The hops of the packets of one method."""

    method: Method
    address: str
    packets: int = TRACE_TTL * TRACE_TRIES
    time: int = TRACE_TIME
    bits_per_second: int = TRACE_TTL * TRACE_TRIES * 100 * 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MtuStep:
    """A search for the path MTU."""

    method: Method
    address: str
    packets: int = MTU_PACKETS + MTU_ATTEMPTS
    time: int = MTU_TIME + MTU_ATTEMPTS * SECOND // 5 + 2 * SECOND

    @property
    def bits_per_second(self) -> int:
        """Every other packet is small. By ICMP there are 20 a second, else all may come in one."""
        packets = MTU_PACKETS if self.method.port is not None else 2 * SECOND // ICMP_PAIR_SPACING
        return packets * (MTU_HIGH + MTU_SMALL) // 2 * 8


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeStep:
    """A request to the gateway's IKE daemon on both of its ports."""

    address: str
    packets: int = IKE_PACKETS
    time: int = IKE_TIME
    bits_per_second: int = 12_000


Step = Train | TraceStep | MtuStep | IkeStep


class StageName(StrEnum):
    """What is found out; the word that progress is told with."""

    LOOK = "a first look"
    FLOWS = "does loss depend on the source port?"
    CLASSES = "does it depend on DSCP?"
    LOW_RATE = "does it depend on the rate? a low one"
    RATE = "and a high one"
    CONFIRM = "a second look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Steps done at the same time."""

    name: StageName
    steps: tuple[Step, ...]
    not_before: int = 0
    """Nanoseconds after the beginning of the diagnosis."""

    @property
    def packets(self) -> int:
        """At most so many."""
        return sum(step.packets for step in self.steps)

    @property
    def time(self) -> int:
        """At most, nanoseconds."""
        return max((step.time for step in self.steps), default=0)

    @property
    def bits_per_second(self) -> int:
        """At most, all steps together."""
        return sum(step.bits_per_second for step in self.steps)
