"""What is said where several causes are left: what they have in common, and the test that halves them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from .catalogue import ROWS
from .cause import Cause, Place, Step
from .finding import Umbrella
from .symptom import SymptomKind

TITLES: Mapping[Umbrella, str] = MappingProxyType(
    {
        Umbrella.NEAR_SIDE_SILENT: "our packets do not reach our own gateway, or it is down",
        Umbrella.TUNNEL_SILENT: "nothing comes back through the tunnel",
        Umbrella.TARGET_SILENT: "the tunnel carries packets, but the target does not answer",
        Umbrella.METHOD_SILENT: "the target answers by some methods only",
        Umbrella.PACKETS_LOST: "packets are lost",
        Umbrella.RATE_DEPENDENT_LOSS: "packets are lost above a certain rate",
        Umbrella.FIRST_PACKETS_LOST: "the first packets after a pause are lost",
        Umbrella.PATH_MTU_LOW: "the path MTU is smaller than it should be",
        Umbrella.LATENCY_HIGH: "the delay is higher than it was",
        Umbrella.RECURRING_OUTAGES: "outages recur at a regular period",
        Umbrella.UNEXPLAINED: "no known cause explains what was measured",
    }
)

BY_SYMPTOM: Mapping[SymptomKind, Umbrella] = MappingProxyType(
    {
        SymptomKind.TARGET_SILENT_EVERYWHERE: Umbrella.TARGET_SILENT,
        SymptomKind.METHOD_SILENT: Umbrella.METHOD_SILENT,
        SymptomKind.LOSS: Umbrella.PACKETS_LOST,
        SymptomKind.BULK: Umbrella.PACKETS_LOST,
        SymptomKind.FIRST_LOST: Umbrella.FIRST_PACKETS_LOST,
        SymptomKind.MTU_LOWER: Umbrella.PATH_MTU_LOW,
        SymptomKind.MTU_UNTOLD: Umbrella.PATH_MTU_LOW,
        SymptomKind.QUEUE: Umbrella.LATENCY_HIGH,
        SymptomKind.SLOWER: Umbrella.LATENCY_HIGH,
        SymptomKind.RECURRING: Umbrella.RECURRING_OUTAGES,
    }
)
"""The silence of the target and of controls is told by how far packets get instead."""
BY_OUR_GATEWAY: Mapping[bool, tuple[str, Step]] = MappingProxyType(
    {
        True: (
            "nothing comes back through the tunnel; our gateway has an SA to send with",
            Step(
                machine="the far gateway",
                command="ip -s xfrm state",
                look="an SA from our gateway that counts during ipsecping ping {address} -c 40 on the "
                "prober. If so: sysctl {forwarding}, the way back. If not: on our gateway its SPI differs, "
                "or it counts none either (ip xfrm policy); else ESP is blocked",
            ),
        ),
        False: (
            "nothing comes back through the tunnel; our gateway does not encrypt",
            Step(
                machine="our gateway",
                command="ip xfrm policy list dir out",
                look="of the policies that cover {source} to {address}, the one with the lowest priority "
                "number. None, or another tunnel's: that is the fault. This tunnel's: it has no SA "
                "(swanctl --list-sas, the daemon's log), or our packets do not arrive",
            ),
        ),
    }
)
"""Title and next step of TunnelSilent where it is known whether our gateway has an SA to send with."""
NOT_SEEN_TO_ARRIVE: tuple[str, Step] = (
    "nothing comes back through the tunnel; our packets do not reach our gateway, or it does not encrypt "
    "them",
    Step(
        machine="our gateway",
        command="tcpdump -n -i any host {address}",
        look="packets while ipsecping ping {address} -c 40 runs on the prober. If they arrive, no policy (ip "
        "xfrm policy) or SA (swanctl --list-sas) takes them. If not: ip route get {address} on the pod's "
        "node, kubectl get networkpolicy -A",
    ),
)
"""The same of a gateway that does not encrypt, where nothing shows that our packets get to it."""
HALVED = frozenset(
    {
        Umbrella.NEAR_SIDE_SILENT,
        Umbrella.TUNNEL_SILENT,
        Umbrella.TARGET_SILENT,
        Umbrella.METHOD_SILENT,
        Umbrella.RATE_DEPENDENT_LOSS,
    }
)
"""For these there is a step that halves what is left; for others that of the first cause is as good."""

STEPS: Mapping[Umbrella, Step] = MappingProxyType(
    {
        Umbrella.NEAR_SIDE_SILENT: Step(
            machine="the pod's node",
            command="ping -c 3 {near_inside}",
            look="an answer: a policy blocks the pod's packets (kubectl get networkpolicy -A). No answer: "
            "the route (ip route get {address}) or the gateway itself is at fault",
        ),
        Umbrella.TUNNEL_SILENT: Step(
            machine="our gateway",
            command="ip -s xfrm state",
            look="an SA to {gateway} that counts packets while ipsecping ping {address} -c 40 runs on the "
            "prober. It counts none: packets bypass it (ip xfrm policy) or do not arrive. No SA, or the "
            "one back counts none: the tunnel is broken; look on the far gateway too",
        ),
        Umbrella.TARGET_SILENT: Step(
            machine="the far gateway",
            command="ping -c 5 {address}",
            look="an answer: the host is up, and forwarding (sysctl {forwarding}), a firewall or the host's "
            "route back to {source} is at fault. No answer: the host is down, or this gateway has no route "
            "to it (ip route get {address})",
        ),
        Umbrella.METHOD_SILENT: Step(
            machine="the target's host",
            command="tcpdump -n -i any src {source}",
            look="packets of the silent method. None: a firewall on the way (nft list ruleset on the far "
            "gateway). They arrive: this host's firewall, or the responder (ss -lntu; its --allow, its "
            "keys)",
        ),
        Umbrella.PACKETS_LOST: Step(
            machine="this machine (in a cluster: the probe pod)",
            command="ipsecping ping {near_inside} {far_inside} {address} -c 400 -i 50ms -q",
            look="the first of them that loses packets: the fault is on our side, between the gateways, or "
            "behind the far one",
        ),
        Umbrella.RATE_DEPENDENT_LOSS: Step(
            machine="this machine (in a cluster: the probe pod)",
            command="ipsecping ping {far_inside} {address} -c 200 -i 10ms -q",
            look="whether both lose packets, and neither with -i 200ms: a limit of the line. Only the "
            "target: its own limit, such as --rate of the reflector or one on ICMP; then send more slowly",
        ),
        Umbrella.UNEXPLAINED: Step(
            machine="this machine (in a cluster: the probe pod)",
            command="ipsecping ping {address} -c 100 -i 100ms",
            look="whether it persists: then diagnose again, with more control addresses",
        ),
    }
)


def title_of(umbrella: Umbrella, causes: Iterable[Cause], *, encapsulates: bool | None) -> str:
    """Return what the causes have in common; `encapsulates`: what is known of our gateway."""
    known = _of_our_gateway(umbrella, causes, encapsulates=encapsulates)
    return TITLES[umbrella] if known is None else known[0]


def step_of(umbrella: Umbrella, causes: Iterable[Cause], *, encapsulates: bool | None) -> Step:
    """Return the step that halves what is left. Raises KeyError for one that has none."""
    known = _of_our_gateway(umbrella, causes, encapsulates=encapsulates)
    return STEPS[umbrella] if known is None else known[1]


def _of_our_gateway(
    umbrella: Umbrella, causes: Iterable[Cause], *, encapsulates: bool | None
) -> tuple[str, Step] | None:
    if umbrella is not Umbrella.TUNNEL_SILENT or encapsulates is None:
        return None
    if not encapsulates and any(ROWS[cause].place < Place.NEAR_GATEWAY for cause in causes):
        return NOT_SEEN_TO_ARRIVE
    return BY_OUR_GATEWAY[encapsulates]


def region(causes: frozenset[Cause]) -> str:
    """Return where on the way they are, for a person."""
    places = sorted({ROWS[cause].place for cause in causes})
    if not places:
        return "unknown"
    if len(places) == 1:
        return places[0].said
    first, last = (_END.get(place, place.said) for place in (places[0], places[-1]))
    return f"anywhere from {first} to {last}"


_END = {Place.BETWEEN_GATEWAYS: "the line between the gateways"}
