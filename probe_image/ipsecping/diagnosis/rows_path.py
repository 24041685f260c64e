"""Rows of the fault dictionary: path MTU, what is between the gateways, flows and classes."""

from .cause import Cause, Place, Row, Step, explains
from .fact import FactName as F
from .rows_tunnel import ELSEWHERE
from .symptom import SymptomKind as S

ROWS = (
    Row(
        cause=Cause.MTU_BLACK_HOLE,
        layer="path MTU",
        place=Place.BETWEEN_GATEWAYS,
        title="large packets are lost without an ICMP error",
        meaning="They do not fit, and no ICMP error comes back: TCP connects, then hangs when data is sent.",
        told="The search for the path MTU: smaller packets pass, larger ones are lost without an ICMP error.",
        explains=(
            explains(S.MTU_UNTOLD, S.MTU_LOWER),
            explains(S.BULK, excludes=(F.PATH_MTU_AS_WANTED,)),
        ),
        proves=(F.LARGE_LOST_UNTOLD,),
        step=Step(
            machine="our gateway",
            command="{iptables} -t mangle -A FORWARD {mss_from}-p tcp --tcp-flags SYN,RST SYN "
            "-j TCPMSS --set-mss {mss}",
            look="large transfers that now work; the permanent remedy is to let ICMP packet-too-big pass",
        ),
    ),
    Row(
        cause=Cause.MTU_REDUCED,
        layer="path MTU",
        place=Place.BETWEEN_GATEWAYS,
        title="the path MTU is smaller than it should be, and ICMP errors say so",
        meaning="The path or the encapsulation has changed. UDP encapsulation alone takes 8 bytes.",
        told="The search for the path MTU, and packet-too-big messages.",
        explains=(explains(S.MTU_TOLD, S.MTU_LOWER),),
        proves=(F.LARGE_REFUSED_TOLD,),
        step=Step(
            machine="this machine (in a cluster: the probe pod)",
            command="ipsecping mtu {address}",
            look="the size. If it is right, lower the pods' MTU or thresholds.pathMTU; if not, find out what "
            "has changed",
        ),
    ),
    Row(
        cause=Cause.FRAGMENTS_DROPPED,
        layer="path MTU",
        place=Place.BETWEEN_GATEWAYS,
        title="fragmented packets are dropped",
        meaning="Packets that have to be fragmented are lost; unfragmented packets of any size pass.",
        told="Both kinds were sent at the same time.",
        explains=(explains(S.FRAGMENTS), explains(S.BULK)),
        proves=(F.FRAGMENTS_LOST,),
        step=Step(
            machine="each firewall between the gateways",
            command="nft list ruleset",
            look="rules that drop fragments (ip frag-off, -f): remove them, or fragment before encryption on "
            "the gateways",
        ),
    ),
    Row(
        cause=Cause.UNDERLAY_DOWN,
        layer="underlay",
        place=Place.BETWEEN_GATEWAYS,
        title="the far gateway cannot be reached outside of the tunnel either",
        meaning="The line between the gateways is down, or the far gateway is off.",
        told="Its public address, which is known to answer, is silent, or a router says that it is "
        "unreachable.",
        explains=(
            explains(
                S.SILENT,
                S.FAR_SILENT,
                S.GATEWAY_SILENT,
                excludes=(F.GATEWAY_ANSWERS, F.FAR_GATEWAY_ANSWERS, F.NEIGHBOUR_ANSWERS, F.REQUESTS_ARRIVE),
            ),
            explains(
                S.PATHS_SILENT,
                S.TARGET_SILENT_EVERYWHERE,
                excludes=(F.ELSEWHERE_ANSWERS, F.GATEWAY_ANSWERS),
            ),
        ),
        proves=(F.GATEWAY_UNREACHABLE,),
        step=Step(
            machine="our gateway",
            command="mtr --report --report-cycles 20 {gateway}",
            look="the last hop that answers: contact whoever runs it",
        ),
    ),
    Row(
        cause=Cause.UNDERLAY_LOSS,
        layer="underlay",
        place=Place.BETWEEN_GATEWAYS,
        title="the line between the gateways loses packets",
        meaning="Random loss in the carrier's network, whatever the packets are.",
        told="The loss does not depend on method, flow, class or rate, and is not in our network or the far "
        "one. Damaged ESP packets look the same.",
        explains=(explains(S.LOSS, needs=(F.LOSS_BELOW_RATE,), excludes=(*ELSEWHERE, F.LOSS_OF_OWN_CLASS)),),
        step=Step(
            machine="our gateway",
            command="mtr --report --report-cycles 100 {gateway}",
            look="the first hop from which on every hop loses packets: show it to the carrier",
        ),
    ),
    Row(
        cause=Cause.PATH_LONGER,
        layer="underlay",
        place=Place.BETWEEN_GATEWAYS,
        title="the route has become longer",
        meaning="The least delay rose by a step, without loss and without a queue: packets take another "
        "route.",
        told="The least round-trip time compared with that of the healthy path.",
        explains=(explains(S.SLOWER, excludes=(F.DELAY_BY_RATE,)),),
        step=Step(
            machine="our gateway",
            command="mtr --report --report-cycles 20 {gateway}",
            look="the hop where the delay rises: ask the carrier, or accept the delay and raise "
            "thresholds.rtt",
        ),
    ),
    Row(
        cause=Cause.CONGESTED,
        layer="underlay",
        place=Place.BETWEEN_GATEWAYS,
        title="a queue is full: the line or a gateway's CPU is at its limit",
        meaning="The delay grows with the rate, then packets are lost; when the line is idle, neither "
        "happens.",
        told="The same packets, sent at two rates.",
        explains=(
            explains(S.QUEUE),
            explains(S.SLOWER, needs=(F.DELAY_BY_RATE,)),
            explains(S.RATE_LOSS, needs=(F.DELAY_BY_RATE,), excludes=(F.CONTROL_KEEPS_UP,)),
            explains(
                S.LOSS,
                needs=(F.DELAY_BY_RATE,),
                excludes=(*ELSEWHERE, F.LOSS_OF_OWN_CLASS, F.LOSS_BELOW_RATE),
            ),
        ),
        step=Step(
            machine="both gateways",
            command="tc -s qdisc show",
            look="drops or a backlog on the outside interface, or one CPU at 100 % si in top: shape below "
            "the line rate, or add CPUs",
        ),
    ),
    Row(
        cause=Cause.RATE_LIMITED,
        layer="underlay",
        place=Place.BETWEEN_GATEWAYS,
        title="packets above a certain rate are dropped",
        meaning="A policer or a cloud provider's limit: it drops packets without queuing them.",
        told="A low rate loses nothing, a high one does, and the delay stays the same. A replay window can "
        "look the same.",
        explains=(
            explains(S.RATE_LOSS, excludes=(F.DELAY_BY_RATE, F.CONTROL_KEEPS_UP)),
            explains(
                S.LOSS,
                needs=(F.LOSS_BY_RATE,),
                excludes=(
                    F.DELAY_BY_RATE,
                    F.LOSS_BELOW_RATE,
                    F.LOSS_BY_FLOW,
                    F.ONE_METHOD_LOSES,
                    F.CONTROL_KEEPS_UP,
                ),
            ),
        ),
        step=Step(
            machine="{receiver}",
            command="tc -s filter show dev WAN ingress",
            look="a policer that drops (WAN: the outside interface); if there is none, the provider's limits "
            "of the VPN or of the instance",
        ),
    ),
    Row(
        cause=Cause.FLOW_DEPENDENT_LOSS,
        layer="inside networks",
        place=Place.NEAR_NETWORK,
        title="some flows lose every packet, others none",
        meaning="One link of a bundle, or one of several equal-cost routes, is dead. Between the gateways "
        "all flows of one SA look alike, so it is in our network or the far one, unless there are several "
        "SAs.",
        told="Packets from 16 source ports, sent at the same time.",
        explains=(explains(S.FLOW_LOSS), explains(S.LOSS, needs=(F.LOSS_BY_FLOW,))),
        proves=(F.LOSS_BY_FLOW,),
        step=Step(
            machine="the switches and routers of both inside networks",
            command="ip -s link show type bond",
            look="a link of a bundle that accepts packets but does not pass them on: take it out",
        ),
    ),
    Row(
        cause=Cause.CLASS_DEPENDENT_LOSS,
        layer="quality of service",
        place=Place.BETWEEN_GATEWAYS,
        title="some traffic classes (DSCP) lose more than others",
        meaning="A queue or policer of one class, in our network, in the far one or, since DSCP is copied to "
        "the outer header, between the gateways.",
        told="The same packets, sent with several code points.",
        explains=(explains(S.CLASS_LOSS), explains(S.LOSS, needs=(F.LOSS_OF_OWN_CLASS,))),
        proves=(F.LOSS_BY_CLASS,),
        step=Step(
            machine="our gateway, then the far one",
            command="tc -s class show dev WAN",
            look="the class that drops packets (WAN: the outside interface); if none does, ask the carrier "
            "how it treats this code point",
        ),
    ),
)
