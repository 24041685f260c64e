"""Faults of the far gateway's other duties and behind it: forwarding, firewall, routes, host, responders."""

from __future__ import annotations

from .. import packet_filter, responders, topology
from ..control import Command
from .effects import policy, renewed
from .model import Argument, Fault, FaultType
from .resources import Chain, Effect, GatewayLink, Kill, Neighbours, Queue, Service, Start, Step, Switch

_OTHER_TABLE = {1: 2, 2: 3, 3: 1}
"""Of the far host: by the number of a path that of the next one, whose routes it is too."""
_FIRST = 50
"""The priority of a rule that comes before the main table's, and behind the local one's."""


def _far_down(fault: Fault) -> tuple[Effect, ...]:
    # Nothing leaves it, so the gateway does not learn its hardware address either.
    silent = Effect(Queue(topology.FAR, fault.tunnel_path.far_device), {"loss": 100.0})
    return (silent, Effect(Neighbours(fault.path), "forgotten"))


def _responder(fault: Fault) -> tuple[Effect, ...]:
    return (Effect(Service(responders.key_of(fault.arguments["which"], fault.path)), "stopped"),)


def _restarted(fault: Fault) -> tuple[Step, ...]:
    key = responders.key_of(fault.arguments["which"], fault.path)
    return Kill(key), Start(key)


def _no_forwarding(fault: Fault) -> tuple[Effect, ...]:
    on, off = (
        f"sysctl -qw net.ipv4.ip_forward={value} net.ipv6.conf.all.forwarding={value}" for value in (0, 1)
    )
    return (Effect(Switch(fault.tunnel_path.right, on, off), "on"),)


_WHAT = {
    "all": {4: "", 6: ""},
    "udp": {4: "-p udp", 6: "-p udp"},
    "stamp": dict.fromkeys(topology.VERSIONS, f"-p udp --dport {responders.STAMP_PORT}"),
}
_REJECT = {4: "REJECT --reject-with icmp-admin-prohibited", 6: "REJECT --reject-with icmp6-adm-prohibited"}


def _firewall(fault: Fault) -> tuple[Effect, ...]:
    def rule(version: int) -> str:
        target = "DROP" if fault.arguments["action"] == "drop" else _REJECT[version]
        return f"-o {topology.LAN} {_WHAT[fault.arguments['what']][version]} -j {target}"

    return tuple(
        Effect(Chain(fault.tunnel_path.right, version, "filter", "FAULTS"), rule(version))
        for version in topology.VERSIONS
    )


_ROUTES = {
    "net-unreachable": "rule {verb} to {far} priority {first} unreachable",
    "host-unreachable": "route {verb} unreachable {far}",
    "blackhole": "rule {verb} to {far} priority {first} blackhole",
}
"""How a gateway does not know the way: what it says then, as ``ip`` words it."""


def _no_route(fault: Fault) -> tuple[Effect, ...]:
    words = _ROUTES[fault.arguments["how"]]

    def script(verb: str) -> str:
        return "\n".join(
            f"ip -{version} " + words.format(verb=verb, far=each.far.ip, first=_FIRST)
            for version, each in fault.tunnel_path.addresses.items()
        )

    return (Effect(Switch(fault.tunnel_path.right, script("add"), script("del")), "on"),)


def _other_path(fault: Fault) -> tuple[Effect, ...]:
    path = fault.tunnel_path
    rule = f"from {path.addresses[4].far.ip} lookup {_OTHER_TABLE[path.number]} priority {_FIRST}"
    return (Effect(Switch(topology.FAR, f"ip rule add {rule}", f"ip rule del {rule}"), "on"),)


_ODD_SOURCE_PORT = {4: "0>>22&0x3C@0>>16&1=1", 6: "40>>16&1=1"}


def _flow_loss(fault: Fault) -> tuple[Effect, ...]:
    return tuple(
        Effect(
            Chain(fault.tunnel_path.right, version, "filter", "FAULTS"),
            f"-o {topology.LAN} -p udp -m u32 --u32 {_ODD_SOURCE_PORT[version]} -j DROP",
        )
        for version in topology.VERSIONS
    )


def _no_icmp(fault: Fault) -> tuple[Effect, ...]:
    # of IPv6 no more than that: without its neighbour discovery there is no network
    types = {
        4: ("-p icmp",),
        6: tuple(f"{packet_filter.ICMP[6]} echo-{kind}" for kind in ("request", "reply")),
    }
    return tuple(
        Effect(Chain(fault.tunnel_path.right, version, "filter", chain), f"{match} -j DROP")
        for version, matches in types.items()
        for match in matches
        for chain in ("FAULTS", "FAULTS-IN", "FAULTS-OUT")
    )


def _no_hops(fault: Fault) -> tuple[Effect, ...]:
    return tuple(
        Effect(
            Chain(namespace, version, "filter", "FAULTS-OUT"),
            f"{packet_filter.ICMP[version]} time-exceeded -j DROP",
        )
        for namespace in (topology.LEFT, fault.tunnel_path.right)
        for version in topology.VERSIONS
    )


def _shy(fault: Fault) -> tuple[Effect, ...]:
    path = fault.tunnel_path
    ports = f"-p udp -m multiport --dports 500,4500 ! -s {path.between_gateways.left.ip}"
    return (Effect(Chain(path.right, path.outer, "filter", "FAULTS-IN"), f"{ports} -j DROP"),)


def _flap(fault: Fault) -> tuple[Step, ...]:
    link = GatewayLink(fault.path)
    pause = f"{fault.number('ms') / 1000:g}"
    return (*link.establish("down"), Command(("sleep", pause)), *link.revoke())


FAULTS = (
    FaultType(
        "link-down",
        "the right gateway's link is down",
        "all is lost on that path; strongSwan notices after some 17 s",
        effects=lambda fault: (Effect(GatewayLink(fault.path), "down"),),
        undo=renewed,
    ),
    FaultType(
        "link-flap",
        "the right gateway's link is down for a moment",
        "what comes meanwhile is lost",
        momentary=True,
        arguments=(Argument("ms", "milliseconds", "500", low=1, high=10_000),),
        once=_flap,
    ),
    FaultType(
        "far-down",
        "the far host is off",
        "all is lost; after 3 s the right gateway answers host unreachable",
        effects=_far_down,
    ),
    FaultType(
        "responder-down",
        "a responder on the far host is stopped",
        "port unreachable; other probes are fine",
        arguments=(Argument("which", "which responder", "udp-echo", choices=responders.KINDS),),
        effects=_responder,
    ),
    FaultType(
        "responder-restart",
        "a responder on the far host is started anew",
        "port unreachable for a moment",
        momentary=True,
        arguments=(Argument("which", "which responder", "udp-echo", choices=responders.KINDS),),
        once=_restarted,
    ),
    FaultType(
        "far-no-forward",
        "the right gateway does not forward",
        "all is lost behind it, IpInAddrErrors on the right; itself it answers",
        effects=_no_forwarding,
    ),
    FaultType(
        "far-firewall",
        "the right gateway's firewall stops what it has decrypted",
        "silence, or ICMP prohibited from the right gateway",
        arguments=(
            Argument("action", "what it does", "drop", choices=("drop", "reject")),
            Argument("what", "of which packets", "all", choices=tuple(_WHAT)),
        ),
        effects=_firewall,
    ),
    FaultType(
        "far-no-route",
        "the right gateway knows no way to the far host",
        "all is lost behind it; of what it has decrypted the kernel sends no such error",
        arguments=(Argument("how", "what it has instead", "net-unreachable", choices=tuple(_ROUTES)),),
        effects=_no_route,
    ),
    FaultType(
        "return-clear",
        "the right gateway sends answers in clear, and the left one refuses them",
        "all is lost on the way back, XfrmInTmplMismatch on the left",
        effects=lambda fault: policy(fault, "allow", ("right", "out")),
    ),
    FaultType(
        "return-other-path",
        "the far host answers IPv4 by another path's gateway",
        "all is lost on the way back; the right gateway itself answers",
        effects=_other_path,
    ),
    FaultType(
        "flow-loss",
        "every UDP packet from an odd source port is lost behind the right gateway",
        "half of the flows lose everything, the others nothing",
        effects=_flow_loss,
    ),
    FaultType(
        "icmp-filtered",
        "the right gateway stops all ICMP (of IPv6 echoes)",
        "pings are lost, all else passes",
        effects=_no_icmp,
    ),
    FaultType(
        "hops-silent",
        "no gateway says that a packet used up its TTL",
        "traces show the target alone",
        effects=_no_hops,
    ),
    FaultType(
        "ike-shy",
        "the right gateway answers IKE of the left one alone",
        "a stranger's question stays without an answer",
        effects=_shy,
    ),
)  # fmt: skip
