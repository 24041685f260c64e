"""The evidence of a diagnosis: what was measured of one path in some 30 seconds, and what was known before.

Pure data. Durations in nanoseconds, instants in nanoseconds since the Unix epoch, sizes in bytes. What is
absent was not tested, and `not_tested` says why. Its JSON is in evidence_json.py, its rules in
evidence_rules.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from ..contract import LossReason, ProbeType
from .refusal import PastError, PathError
from .too_big import OversizedFound, TooBig

VERSION = 1
MAX_BYTES = 256 * 1024
"""Of an evidence file."""
MAX_BATCHES = 128
MAX_PACKETS = 4000
"""Of all batches; a diagnosis sends at most 1,000."""
MAX_HOPS = 256
MAX_ROUNDS = 64
MAX_OUTAGES = 32
MAX_PATHS = 8
MAX_NETWORKS = 64
MAX_KINDS = 16
"""Senders of errors, sources or wrong answers that one batch names."""
NONE: Mapping[Any, Any] = MappingProxyType({})


class Part(StrEnum):
    """A part of the evidence: what may be tested or left out. A batch of packets names its part."""

    METHODS = "Methods"
    """The target, by each method of the check: what the diagnosis is about."""
    FAR_INSIDE = "FarInside"
    """The control address inside of the tunnel on the far gateway, or right behind it."""
    NEAR_INSIDE = "NearInside"
    """The control address on our own gateway, before the tunnel."""
    GATEWAY = "Gateway"
    """The far gateway's public address, outside of the tunnel."""
    NEIGHBOUR = "Neighbour"
    """Another host in the target's network."""
    ELSEWHERE = "Elsewhere"
    """A destination that this tunnel does not carry."""
    FLOWS = "Flows"
    """Equal packets from several source ports."""
    CLASSES = "Classes"
    """Equal packets with several DSCP code points."""
    RATES = "Rates"
    """Equal packets at a low and at a high rate."""
    CONTROL_RATE = "ControlRate"
    """Packets to the far gateway's inside address, of the size and the spacing of those at the high rate."""
    FRAGMENTS = "Fragments"
    """Packets larger than the path MTU, without Don't Fragment."""
    BULK = "Bulk"
    """As many large packets as the path MTU lets pass, in bursts, as a bulk transfer sends them."""
    IDLE = "Idle"
    """Packets after a pause that may end a NAT mapping or an on-demand SA."""
    PATH_MTU = "PathMTU"
    OVERSIZED = "Oversized"
    """Packets of the link's size with Don't Fragment, while the target is silent."""
    HOPS = "Hops"
    IKE = "IKE"
    NAMES = "Names"
    HOST = "Host"
    PATHS = "Paths"
    """The check's other paths, measured in the same instant."""
    REFLECTOR = "Reflector"
    """What the reflector itself has counted of our packets."""
    HISTORY = "History"
    BASELINE = "Baseline"
    """The same path when it was last healthy."""


PACKET_PARTS = frozenset({
    Part.METHODS, Part.FAR_INSIDE, Part.NEAR_INSIDE, Part.GATEWAY, Part.NEIGHBOUR, Part.ELSEWHERE, Part.FLOWS,
    Part.CLASSES, Part.RATES, Part.CONTROL_RATE, Part.FRAGMENTS, Part.BULK, Part.IDLE,
})  # fmt: skip
"""Those that consist of batches of packets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Packets that are alike, sent one after the other to one address, and what became of them."""

    part: Part
    type: ProbeType
    address: str
    window: int = 1
    """1 at first, 2 when it was done again at least 5 s later to confirm what decides."""
    at: int
    size: int
    """Of the IP packets."""
    spacing: int
    dscp: int = 0
    source_port: int | None = None
    idle: int | None = None
    """How long this diagnosis had sent nothing before the first packet; None: not long."""
    sent: int
    answered: int
    answers: str | None = None
    """One character a packet in the order of sending: 1 answered, 0 not."""
    late: str | None = None
    """As `answers`: 1 answered much later than others; None: none was."""
    forward_lost: int | None = None
    reverse_lost: int | None = None
    duplicates: int = 0
    reordered: int = 0
    rtt_min: int | None = None
    rtt_p50: int | None = None
    rtt_p90: int | None = None
    ttl_seen: int | None = None
    """TTL of our packets as the reflector saw it."""
    dscp_seen: int | None = None
    congestion_marks: int = 0
    """Packets that arrived with ECN CE (RFC 3168)."""
    sources: Mapping[str, int] = field(default_factory=lambda: NONE)
    """The source addresses of our packets as the reflector saw them, with the number of packets."""
    errors: tuple[PathError, ...] = ()
    misanswered: Mapping[LossReason, int] = field(default_factory=lambda: NONE)
    """Answers of the target that are wrong, by reason (`LossReason.misanswered`)."""

    @property
    def lost(self) -> int:
        """Packets without a good answer."""
        return self.sent - self.answered

    @property
    def span(self) -> int:
        """From the first packet to the last."""
        return max(self.sent - 1, 0) * self.spacing


class HopKind(StrEnum):
    """What was heard of a packet with a small TTL."""

    TIME_EXCEEDED = "TimeExceeded"
    REACHED = "Reached"
    UNREACHABLE = "Unreachable"
    PROHIBITED = "Prohibited"
    SILENT = "Silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """What answered our packets to the target with one TTL."""

    type: ProbeType
    ttl: int
    kind: HopKind
    address: str | None = None
    rtt: int | None = None
    quoted: bool = False
    """The error quotes so much of our packet that nobody could have made it who has not seen the packet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMtuFound:
    """What the search for the path MTU found, by direction."""

    forward: int | None
    """The largest packet that arrived at the target; None: none did, or it is not known."""
    reverse: int | None
    """The largest that came back, where larger ones had arrived; None: all that arrived came back."""
    forward_told: bool | None = None
    """A "packet too big" message came for what did not pass; None where nothing was too large."""
    reverse_told: bool | None = None
    too_big: TooBig | None = None
    """Who stated the limit of the way there."""


class IkeAnswer(StrEnum):
    """What a UDP port of the IKE daemon said."""

    ANSWERED = "Answered"
    SILENT = "Silent"
    REFUSED = "Refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeFound:
    """What the far gateway's IKE daemon answered to a stranger, by UDP port."""

    ports: Mapping[int, IkeAnswer]
    nat: bool | None = None
    """There is NAT on the way from here (RFC 7296 section 2.23)."""


class NameAnswer(StrEnum):
    """What became of looking up the target's name."""

    RESOLVED = "Resolved"
    ADDRESS = "Address"
    """The target is an address: there is nothing to look up."""
    NO_SUCH_NAME = "NoSuchName"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesFound:
    """The addresses of the target's name."""

    answer: NameAnswer
    now: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """Those of the last healthy round."""
    server: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFound:
    """Whether this host can measure, and how it is connected."""

    source: str | None = None
    """The address that packets to the target leave with."""
    link_mtu: int | None = None
    rounds: int = 0
    """Rounds that were looked at for `invalid`, the diagnosis's own batches included."""
    invalid: Mapping[str, int] = field(default_factory=lambda: NONE)
    """Rounds in which the prober itself was at fault, by reason (contract.Invalidity)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPath:
    """Another path of the check in the same instant."""

    name: str
    sent: int
    answered: int
    same_target: bool = False
    """It leads to the same host by another tunnel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectorFound:
    """What the reflector counted of our packets while the batches of the methods were under way."""

    expected: int
    """Packets that were sent to it meanwhile."""
    received: int
    answered: int
    dropped: int = 0
    """Packets that it refused or could not take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRound:
    """A round before the diagnosis."""

    at: int
    sent: int
    answers: str
    """As in Batch."""
    idle: int | None = None
    """How long nothing had been sent before its first packet."""
    spacing: int
    forward_lost: int | None = None
    reverse_lost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOutage:
    """An outage before the diagnosis."""

    start: int
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is known of the same path from when it was healthy."""

    at: int
    methods: frozenset[ProbeType] = frozenset()
    """Those that were answered."""
    controls: frozenset[Part] = frozenset()
    """Of FarInside, NearInside, Gateway, IKE and Neighbour: those that answered."""
    answered_at: Mapping[Part, int] = field(default_factory=lambda: NONE)
    """When those controls answered last, as far as it is known."""
    silent: frozenset[Part] = frozenset()
    """Controls that were asked while the path was healthy, and never answered: their silence says nothing."""
    ttl_seen: int | None = None
    rtt_min: int | None = None
    path_mtu: int | None = None
    too_big: TooBig | None = None
    """Who stated the limit of the way there, that of encryption as a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What others know of the path: how it was before, and how other paths are now; None: nothing."""

    rounds: tuple[PastRound, ...] | None = None
    outages: tuple[PastOutage, ...] | None = None
    baseline: Baseline | None = None
    paths: tuple[OtherPath, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the spec says of the path; None or empty: it does not."""

    sources: tuple[str, ...] = ()
    """Networks that our packets may come from, as the reflector sees them."""
    inside: tuple[str, ...] = ()
    """Networks on both sides of the tunnel."""
    underlay: tuple[str, ...] = ()
    """Networks between the gateways."""
    path_mtu: int | None = None
    """The least that is wanted."""
    rekey: int | None = None
    """How long a child SA lives before it is rekeyed."""
    controls: Mapping[Part, str] = field(default_factory=lambda: NONE)
    """The addresses of FarInside, NearInside, Gateway, Neighbour and Elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that one diagnosis rests on."""

    at: int
    path: str
    target: str
    """As the spec names it."""
    address: str | None
    """What was measured; None: the name has no address."""
    expected: Expected = field(default_factory=Expected)
    batches: tuple[Batch, ...] = ()
    hops: tuple[Hop, ...] | None = None
    path_mtu: PathMtuFound | None = None
    oversized: OversizedFound | None = None
    ike: IkeFound | None = None
    names: NamesFound | None = None
    host: HostFound | None = None
    paths: tuple[OtherPath, ...] | None = None
    reflector: ReflectorFound | None = None
    rounds: tuple[PastRound, ...] | None = None
    outages: tuple[PastOutage, ...] | None = None
    refused_before: tuple[PastError, ...] | None = None
    baseline: Baseline | None = None
    not_tested: Mapping[Part, str] = field(default_factory=lambda: NONE)
    """Why a part is absent."""

    def has(self, part: Part) -> bool:
        """Whether the part was tested."""
        if part in PACKET_PARTS:
            return any(batch.part is part for batch in self.batches)
        content = {
            Part.PATH_MTU: self.path_mtu,
            Part.OVERSIZED: self.oversized,
            Part.HOPS: self.hops,
            Part.IKE: self.ike,
            Part.NAMES: self.names,
            Part.HOST: self.host,
            Part.PATHS: self.paths,
            Part.REFLECTOR: self.reflector,
            Part.HISTORY: self.rounds if self.outages is None else self.outages,
            Part.BASELINE: self.baseline,
        }
        return content[part] is not None
