"""What a diagnosis may measure, and what each step may cost. Pure data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ..addresses import is_ipv6
from ..contract import METHODS, Family, Options, ProbeType, StampOptions
from ..contract.bounds import DIAGNOSIS_SECONDS, MAX_CLOSING
from ..diagnosis.evidence import Known, Part
from ..probes.mtu_run import ICMP_PAIR_SPACING

SECOND = 1_000_000_000
PAUSES = 5 * SECOND, 20 * SECOND, 60 * SECOND, 120 * SECOND
BURST, BURST_SPACING_MS = 6, 500
"""Packets after each pause: for longer than the start of an on-demand tunnel takes as a rule."""
PAUSES_TIME = 235 * SECOND
MAX_TIME = DIAGNOSIS_SECONDS * SECOND
TIMEOUT_MS = 1000
TRACE_TTL, TRACE_TRIES = 12, 2
TRACE_TIME = 7 * SECOND
MTU_PACKETS, MTU_ATTEMPTS, MTU_TIME = 92, 4, 11 * SECOND // 2
"""Each lost packet makes the search longer: of 5 % in one direction it ends with so many 99 times of 100."""
MTU_SPACING = SECOND // 5
"""Between the small packets that are sent until one is answered."""
MTU_HIGH, MTU_SMALL = 1500, 128
OVERSIZED_PACKETS, OVERSIZED_SPACING = 4, SECOND
"""So far apart that no limit of ICMP errors hides all of those that are due."""
IKE_PACKETS, IKE_TIME = 6, 2 * SECOND
DATAGRAMS = frozenset({ProbeType.STAMP, ProbeType.UDP_ECHO, ProbeType.ICMP})
TRACED = DATAGRAMS | {ProbeType.TCP}
_IP = {False: 20, True: 40}
_TCP_SYN, _DATAGRAM_HEADER = 40, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to ask the target."""

    type: ProbeType
    port: int | None = None
    assumed: bool = False
    """Nobody said that the target answers by it: silence says nothing, and is left out of the evidence."""
    options: Options | None = None
    """What the spec asks of the type; None: nothing, or the type has none."""
    dscp: int = 0
    source: str | None = None
    """Address of this host, or name of an interface, that packets leave from."""
    rounds_port: int | None = None
    """The one source port that rounds send from, and hold: packets from others need not be answered."""

    @property
    def is_datagram(self) -> bool:
        """Whether it is one packet there and one back."""
        return self.type in DATAGRAMS

    @property
    def converses(self) -> bool:
        """Whether each turn is a conversation, such as a handshake or a request: few of them have to do."""
        return not self.is_datagram and (self.type != ProbeType.TCP or self.options is not None)

    @property
    def signed(self) -> bool:
        """Whether packets are signed with a key."""
        return isinstance(self.options, StampOptions) and self.options.key_file is not None

    @property
    def packets(self) -> int:
        """On the wire in one turn, on the way there and at most."""
        return METHODS[self.type].traffic(self.options, 0, 1).packets if self.converses else 1

    @property
    def octets(self) -> int:
        """Bytes of these, of a conversation."""
        return METHODS[self.type].traffic(self.options, 0, 1).octets


_OPTIONS: Mapping[Part, str] = MappingProxyType(
    {Part.FAR_INSIDE: "--far-inside", Part.NEAR_INSIDE: "--near-inside", Part.GATEWAY: "--gateway"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be diagnosed."""

    host: str
    methods: tuple[Method, ...]
    controls: Mapping[Part, str] = field(default_factory=lambda: MappingProxyType({}))
    """Addresses by part, of FarInside, NearInside and Gateway."""
    control_names: Mapping[Part, str] = field(default_factory=lambda: _OPTIONS)
    """How whoever asks names them."""
    inside: tuple[str, ...] = ()
    underlay: tuple[str, ...] = ()
    """Networks, as in Expected."""
    family: Family | None = None
    long: bool = False
    """Also what pauses do."""
    path: str = "default"
    addresses: tuple[str, ...] | None = None
    """What the host stands for, the one to be measured first; None: it is looked up."""
    preferred: str | None = None
    """Of several addresses of a name the one to be measured, where the name still has it."""
    permits: Callable[[str], bool] = lambda _: True
    """Whether packets may be sent to an address."""
    known: Known = field(default_factory=Known)
    """What is known of the path from before."""
    addresses_before: tuple[str, ...] = ()
    """Those that the name had when the path was healthy."""

    @property
    def time(self) -> int:
        """At most, nanoseconds."""
        return MAX_TIME + PAUSES_TIME if self.long else MAX_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """Equal packets to one address. With part Flows each source port is a batch, else all are one."""

    part: Part
    method: Method
    address: str
    count: int
    spacing_ms: int
    payload: int
    """Bytes of UDP or ICMP payload; 0 with TCP and conversations."""
    dscp: int = 0
    flows: int = 1
    window: int = 1
    timeout_ms: int = TIMEOUT_MS
    """So long an answer is waited for."""

    @property
    def size(self) -> int:
        """Bytes of an IP packet."""
        header = _IP[is_ipv6(self.address)]
        return header + (_DATAGRAM_HEADER + self.payload if self.method.is_datagram else _TCP_SYN)

    @property
    def packets(self) -> int:
        """At most so many."""
        closing = MAX_CLOSING if self.method.type == ProbeType.STAMP else 0
        return (self.count + closing) * self.flows * self.method.packets

    @property
    def bits_per_second(self) -> int:
        """While it lasts."""
        octets = self.method.octets if self.method.converses else self.size
        return octets * 8 * self.flows * 1000 // self.spacing_ms

    @property
    def time(self) -> int:
        """At most, with what is waited for in the end, nanoseconds."""
        return ((self.count + MAX_CLOSING) * self.spacing_ms + self.timeout_ms) * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """The hops of the packets of one method."""

    method: Method
    address: str
    timeout_ms: int = TIMEOUT_MS
    """So long an answer is waited for, where the target's own has not shown that less will do."""
    time: int = TRACE_TIME
    bits_per_second: int = TRACE_TTL * TRACE_TRIES * 100 * 8

    @property
    def sends(self) -> int:
        """At most so many times each packet leaves: the kernel sends a SYN without an answer again."""
        return 2 if self.method.type == ProbeType.TCP else 1

    @property
    def packets(self) -> int:
        """At most so many."""
        return TRACE_TTL * TRACE_TRIES * self.sends


@dataclass(frozen=True, slots=True, kw_only=True)
class MtuStep:
    """A search for the path MTU."""

    method: Method
    address: str
    most: int = MTU_PACKETS
    """Packets of the search itself; with more it is given up."""
    within: int = MTU_TIME
    """Nanoseconds from its beginning on, after which no further size is tried."""
    timeout_ms: int = TIMEOUT_MS
    """So long an answer is waited for, until the first one has shown how long is enough."""

    @property
    def time(self) -> int:
        """At most, nanoseconds."""
        return self.within + self.timeout_ms * 1_250_000  # for the last size, whose answer may come late

    @property
    def packets(self) -> int:
        """At most so many."""
        return self.most + MTU_ATTEMPTS

    @property
    def bits_per_second(self) -> int:
        """Every other packet is small. By ICMP there are 20 a second, else all may come in one."""
        packets = self.most if self.method.port is not None else 2 * SECOND // ICMP_PAIR_SPACING
        return packets * (MTU_HIGH + MTU_SMALL) // 2 * 8


@dataclass(frozen=True, slots=True, kw_only=True)
class OversizedStep:
    """A few packets of the link's size with Don't Fragment, which our gateway should refuse as too big."""

    method: Method
    address: str
    packets: int = OVERSIZED_PACKETS
    time: int = OVERSIZED_PACKETS * OVERSIZED_SPACING
    bits_per_second: int = MTU_HIGH * 8 * SECOND // OVERSIZED_SPACING


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeStep:
    """A request to the gateway's IKE daemon on both of its ports."""

    address: str
    packets: int = IKE_PACKETS
    time: int = IKE_TIME
    bits_per_second: int = 12_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PausesStep:
    """Bursts of packets in one session, each after a longer pause."""

    train: Train
    """One burst."""
    pauses: tuple[int, ...] = (0, *PAUSES)
    """Nanoseconds before each."""

    @property
    def packets(self) -> int:
        """At most so many."""
        return self.train.packets * len(self.pauses)

    @property
    def time(self) -> int:
        """At most, nanoseconds."""
        return sum(self.pauses) + self.train.time * len(self.pauses)

    @property
    def bits_per_second(self) -> int:
        """While packets are sent."""
        return self.train.bits_per_second


Step = Train | TraceStep | MtuStep | OversizedStep | IkeStep | PausesStep


class StageName(StrEnum):
    """What is found out; the word that progress is told with."""

    LOOK = "a first look"
    SIZES = "the path MTU again, for which loss or late answers left too little"
    LOW_RATE = "does loss depend on the rate? a low one"
    RATE = "and a high one"
    PEAK_RATE = "and one as high as that of the first look"
    RATE_AGAIN = "and the high one again"
    CONTROL_RATE = "does the far gateway keep up with it?"
    CLASSES = "does it depend on DSCP?"
    FLOWS = "does it depend on the source port?"
    CONFIRM = "a second look"
    PAUSES = "bursts after pauses of 5, 20, 60 and 120 s: does a pause break something?"


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
