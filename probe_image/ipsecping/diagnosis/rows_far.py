"""Rows of the fault dictionary: the far gateway, the network behind it, the target and its responder."""

from ..contract.diagnosis_terms import Direction
from .cause import Cause, Place, Row, Step, Told, explains
from .fact import FactName as F
from .fact import Refused
from .symptom import SymptomKind as S

_ENCAPSULATED = (F.GATEWAY_ENCAPSULATES,)
"""What a fault on the far side leaves as it was: our gateway sends our packets through the tunnel."""

ROWS = (
    Row(
        cause=Cause.ROUTING_LOOP,
        layer="routing",
        place=Place.FAR_GATEWAY,
        title="packets are caught in a routing loop",
        meaning="Two routers send them to each other until their TTL is used up. Often one has only a "
        "default route where a route to the target's network is missing.",
        told="A router says that the TTL was used up, although the packets were sent with a full one.",
        explains=(explains(S.SILENT, S.FAR_SILENT, S.METHOD_SILENT, needs=(F.ROUTING_LOOPS,)),),
        proves=(F.ROUTING_LOOPS,),
        one_way=Direction.FORWARD,
        step=Step(
            machine="this machine (in a cluster: the probe pod)",
            command="ipsecping trace {address}",
            look="two addresses that alternate: one of these routers has the wrong route to the target's "
            "network",
        ),
    ),
    Row(
        cause=Cause.FAR_GATEWAY_DROPS,
        layer="far gateway",
        place=Place.FAR_GATEWAY,
        title="the far gateway decrypts our packets but does not forward them",
        meaning="Forwarding is off, a route is missing, or its firewall drops them.",
        told="It answers at its inside address, hosts behind it do not. Proven by an ICMP error that it "
        "sends.",
        explains=(
            explains(S.METHOD_SILENT, needs=(F.PROHIBITED_BY_FAR_GATEWAY,)),
            explains(
                S.SILENT,
                S.TARGET_SILENT_EVERYWHERE,
                needs=_ENCAPSULATED,
                excludes=(F.NEIGHBOUR_ANSWERS, F.REQUESTS_ARRIVE),
            ),
        ),
        proves=(F.PROHIBITED_BY_FAR_GATEWAY,),
        step=Step(
            machine="the far gateway",
            command="sysctl {forwarding}",
            look="the value 1. If it is 1, check the route to the target (ip route get {address}), the "
            "counters of its FORWARD rules, and on AWS the source/destination check",
        ),
        told_by={
            Refused.WITHOUT_ROUTE: Told(
                when="the error says that there is no route (net unreachable)",
                layer="far gateway",
                title="the far side has no route to the target",
                meaning="Our packets get through the tunnel, but the sender of the error has no route for "
                "them.",
                step=Step(
                    machine="the far gateway",
                    command="ip route get {address}",
                    look="an interface or next hop towards the target's network. If it says unreachable or "
                    "leads elsewhere, add the route. If the route is right, check the router that sent the "
                    "error",
                ),
            ),
            Refused.BY_A_RULE: Told(
                when="the error is a firewall's (prohibited, port or protocol unreachable, or a reset)",
                layer="far gateway",
                title="the far gateway's firewall rejects our packets",
                meaning="Our packets get through the tunnel, but a rule of the far gateway rejects them with "
                "an ICMP error.",
                step=Step(
                    machine="the far gateway",
                    command="nft list ruleset",
                    look="a rule that rejects packets forwarded from {source} to {address}; if there is "
                    "none, a route that does so (ip route get {address})",
                ),
            ),
        },
    ),
    Row(
        cause=Cause.RETURN_PATH_BROKEN,
        layer="far routing",
        place=Place.FAR_NETWORK,
        title="answers do not come back through the tunnel",
        meaning="The far host or network has no route to our side, or one that does not lead into the "
        "tunnel.",
        told="The reflector counts our packets, but no answer comes back.",
        explains=(
            explains(
                S.SILENT,
                S.FAR_SILENT,
                S.TARGET_SILENT_EVERYWHERE,
                needs=(F.REQUESTS_ARRIVE, *_ENCAPSULATED),
            ),
        ),
        one_way=Direction.REVERSE,
        step=Step(
            machine="the target's host",
            command="ip route get {source}",
            look="the next hop: it must lead to the far IPsec gateway",
        ),
    ),
    Row(
        cause=Cause.FAR_NETWORK_LOSS,
        layer="far side",
        place=Place.FAR_NETWORK,
        title="packets are lost behind the far gateway",
        meaning="A link, a switch or a host between the far gateway and the target drops them.",
        told="The far gateway's inside address loses a smaller share of packets than the target.",
        explains=(
            explains(
                S.LOSS,
                needs=(F.FAR_GATEWAY_CLEAN,),
                excludes=(F.NEAR_GATEWAY_LOSES, F.ONE_METHOD_LOSES),
            ),
        ),
        step=Step(
            machine="the far gateway",
            command="ip -s link",
            look="errors or drops that increase on the inside interface; then check the switch port",
        ),
    ),
    Row(
        cause=Cause.FAR_HOST_DOWN,
        layer="far host",
        place=Place.TARGET,
        title="the target's host does not answer at all",
        meaning="It is off, has another address, or is disconnected from its network.",
        told='The far gateway says "host unreachable"; or it and a neighbour of the target answer, but the '
        "target does not.",
        explains=(
            explains(
                S.SILENT,
                S.TARGET_SILENT_EVERYWHERE,
                needs=_ENCAPSULATED,
                excludes=(F.SAME_TARGET_ANSWERS, F.REQUESTS_ARRIVE, F.ANOTHER_METHOD_ANSWERS),
            ),
        ),
        proves=(F.HOST_UNREACHABLE,),
        on_the_way=False,
        step=Step(
            machine="the far gateway",
            command="ip neigh show {address}",
            look="FAILED or INCOMPLETE: the host is not on the network. Otherwise ping it from there",
        ),
    ),
    Row(
        cause=Cause.PROTOCOL_FILTERED,
        layer="firewall",
        place=Place.FAR_NETWORK,
        title="a firewall blocks or limits this kind of traffic",
        meaning="One protocol or port is blocked, on a gateway, on the way or on the host itself, while "
        "others pass.",
        told="The same host, measured by several methods; an ICMP error names who refuses. If only ICMP is "
        "silent, it is no fault.",
        explains=(
            explains(S.METHOD_SILENT),
            explains(S.LOSS, needs=(F.ONE_METHOD_LOSES,)),
            explains(
                S.SILENT, S.TARGET_SILENT_EVERYWHERE, excludes=(F.METHOD_KNOWN_TO_ANSWER, F.REQUESTS_ARRIVE)
            ),
        ),
        proves=(F.PROHIBITED_ON_THE_WAY,),
        step=Step(
            machine="the far gateway and the target's host",
            command="nft list ruleset",
            look="a rule that drops, rejects or limits packets from {source} to {address} of this protocol "
            "and port, before a rule that allows them",
        ),
        told_by={
            Refused.BY_A_RULE: Told(
                when="an ICMP error or a reset says so",
                layer="firewall",
                title="a firewall rejects this kind of traffic",
                meaning="A rule for this protocol, port or pair of addresses rejects it with an ICMP error "
                "or a reset.",
                step=Step(
                    machine="the machine that sent the error",
                    command="nft list ruleset",
                    look="a rule that rejects packets from {source} to {address} of this protocol and port, "
                    "before a rule that allows them",
                ),
            )
        },
    ),
    Row(
        cause=Cause.RESPONDER_DOWN,
        layer="responder",
        place=Place.TARGET,
        title="the responder on the target does not answer",
        meaning="The host answers, but the program that should answer our probes does not: it is not "
        "running, hangs, or does not accept us (another key, or our address is not allowed).",
        told="The target itself refuses: port unreachable, or a reset. If it is silent, it may also be a "
        "firewall. Our reflector does not answer senders that it does not know.",
        explains=(
            explains(S.METHOD_SILENT, excludes=(F.REQUESTS_ARRIVE,)),
            explains(
                S.SILENT,
                S.TARGET_SILENT_EVERYWHERE,
                needs=(F.ANOTHER_METHOD_ANSWERS,),
                excludes=(F.SAME_TARGET_ANSWERS, F.REQUESTS_ARRIVE),
            ),
        ),
        proves=(F.REFUSED_BY_TARGET,),
        on_the_way=False,
        step=Step(
            machine="the target's host",
            command="ss -lntu",
            look="a listener on the probe's port. If there is none, start it (docs/reflector.md). If there "
            "is one, read its log, and check that its --allow and its keys are right for the prober",
        ),
    ),
    Row(
        cause=Cause.RESPONDER_OVERLOADED,
        layer="responder",
        place=Place.TARGET,
        title="the responder, or a limit before it, answers only some of the packets",
        meaning="Only one method loses packets; or the target loses packets at a rate at which the far "
        "gateway answers all. So the path carries them.",
        told="The same host, measured by several methods. For ICMP alone this is usual, and no fault.",
        explains=(
            explains(S.LOSS, needs=(F.ONE_METHOD_LOSES,), excludes=(F.RESPONDER_KEEPS_UP,)),
            explains(S.RATE_LOSS, excludes=(F.RESPONDER_KEEPS_UP,)),
        ),
        on_the_way=False,
        step=Step(
            machine="the target's host",
            command="nstat -az UdpRcvbufErrors IcmpMsgOutType3",
            look="counters that increase with the losses; the reflector's log and its --rate",
        ),
    ),
    Row(
        cause=Cause.SERVICE_FAULT,
        layer="responder",
        place=Place.TARGET,
        title="the target answers, but the answer is wrong",
        meaning="A wrong key, certificate, status code or content. The path works.",
        told="The answer itself.",
        explains=(explains(S.MISANSWERED),),
        proves=(F.MISANSWERED,),
        on_the_way=False,
        step=Step(
            machine="the target's host",
            command="journalctl --since -1h",
            look="what the service says about our requests; for AuthFailed compare the keys of both sides",
        ),
    ),
)
