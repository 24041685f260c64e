"""A fact: what the evidence says to one question, yes, no or unknown, with the numbers that say so."""

from dataclasses import dataclass
from enum import StrEnum

from ..contract import ProbeType


class FactName(StrEnum):
    """The questions. Each is asked of certain parts of the evidence, and unknown without one of them."""

    PROBER_UNFIT = "ProberUnfit"
    NAME_FAILED = "NameFailed"
    ADDRESS_CHANGED = "AddressChanged"
    ELSEWHERE_ANSWERS = "ElsewhereAnswers"
    REFUSED_HERE = "RefusedHere"
    NO_ROUTE_HERE = "NoRouteHere"
    NEAR_GATEWAY_ANSWERS = "NearGatewayAnswers"
    REACHES_NEAR_GATEWAY = "ReachesNearGateway"
    GATEWAY_ENCAPSULATES = "GatewayEncapsulates"
    """Our gateway has an SA to send packets to the target with."""
    GATEWAY_ANSWERS = "GatewayAnswers"
    GATEWAY_UNREACHABLE = "GatewayUnreachable"
    IKE_ANSWERS = "IkeAnswers"
    NAT_ON_THE_WAY = "NatOnTheWay"
    FAR_GATEWAY_ANSWERS = "FarGatewayAnswers"
    FAR_NETWORK_ANSWERS = "FarNetworkAnswers"
    """The far gateway's inside address is in the target's own network, and answers."""
    NEIGHBOUR_ANSWERS = "NeighbourAnswers"
    SAME_TARGET_ANSWERS = "SameTargetAnswers"
    """By another path."""
    ANOTHER_METHOD_ANSWERS = "AnotherMethodAnswers"
    METHOD_KNOWN_TO_ANSWER = "MethodKnownToAnswer"
    """All methods are silent, and there are two at least of which it is known that they were answered
    before."""
    REFUSED_BY_TARGET = "RefusedByTarget"
    HOST_UNREACHABLE = "HostUnreachable"
    PROHIBITED_BY_FAR_GATEWAY = "ProhibitedByFarGateway"
    PROHIBITED_ON_THE_WAY = "ProhibitedOnTheWay"
    ROUTING_LOOPS = "RoutingLoops"
    REQUESTS_ARRIVE = "RequestsArrive"
    RESPONDER_KEEPS_UP = "ResponderKeepsUp"
    MISANSWERED = "Misanswered"
    LOSS_BY_FLOW = "LossByFlow"
    LOSS_BY_CLASS = "LossByClass"
    LOSS_OF_OWN_CLASS = "LossOfOwnClass"
    """The class that loses more is the one that the target is asked in."""
    LOSS_BY_RATE = "LossByRate"
    LOSS_BELOW_RATE = "LossBelowRate"
    """Beside what a rate costs, packets are lost below it, which no limit above it explains."""
    LOST_IN_OUTAGES = "LostInOutages"
    DELAY_BY_RATE = "DelayByRate"
    STALLED_TOGETHER = "StalledTogether"
    CONTROL_KEEPS_UP = "ControlKeepsUp"
    DELAY_VARIES = "DelayVaries"
    ONE_METHOD_LOSES = "OneMethodLoses"
    NEAR_GATEWAY_LOSES = "NearGatewayLoses"
    FAR_GATEWAY_CLEAN = "FarGatewayClean"
    GATEWAY_LOSES = "GatewayLoses"
    LARGE_LOST_UNTOLD = "LargeLostUntold"
    LARGE_REFUSED_TOLD = "LargeRefusedTold"
    PATH_MTU_AS_WANTED = "PathMTUAsWanted"
    FRAGMENTS_LOST = "FragmentsLost"
    DELAY_STEPPED = "DelayStepped"
    SOURCE_DIFFERS = "SourceDiffers"
    SEEN_IN_CLEAR = "SeenInClear"
    FIRST_LOST_BACK = "FirstLostBack"
    """The first packets after a pause are lost on the way back."""


class Refused(StrEnum):
    """What an ICMP error says beyond the cause that it proves: which place to look at first."""

    BY_OUR_GATEWAY = "ByOurGateway"
    """The packets have got to our gateway, and no further."""
    WITHOUT_ROUTE = "WithoutRoute"
    BY_A_RULE = "ByARule"


@dataclass(frozen=True, slots=True)
class Fact:
    """The answer to one question."""

    value: bool | None
    """None: unknown."""
    text: str
    """With numbers and a place; of an unknown one what was not tested."""
    methods: frozenset[ProbeType] | None = None
    """Those whose losses it accounts for; None: of all. One ICMP error stands for all packets of its
    method, as routers and hosts limit their rate (RFC 1812 section 4.3.2.8, RFC 4443 section 2.4)."""
    refused: Refused | None = None
    """Of a refusal by one kind of error or one sender."""
    cut_short: bool = False
    """It rests on ICMP errors alone that quote too little of our packets (PathError.cut_short)."""


def unknown(text: str) -> Fact:
    """Return a fact that is not known, and why."""
    return Fact(None, text)
