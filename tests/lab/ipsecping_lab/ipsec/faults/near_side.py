"""Faults before the tunnel: address translation on the left gateway, routes and firewall of the node.

The node is no part of the guest: what is broken there is broken on the machine, in the lab's own network
namespace.
"""

from __future__ import annotations

from .. import topology
from .model import Argument, Fault, FaultType
from .resources import NODE, Chain, Effect, Switch

_SOURCES = {
    "outside": "-j MASQUERADE",
    "inside": f"-j SNAT --to-source {topology.NEAR[4].left.ip}",
}
"""To the address towards the internet, which no selector holds; or to one that the tunnel carries."""


def _translated(fault: Fault) -> tuple[Effect, ...]:
    path, near = fault.tunnel_path, topology.NEAR[4]
    nat = f"-s {near.pods} -o {path.left_device} {_SOURCES[fault.arguments['to']]}"
    # The table is made when it is first used, and tracks connections from then on: so not in vain.
    used = "grep -qx nat /proc/net/ip_tables_names || exit 0"
    off = f"({used}; iptables-legacy -t nat -D POSTROUTING {nat}; conntrack -F)"
    effects = [Effect(Switch(topology.LEFT, f"iptables-legacy -t nat -A POSTROUTING {nat}", off), "on")]
    if fault.arguments["private"] == "dropped":
        lan = path.addresses[4].lan.network
        effects.append(Effect(Chain(path.transit, 4, "filter", "FAULTS"), f"-d {lan} -j DROP"))
    return tuple(effects)


def _node_route(fault: Fault) -> tuple[Effect, ...]:
    routes = [f"{fault.arguments['how']} {network}" for network in fault.tunnel_path.lan_networks]
    on, off = ("\n".join(f"ip route {verb} {route}" for route in routes) for verb in ("add", "del"))
    return (Effect(Switch(NODE, on, off), "on"),)


_REJECT = {"iptables": "icmp-admin-prohibited", "ip6tables": "icmp6-adm-prohibited"}


def _node_firewall(fault: Fault) -> tuple[Effect, ...]:
    reject = fault.arguments["action"] == "reject"

    def script(verb: str) -> str:
        lines = []
        for program, network in zip(_REJECT, fault.tunnel_path.lan_networks, strict=True):
            target = f"REJECT --reject-with {_REJECT[program]}" if reject else "DROP"
            lines.append(f"{program} -w 5 {verb} FORWARD -d {network} -j {target}")
        return "\n".join(lines)

    return (Effect(Switch(NODE, script("-I"), script("-D")), "on"),)


def _no_dns(fault: Fault) -> tuple[Effect, ...]:
    # Before the port of the service becomes that of a pod; the path is in a comment, so that each has a rule.
    what = f"-p {{}} --dport 53 -m comment --comment path-{fault.path} -j DROP"
    rules = [f"PREROUTING {what.format(protocol)}" for protocol in ("udp", "tcp")]
    on, off = (
        "\n".join(f"{program} -w 5 -t mangle {verb} {rule}" for rule in rules for program in _REJECT)
        for verb in ("-I", "-D")
    )
    return (Effect(Switch(NODE, on, off), "on"),)


_TRACKED = 512
"""More than a transit's NAT ever has: all share the limit, and the left gateway's table alone is full."""


def _full_table(_fault: Fault) -> tuple[Effect, ...]:
    most, own, tracking = (
        "net.netfilter.nf_conntrack_max",
        "/run/conntrack_max",
        "FAULTS -m conntrack --ctstate NEW",
    )
    entry = "-d 10.255.255.254 -p udp --sport 9 --dport 9 -t 86400 -u SEEN_REPLY,ASSURED"
    # It tracks for as long as a rule asks for it.
    on = f"""sysctl -n {most} >{own}
iptables-legacy -A {tracking}
for n in $(seq {_TRACKED}); do
  echo "-I -s 10.0.$((n / 256)).$((n % 256)) {entry}"
done >/run/conntrack.entries
conntrack --load-file /run/conntrack.entries >/dev/null
sysctl -qw {most}={_TRACKED - 1}"""
    off = f"""[ ! -e {own} ] || {{ sysctl -qw {most}=$(cat {own}); rm {own}; }}
iptables-legacy -D {tracking}
conntrack -F"""
    return (Effect(Switch(topology.LEFT, on, off), "on"),)


def _clock(fault: Fault) -> tuple[Effect, ...]:
    seconds, mark = int(fault.number("seconds")), "/run/clock_ahead"
    # With the fraction of the second, for what is left out twice adds up.
    set_to = 'date -s "$(date -d "{} seconds" +@%s.%N)"'
    on = f"{set_to.format(f'+{seconds}')}\necho {seconds} >{mark}"
    off = f"[ ! -e {mark} ] || {{ {set_to.format(f'-$(cat {mark})')}; rm {mark}; }}"
    return (Effect(Switch(topology.LEFT, on, off), "on"),)


FAULTS = (
    FaultType(
        "snat",
        "the left gateway translates the pods' IPv4 addresses before it looks for a policy",
        "outside: nothing is lost, all goes in clear, or all is lost where the internet drops private "
        "networks; inside: nothing is lost, and the far host sees the gateway",
        arguments=(
            Argument("to", "which of its addresses", "outside", choices=tuple(_SOURCES)),
            Argument("private", "what the internet does with private networks", "routed",
                     choices=("routed", "dropped")),
        ),
        effects=_translated,
    ),
    FaultType(
        "node-route",
        "the node does not route to the far network",
        "ICMP host unreachable from the node, or silence",
        arguments=(Argument("how", "its route", "unreachable", choices=("unreachable", "blackhole")),),
        effects=_node_route,
    ),
    FaultType(
        "node-deny",
        "the node's firewall stops packets to the far network",
        "ICMP prohibited from the node, or silence",
        arguments=(Argument("action", "what it does", "reject", choices=("reject", "drop")),),
        effects=_node_firewall,
    ),
    FaultType(
        "dns-silent",
        "no query of a pod gets to the cluster's DNS",
        "names are not resolved",
        effects=_no_dns,
    ),
    FaultType(
        "conntrack-full",
        "the left gateway's table of connections is full (of all paths)",
        "the left gateway drops every new flow, also to itself",
        effects=_full_table,
    ),
    FaultType(
        "clock-ahead",
        "the clock of all gateways and far hosts is ahead (they share one)",
        "nothing is lost",
        arguments=(Argument("seconds", "by so much", "3600", low=1, high=86_400),),
        effects=_clock,
    ),
)  # fmt: skip
