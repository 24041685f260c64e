"""The form of the fault dictionary: a cause, what it explains, what proves it and what rules it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from ..contract.diagnosis_terms import Direction
from .fact import FactName, Refused
from .symptom import SymptomKind


class Cause(StrEnum):
    """What may be at fault. The names are those of conditions, events and metrics."""

    MEASUREMENT_INVALID = "MeasurementInvalid"
    NAME_RESOLUTION_FAILED = "NameResolutionFailed"
    LOCAL_POLICY_DENIED = "LocalPolicyDenied"
    NEAR_ROUTING_WRONG = "NearRoutingWrong"
    NEAR_GATEWAY_DOWN = "NearGatewayDown"
    NEAR_NETWORK_LOSS = "NearNetworkLoss"
    LEAVES_IN_CLEAR = "LeavesInClear"
    SOURCE_TRANSLATED = "SourceTranslated"
    SELECTOR_MISMATCH = "SelectorMismatch"
    POLICY_CONFLICT = "PolicyConflict"
    SA_MISSING = "SaMissing"
    IKE_UNREACHABLE = "IkeUnreachable"
    IKE_AUTH_FAILED = "IkeAuthFailed"
    IKE_PROPOSAL_MISMATCH = "IkeProposalMismatch"
    IKE_FRAGMENTS_LOST = "IkeFragmentsLost"
    REKEY_BROKEN = "RekeyBroken"
    ESP_BLOCKED = "EspBlocked"
    ESP_AUTH_FAILED = "EspAuthFailed"
    SA_OUT_OF_SYNC = "SaOutOfSync"
    REPLAY_DROPPED = "ReplayDropped"
    SA_EXHAUSTED = "SaExhausted"
    NAT_MAPPING_LOST = "NatMappingLost"
    OFFLOAD_FAULT = "OffloadFault"
    MTU_BLACK_HOLE = "MtuBlackHole"
    MTU_REDUCED = "MtuReduced"
    FRAGMENTS_DROPPED = "FragmentsDropped"
    UNDERLAY_DOWN = "UnderlayDown"
    UNDERLAY_LOSS = "UnderlayLoss"
    PATH_LONGER = "PathLonger"
    CONGESTED = "Congested"
    RATE_LIMITED = "RateLimited"
    FLOW_DEPENDENT_LOSS = "FlowDependentLoss"
    CLASS_DEPENDENT_LOSS = "ClassDependentLoss"
    ROUTING_LOOP = "RoutingLoop"
    FAR_GATEWAY_DROPS = "FarGatewayDrops"
    RETURN_PATH_BROKEN = "ReturnPathBroken"
    FAR_NETWORK_LOSS = "FarNetworkLoss"
    FAR_HOST_DOWN = "FarHostDown"
    PROTOCOL_FILTERED = "ProtocolFiltered"
    RESPONDER_DOWN = "ResponderDown"
    RESPONDER_OVERLOADED = "ResponderOverloaded"
    SERVICE_FAULT = "ServiceFault"


class Place(IntEnum):
    """Where on the way from the prober to the target a cause is."""

    PROBER = 0
    NEAR_NETWORK = 1
    NEAR_GATEWAY = 2
    BETWEEN_GATEWAYS = 3
    FAR_GATEWAY = 4
    FAR_NETWORK = 5
    TARGET = 6

    @property
    def said(self) -> str:
        """For a person."""
        return _SAID[self]


_SAID = {
    Place.PROBER: "this prober or its host",
    Place.NEAR_NETWORK: "our side before the gateway",
    Place.NEAR_GATEWAY: "our gateway",
    Place.BETWEEN_GATEWAYS: "between the gateways",
    Place.FAR_GATEWAY: "the far gateway",
    Place.FAR_NETWORK: "the network behind the far gateway",
    Place.TARGET: "the target itself",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Symptoms that a cause explains, and what must not be known for that."""

    kinds: frozenset[SymptomKind]
    needs: tuple[FactName, ...] = ()
    """A No to any of them rules the cause out for these symptoms."""
    excludes: tuple[FactName, ...] = ()
    """A Yes to any of them does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do next: one command, the machine to type it on, and what to look for."""

    machine: str
    """{receiver} is the gateway that the packets of the affected direction arrive at."""
    command: str
    """With {names} of addresses in braces (report.py)."""
    look: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said in place of a row's own words, where the proof itself says more."""

    when: str
    """What it says, as a clause."""
    layer: str
    title: str
    meaning: str
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All that is known of one cause."""

    cause: Cause
    layer: str
    place: Place
    title: str
    """What is at fault, as the first line of a finding says it."""
    meaning: str
    told: str
    """How it is told from others without an observer on a gateway, and what cannot be told."""
    explains: tuple[Explanation, ...]
    proves: tuple[FactName, ...] = field(default=())
    """A Yes to one of them is proof, where the cause explains a symptom at all."""
    one_way: Direction | None = None
    """The only direction in which there can be such a thing."""
    on_the_way: bool = True
    """Whether it is about packets on their way at all, so that a direction means something."""
    step: Step
    told_by: Mapping[Refused, Told] = field(default_factory=dict)
    """What is said instead, by what a proof of it says."""

    def said(self, refused: Refused | None) -> "Row | Told":
        """Return who has layer, title, meaning and step: the row itself, where its proof says no more."""
        return self if refused is None else self.told_by.get(refused, self)


def explains(
    *kinds: SymptomKind, needs: tuple[FactName, ...] = (), excludes: tuple[FactName, ...] = ()
) -> Explanation:
    """Write an explanation of a row in one line."""
    return Explanation(kinds=frozenset(kinds), needs=needs, excludes=excludes)
