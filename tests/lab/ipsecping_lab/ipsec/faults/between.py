"""Faults between the gateways: what happens to their packets on the way, whatever is in them."""

from __future__ import annotations

from ...errors import LabError
from .. import packet_filter, topology
from ..control import Command
from ..strongswan import swanctl
from .effects import PERCENT, between_gateways, came_by, drop, esp, ike, inside_tunnel, renewed
from .ike import silent_when_idle
from .model import Argument, Fault, FaultType
from .resources import Chain, Effect, Ingress, RouteMtu, Switch

IPV6_LEAST_MTU = 1280
"""Bytes (RFC 8200 section 5)."""
MILLISECONDS = Argument("ms", "milliseconds", low=0, high=10_000)
MTU = Argument("bytes", "largest packet between the gateways (path c: 1280 at least)", low=576, high=1500)


def _mtu(fault: Fault) -> tuple[Effect, ...]:
    octets = int(fault.number("bytes"))
    if fault.tunnel_path.outer == 6 and octets < IPV6_LEAST_MTU:
        raise LabError(f"{fault.text()}: a link of IPv6 has {IPV6_LEAST_MTU} bytes at least")
    return (Effect(RouteMtu(fault.path, fault.direction), octets),)


def _black_hole(fault: Fault) -> tuple[Effect, ...]:
    # the message about a packet on its way out goes back to the left
    path = fault.tunnel_path
    too_big = {4: "fragmentation-needed", 6: "packet-too-big"}[path.outer]
    silence = f"-o {came_by(fault)} {packet_filter.ICMP[path.outer]} {too_big} -j DROP"
    return (*_mtu(fault), Effect(Chain(path.transit, path.outer, "filter", "FAULTS-OUT"), silence))


def _ike_drop(fault: Fault) -> tuple[Effect, ...]:
    found, port = ike(fault), fault.arguments["port"]
    return drop(fault, *(found.values() if port == "both" else (found[port],)))


def _large_drop(fault: Fault) -> tuple[Effect, ...]:
    share = fault.number("percent") / 100
    return drop(fault, f"-p esp -m length --length 1300: -m statistic --mode random --probability {share:g}")


def _class_drop(fault: Fault) -> tuple[Effect, ...]:
    # The outer header has the inner one's code point (RFC 4301 section 5.1.2).
    share = fault.number("percent") / 100
    code_point = f"-m dscp --dscp {fault.number('dscp'):g}"
    return drop(fault, f"{code_point} -m statistic --mode random --probability {share:g}")


def _police(fault: Fault) -> tuple[Effect, ...]:
    limit = f"matchall action police rate {fault.number('kbit'):.0f}kbit burst 6k conform-exceed drop"
    return (Effect(Ingress(fault.tunnel_path.transit, came_by(fault)), limit),)


def _no_fragments(fault: Fault) -> tuple[Effect, ...]:
    # Not by the packet filter: the transit's NAT puts fragments together before it.
    protocol = {4: "ip", 6: "ipv6"}[fault.tunnel_path.outer]
    match = f"protocol {protocol} flower ip_flags frag action drop"
    return (Effect(Ingress(fault.tunnel_path.transit, came_by(fault)), match),)


_REMARKS = {"dscp": "-j DSCP --set-dscp 0", "ecn": "-j TOS --set-tos 0x03/0x03"}


def _remark(fault: Fault) -> tuple[Effect, ...]:
    chain = Chain(fault.tunnel_path.transit, fault.tunnel_path.outer, "mangle", "FAULTS-MARK")
    return (Effect(chain, f"-i {came_by(fault)} {_REMARKS[fault.arguments['what']]}"),)


def _nat(fault: Fault) -> tuple[Effect, ...]:
    # of both versions of IP: what leaks meets it too
    chains = [Chain(fault.tunnel_path.transit, version, "nat", "FAULTS-NAT") for version in topology.VERSIONS]
    udp = f"-o {topology.TO_RIGHT} -p udp -j MASQUERADE --to-ports 20000-30000 --random-fully"
    rules = (udp, f"-o {topology.TO_RIGHT} -j MASQUERADE")
    return tuple(Effect(chain, rule) for chain in chains for rule in rules)


_USUAL_SECONDS = {"udp_timeout": 30, "udp_timeout_stream": 120}
"""After which the kernel forgets a mapping of UDP: of one packet, and of a conversation."""


def _nat_timeout(fault: Fault) -> tuple[Effect, ...]:
    def set_to(seconds: dict[str, int]) -> str:
        words = " ".join(f"net.netfilter.nf_conntrack_{name}={value}" for name, value in seconds.items())
        return f"sysctl -qw {words}"

    wanted = dict.fromkeys(_USUAL_SECONDS, int(fault.number("seconds")))
    return (
        *silent_when_idle(fault),
        Effect(Switch(fault.tunnel_path.transit, set_to(wanted), set_to(_USUAL_SECONDS)), "on"),
    )


def _lost_once(fault: Fault) -> tuple[Effect, ...]:
    # every one after so many: no more of them come by while it is in force
    nth = f"-m statistic --mode nth --every 1000000 --packet {int(fault.number('after'))}"
    return drop(fault, *(f"{match} {nth}" for match in esp(fault)[:1]))


_REKEY = {"child": ("--child",), "ike": ("--ike",), "reauth": ("--reauth", "--ike")}
"""Options of swanctl, before the name."""


def forget_mappings(transit: str) -> Command:
    """A transit's NAT forgets whom it translates to what."""
    return Command(("conntrack", "-F"), namespace=transit, tolerant=True)


FAULTS = (
    FaultType(
        "delay",
        "every packet takes longer",
        "RTT rises by as much for each direction",
        directed=True,
        arguments=(MILLISECONDS,),
        effects=lambda fault: between_gateways(fault, delay_ms=fault.number("ms")),
    ),
    FaultType(
        "jitter",
        "the delay varies evenly by so much to both sides (its mean is raised to it where less)",
        "RTT spreads; packets overtake one another, beyond ESP's window of 32 packets they are lost",
        directed=True,
        arguments=(MILLISECONDS,),
        effects=lambda fault: between_gateways(fault, jitter_ms=fault.number("ms")),
    ),
    FaultType(
        "loss",
        "a share of the packets between the gateways vanishes",
        "loss in that direction; IKE suffers too",
        directed=True,
        arguments=(PERCENT,),
        effects=lambda fault: between_gateways(fault, loss=fault.number("percent")),
    ),
    FaultType(
        "loss-once",
        "one packet of ESP between the gateways vanishes",
        "one packet is lost",
        directed=True,
        arguments=(Argument("after", "so many others", "30", low=0, high=10_000),),
        effects=_lost_once,
    ),
    FaultType(
        "corrupt",
        "one bit of a share of the packets flips",
        "ESP refuses them: loss, and XfrmInStateProtoError on the receiving gateway",
        directed=True,
        arguments=(PERCENT,),
        effects=lambda fault: between_gateways(fault, corrupt=fault.number("percent")),
    ),
    FaultType(
        "duplicate",
        "a share of the packets is sent twice, inside the tunnel",
        "duplicates (between the gateways ESP's anti-replay would eat them)",
        directed=True,
        arguments=(PERCENT,),
        effects=lambda fault: inside_tunnel(fault, duplicate=fault.number("percent")),
    ),
    FaultType(
        "esp-duplicate",
        "a share of the packets between the gateways is sent twice",
        "nothing at the probers: the receiving gateway counts replays (XfrmInStateSeqError)",
        directed=True,
        arguments=(PERCENT,),
        effects=lambda fault: between_gateways(fault, duplicate=fault.number("percent")),
    ),
    FaultType(
        "reorder",
        "a share of the packets is late by ms, inside the tunnel",
        "reordering, if the spacing is less than ms",
        directed=True,
        arguments=(PERCENT, Argument("ms", "how late they are", "50", low=1, high=10_000)),
        effects=lambda fault: inside_tunnel(fault, late=fault.number("percent"), late_ms=fault.number("ms")),
    ),
    FaultType(
        "rate",
        "a bottleneck with a queue of some 50 ms (and a packet)",
        "RTT rises by as much as the queue holds, then loss",
        directed=True,
        arguments=(Argument("kbit", "kbit/s", low=8, high=10_000_000),),
        effects=lambda fault: between_gateways(fault, kbit=fault.number("kbit")),
    ),
    FaultType(
        "mtu",
        "a smaller MTU between the gateways, with ICMP fragmentation needed",
        "the first large DF packet is lost, then its sender is told; smaller ones pass",
        directed=True,
        arguments=(MTU,),
        effects=_mtu,
    ),
    FaultType(
        "mtu-blackhole",
        "a smaller MTU, and nobody is told",
        "large DF packets are lost, small ones pass",
        directed=True,
        arguments=(MTU,),
        effects=_black_hole,
    ),
    FaultType(
        "esp-drop",
        "ESP is dropped (also in UDP), IKE passes",
        "all is lost, IKE stays ESTABLISHED",
        directed=True,
        effects=lambda fault: drop(fault, *esp(fault)),
    ),
    FaultType(
        "ike-drop",
        "IKE is dropped, ESP passes",
        "nothing is lost while packets keep dead peer detection content, or until a rekey is due",
        directed=True,
        arguments=(Argument("port", "UDP port", "both", choices=("both", "500", "4500")),),
        effects=_ike_drop,
        undo=renewed,
    ),
    FaultType(
        "nat",
        "a NAT appears between the gateways; the tunnel comes up anew",
        "ESP in UDP 4500; 28 bytes less for the payload",
        effects=_nat,
        after=lambda fault: (forget_mappings(fault.tunnel_path.transit), *renewed(fault)),
    ),
    FaultType(
        "nat-forget",
        "the NAT loses its mappings",
        "packets back are lost until the left gateway sends again (keep-alive 10 s)",
        momentary=True,
        once=lambda fault: (forget_mappings(fault.tunnel_path.transit),),
        needs="nat",
    ),
    FaultType(
        "nat-timeout",
        "the NAT forgets a mapping after seconds, and neither gateway sends anything to keep it",
        "the first packet back after a pause is lost",
        arguments=(Argument("seconds", "without a packet", "3", low=1, high=600),),
        effects=_nat_timeout,
        after=renewed,
        needs="nat",
    ),
    FaultType(
        "rekey",
        "the left gateway rekeys",
        "child, ike: nothing is lost; reauth: what comes while the old IKE SA has gone",
        momentary=True,
        arguments=(Argument("what", "which association", "child", choices=tuple(_REKEY)),),
        once=lambda fault: (
            swanctl(topology.LEFT, "--rekey", *_REKEY[fault.arguments["what"]], fault.path),
        ),
    ),
    FaultType(
        "policer",
        "what is above a rate is dropped, without a queue",
        "loss at high rates, none at low ones; the delay stays",
        directed=True,
        arguments=(Argument("kbit", "kbit/s", low=8, high=10_000_000),),
        effects=_police,
    ),
    FaultType(
        "dscp-loss",
        "a share of the packets of one class between the gateways vanishes",
        "loss of that code point (DSCP), none of others",
        directed=True,
        arguments=(
            Argument("percent", "share of the packets", "50", low=0, high=100),
            Argument("dscp", "code point", "46", low=0, high=63),
        ),
        effects=_class_drop,
    ),
    FaultType(
        "bulk-loss",
        "a share of the ESP packets of 1300 bytes and more vanishes, as with faulty offloading",
        "large packets are lost now and then, small ones pass",
        directed=True,
        arguments=(Argument("percent", "share of the packets", "90", low=0, high=100),),
        effects=_large_drop,
    ),
    FaultType(
        "fragments-drop",
        "fragments between the gateways are dropped",
        "inner packets that do not fit once encrypted are lost, unless they may not be fragmented",
        directed=True,
        effects=_no_fragments,
    ),
    FaultType(
        "remark",
        "the class (DSCP 0) or congestion marks (CE) of all packets between the gateways are overwritten",
        "nothing is lost",
        directed=True,
        arguments=(Argument("what", "which field", choices=tuple(_REMARKS)),),
        effects=_remark,
    ),
)  # fmt: skip
