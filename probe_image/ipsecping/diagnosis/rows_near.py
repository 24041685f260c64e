"""Rows of the fault dictionary: the prober, names, our own side, policies."""

from ..contract.diagnosis_terms import Direction
from .cause import Cause, Place, Row, Step, Told, explains
from .fact import FactName as F
from .fact import Refused
from .symptom import SymptomKind as S

_ANY_LOSS = (S.LOSS, S.RATE_LOSS, S.FLOW_LOSS, S.CLASS_LOSS, S.METHOD_SILENT, S.BULK, S.QUEUE, S.SLOWER)
_SILENCE = (
    S.SILENT,
    S.NEAR_SILENT,
    S.FAR_SILENT,
    S.GATEWAY_SILENT,
    S.PATHS_SILENT,
    S.TARGET_SILENT_EVERYWHERE,
)
OF_OUR_GATEWAY = (S.SILENT, S.FAR_SILENT, S.PATHS_SILENT, S.TARGET_SILENT_EVERYWHERE)
"""What a fault of our gateway may silence: all of its tunnels at once."""
PAST_NODE = (
    F.REACHES_NEAR_GATEWAY,
    F.GATEWAY_ENCAPSULATES,
    F.FAR_GATEWAY_ANSWERS,
    F.NEIGHBOUR_ANSWERS,
    F.REQUESTS_ARRIVE,
)
"""What shows that packets leave our side."""

ROWS = (
    Row(
        cause=Cause.MEASUREMENT_INVALID,
        layer="measurement",
        place=Place.PROBER,
        title="the measurement itself is at fault, not the tunnel",
        meaning="The prober was held back, its host dropped packets, or the reflector could not keep up. So "
        "the measured losses and delays say nothing about the path.",
        told="The prober checks whether it keeps time, its CPU limit and its receive queues; the reflector "
        "counts what it drops. As long as one of them is not right, nothing else is judged.",
        explains=(explains(S.UNFIT, *_SILENCE, *_ANY_LOSS, needs=(F.PROBER_UNFIT,)),),
        proves=(F.PROBER_UNFIT,),
        on_the_way=False,
        step=Step(
            machine="any machine with kubectl",
            command="kubectl top pod --all-namespaces --selector app.kubernetes.io/name=ipsecping-probe",
            look="a prober at its CPU limit: raise spec.placement.resources and diagnose again. If the "
            "reason is neither CPUThrottled nor LateTicks, see docs/measurement.md",
        ),
    ),
    Row(
        cause=Cause.NAME_RESOLUTION_FAILED,
        layer="names",
        place=Place.PROBER,
        title="the target's name cannot be resolved, or resolves to another host",
        meaning="The name has no address, the resolver does not answer, or the name now stands for another "
        "host. A resolver behind this very tunnel cannot answer until the tunnel works.",
        told="The resolver's own answer, or an address that the last healthy round did not have.",
        explains=(
            explains(S.NAMELESS),
            explains(S.SILENT, S.METHOD_SILENT, S.TARGET_SILENT_EVERYWHERE, needs=(F.ADDRESS_CHANGED,)),
        ),
        proves=(F.NAME_FAILED,),
        on_the_way=False,
        step=Step(
            machine="this machine (in a cluster: the probe pod)",
            command="ipsecping ping {target} -c 1",
            look="an address in the far network. If there is none, ask whoever runs the resolver; if the "
            "resolver is behind this tunnel, put the address itself in spec.target",
        ),
    ),
    Row(
        cause=Cause.LOCAL_POLICY_DENIED,
        layer="near policy",
        place=Place.PROBER,
        title="a policy on this host or node forbids our packets",
        meaning="A NetworkPolicy or the node's firewall stops them before they reach the gateway.",
        told="Proven by EPERM or an ICMP error from our own side. A silent drop looks the same as wrong "
        "routing, unless a hop behind the node answers packets to the target.",
        explains=(
            explains(S.SILENT, S.FAR_SILENT, S.METHOD_SILENT, needs=(F.REFUSED_HERE,)),
            explains(
                S.SILENT,
                S.NEAR_SILENT,
                S.FAR_SILENT,
                S.PATHS_SILENT,
                S.TARGET_SILENT_EVERYWHERE,
                excludes=PAST_NODE,
            ),
        ),
        proves=(F.REFUSED_HERE,),
        one_way=Direction.FORWARD,
        step=Step(
            machine="any machine with kubectl",
            command="kubectl get networkpolicy --all-namespaces",
            look="an egress rule that does not allow {address}; then on the pod's node: nft list ruleset "
            "(drop, reject)",
        ),
        told_by={
            Refused.BY_OUR_GATEWAY: Told(
                when="our gateway's inside address says so",
                layer="our gateway",
                title="our own gateway refuses to forward our packets",
                meaning="They reach our gateway, but a rule of its firewall or a prohibiting route rejects "
                "them before the tunnel. If the gateway is the pod's own node, the rule may come from a "
                "NetworkPolicy.",
                step=Step(
                    machine="our gateway",
                    command="nft list ruleset",
                    look="a rule that rejects packets forwarded from {source} to {address}; if there is "
                    "none, a route that does so (ip route get {address})",
                ),
            )
        },
    ),
    Row(
        cause=Cause.NEAR_ROUTING_WRONG,
        layer="near routing",
        place=Place.NEAR_NETWORK,
        title="our own side does not route the packets to the IPsec gateway",
        meaning="The node or a router on our side has no route to the target, or one that does not lead to "
        "the gateway.",
        told="Proven by this host's own error (no route, a blackhole route, an IPsec policy without a "
        "security association) or an ICMP error from our own side. Ruled out if our gateway is among the "
        "hops.",
        explains=(
            explains(S.SILENT, S.FAR_SILENT, S.METHOD_SILENT, needs=(F.NO_ROUTE_HERE,)),
            explains(
                S.SILENT,
                S.NEAR_SILENT,
                S.FAR_SILENT,
                S.GATEWAY_SILENT,
                S.PATHS_SILENT,
                S.TARGET_SILENT_EVERYWHERE,
                excludes=PAST_NODE,
            ),
        ),
        proves=(F.NO_ROUTE_HERE,),
        one_way=Direction.FORWARD,
        step=Step(
            machine="the pod's node",
            command="ip route get {address}",
            look="the next hop must be our IPsec gateway ({near_inside}); if this host is that gateway, "
            "there is no blackhole route, and ip xfrm state shows its security associations",
        ),
        told_by={
            Refused.BY_OUR_GATEWAY: Told(
                when="our gateway's inside address says so",
                layer="our gateway",
                title="our own gateway does not route our packets into the tunnel",
                meaning="They reach our gateway, but no policy of the tunnel takes them and no route leads "
                "on: there is none, or it looks for the target on one of its own links.",
                step=Step(
                    machine="our gateway",
                    command="ip xfrm policy list dir out",
                    look="a policy that covers {source} to {address}. If there is none, the tunnel is down "
                    "or has other selectors. If there is one, ip route get {address} must lead out towards "
                    "the far gateway",
                ),
            )
        },
    ),
    Row(
        cause=Cause.NEAR_GATEWAY_DOWN,
        layer="near side",
        place=Place.NEAR_GATEWAY,
        title="our own IPsec gateway does not answer",
        meaning="It is off, disconnected from our side, or forwards nothing.",
        told="Its inside address, which is known to answer, is silent.",
        explains=(
            explains(
                S.SILENT,
                S.NEAR_SILENT,
                S.FAR_SILENT,
                S.GATEWAY_SILENT,
                S.PATHS_SILENT,
                S.TARGET_SILENT_EVERYWHERE,
                excludes=(*PAST_NODE, F.NEAR_GATEWAY_ANSWERS),
            ),
        ),
        on_the_way=False,
        step=Step(
            machine="our gateway",
            command="sysctl {forwarding}",
            look="whether the machine is up and forwarding is on (1)",
        ),
    ),
    Row(
        cause=Cause.NEAR_NETWORK_LOSS,
        layer="near side",
        place=Place.NEAR_NETWORK,
        title="packets are lost on our own side, before the tunnel",
        meaning="A link, a switch or a host between the prober and our gateway drops them.",
        told="Our gateway's inside address loses as large a share of packets as the target. If only one "
        "method loses packets, it is a filter or the responder instead.",
        explains=(
            explains(
                S.LOSS,
                needs=(F.NEAR_GATEWAY_LOSES,),
                excludes=(F.ONE_METHOD_LOSES, F.FAR_GATEWAY_CLEAN),
            ),
        ),
        step=Step(
            machine="the pod's node",
            command="ip -s link",
            look="errors or drops that increase on the interface towards our gateway; then check the switch "
            "port",
        ),
    ),
    Row(
        cause=Cause.LEAVES_IN_CLEAR,
        layer="policy",
        place=Place.NEAR_GATEWAY,
        title="our packets travel unencrypted between the gateways",
        meaning="They do not match the tunnel's policy because of a wrong selector, a bypass, address "
        "translation or routing, and are forwarded as they are. Anybody on the way can read and change "
        "them.",
        told="A router between the gateways quotes our inner packet in its ICMP error, so it has seen it. If "
        "no router does so, this proves nothing.",
        explains=(explains(S.IN_CLEAR),),
        proves=(F.SEEN_IN_CLEAR,),
        one_way=Direction.FORWARD,
        step=Step(
            machine="our gateway",
            command="ip xfrm policy list dir out",
            look="a policy with esp that covers {source} to {address}, and no other policy before it",
        ),
    ),
    Row(
        cause=Cause.SOURCE_TRANSLATED,
        layer="near NAT",
        place=Place.NEAR_GATEWAY,
        title="our source address is translated before encryption",
        meaning="Masquerading changes the source, so the tunnel's selector no longer matches, or the far "
        "side sees the gateway's address instead of the pod's.",
        told="Proven if packets arrive and the reflector sees another source. If nothing arrives, it looks "
        "the same as a wrong selector.",
        explains=(
            explains(S.SOURCE),
            explains(
                *OF_OUR_GATEWAY,
                excludes=(F.FAR_GATEWAY_ANSWERS, F.NEIGHBOUR_ANSWERS, F.REQUESTS_ARRIVE),
            ),
        ),
        proves=(F.SOURCE_DIFFERS,),
        one_way=Direction.FORWARD,
        step=Step(
            machine="our gateway",
            command="{conntrack} -d {address}",
            look="an entry whose reply goes to an address other than {source}: exclude tunnel traffic from "
            "masquerading ({iptables} -t nat -I POSTROUTING -m policy --dir out --pol ipsec -j ACCEPT)",
        ),
    ),
    Row(
        cause=Cause.SELECTOR_MISMATCH,
        layer="policy",
        place=Place.NEAR_GATEWAY,
        title="the tunnel's traffic selectors do not cover this pair of addresses",
        meaning="The selector of one gateway, or the one that both agreed on, is narrower than the networks "
        "that communicate.",
        told="Another pair of addresses in the same networks works, this one never does. Apart from that, "
        "packets just vanish.",
        explains=(explains(*OF_OUR_GATEWAY, excludes=(F.FAR_NETWORK_ANSWERS, F.NEIGHBOUR_ANSWERS)),),
        step=Step(
            machine="both gateways",
            command="swanctl --list-sas",
            look="local and remote selectors of the child SA: on both gateways they must cover {source} and "
            "{address}",
        ),
    ),
    Row(
        cause=Cause.POLICY_CONFLICT,
        layer="policy",
        place=Place.NEAR_GATEWAY,
        title="another IPsec policy takes these packets",
        meaning="A policy that blocks or bypasses, or one of another tunnel, takes precedence.",
        told="Looks the same as a wrong selector until somebody looks at the gateway.",
        explains=(explains(*OF_OUR_GATEWAY, excludes=(F.FAR_NETWORK_ANSWERS, F.NEIGHBOUR_ANSWERS)),),
        step=Step(
            machine="our gateway",
            command="ip xfrm policy list dir out",
            look="of the policies that cover {source} to {address}, the one with the lowest priority number: "
            "it wins, so it must be this tunnel's",
        ),
    ),
)
