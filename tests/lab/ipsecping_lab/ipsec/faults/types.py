"""The table of faults. A new one is an entry here; nothing else has to be touched."""

from __future__ import annotations

from ...errors import LabError
from .. import packet_filter, responders, topology, tunnels
from ..control import Command
from ..strongswan import swanctl
from .model import Argument, Fault, FaultType
from .resources import Chain, Effect, GatewayLink, Neighbours, Policy, Queue, RouteMtu, Service

# ESP in UDP (RFC 3948): the four bytes behind the UDP header are zero in IKE and an SPI in ESP
_BEHIND_UDP = {4: "0>>22&0x3C@8", 6: "48"}
IPV6_LEAST_MTU = 1280
"""Bytes (RFC 8200 section 5)."""

PERCENT = Argument("percent", "share of the packets", low=0, high=100)
MILLISECONDS = Argument("ms", "milliseconds", low=0, high=10_000)
MTU = Argument("bytes", "largest packet between the gateways (path c: 1280 at least)", low=576, high=1500)
FAMILY = Argument("family", "of the traffic", "both", choices=("both", "IPv4", "IPv6"))


def _between_gateways(fault: Fault, **settings: float) -> tuple[Effect, ...]:
    """On the transit's egress: what happens to ESP and IKE alike."""
    device = topology.TO_RIGHT if fault.direction == "out" else topology.TO_LEFT
    return (Effect(Queue(fault.tunnel_path.transit, device), settings),)


def _inside_tunnel(fault: Fault, **settings: float) -> tuple[Effect, ...]:
    """On the inner leg: after decryption on the way out, before encryption on the way in.

    Between the gateways ESP's anti-replay window would eat duplicates, and turn far reordering into loss.
    """
    path = fault.tunnel_path
    where = (path.right, topology.LAN) if fault.direction == "out" else (topology.FAR, path.far_device)
    return (Effect(Queue(*where), settings),)


def _mtu(fault: Fault) -> tuple[Effect, ...]:
    octets = int(fault.number("bytes"))
    if fault.tunnel_path.outer == 6 and octets < IPV6_LEAST_MTU:
        raise LabError(f"{fault.text()}: a link of IPv6 has {IPV6_LEAST_MTU} bytes at least")
    return (Effect(RouteMtu(fault.path, fault.direction), octets),)


def _black_hole(fault: Fault) -> tuple[Effect, ...]:
    # the message about a packet on its way out goes back to the left
    back = topology.TO_LEFT if fault.direction == "out" else topology.TO_RIGHT
    path = fault.tunnel_path
    too_big = {4: "fragmentation-needed", 6: "packet-too-big"}[path.outer]
    silence = f"-o {back} {packet_filter.ICMP[path.outer]} {too_big} -j DROP"
    return (*_mtu(fault), Effect(Chain(path.transit, path.outer, "filter", "FAULTS-OUT"), silence))


def _esp_drop(fault: Fault) -> tuple[Effect, ...]:
    return _drop(fault, "-p esp", f"-p udp --dport 4500 -m u32 ! --u32 {_marker(fault)}=0")


def _ike_drop(fault: Fault) -> tuple[Effect, ...]:
    return _drop(fault, "-p udp --dport 500", f"-p udp --dport 4500 -m u32 --u32 {_marker(fault)}=0")


def _marker(fault: Fault) -> str:
    return _BEHIND_UDP[fault.tunnel_path.outer]


def _drop(fault: Fault, *matches: str) -> tuple[Effect, ...]:
    came_by = topology.TO_LEFT if fault.direction == "out" else topology.TO_RIGHT
    chain = Chain(fault.tunnel_path.transit, fault.tunnel_path.outer, "filter", "FAULTS")
    return tuple(Effect(chain, f"-i {came_by} {match} -j DROP") for match in matches)


def policies(letter: str, version: int) -> tuple[Policy, ...]:
    """Every policy that a fault can add on a path for one version of IP, that of the way out first."""
    path, private = topology.PATHS[letter], topology.NEAR[version].private
    lan = str(path.addresses[version].lan.network)
    return (
        Policy(topology.LEFT, private, lan, "out"),
        Policy(topology.LEFT, lan, private, "fwd"),
        Policy(path.right, private, lan, "fwd"),
        Policy(path.right, lan, private, "out"),
    )


def _versions(fault: Fault) -> tuple[int, ...]:
    return {"both": topology.VERSIONS, "IPv4": (4,), "IPv6": (6,)}[fault.arguments["family"]]


def _leak(fault: Fault) -> tuple[Effect, ...]:
    return tuple(
        Effect(policy, "allow") for version in _versions(fault) for policy in policies(fault.path, version)
    )


def _policy_block(fault: Fault) -> tuple[Effect, ...]:
    return tuple(Effect(policies(fault.path, version)[0], "block") for version in _versions(fault))


def _nat(fault: Fault) -> tuple[Effect, ...]:
    # of both versions of IP: what leaks meets it too
    chains = [Chain(fault.tunnel_path.transit, version, "nat", "FAULTS-NAT") for version in topology.VERSIONS]
    udp = f"-o {topology.TO_RIGHT} -p udp -j MASQUERADE --to-ports 20000-30000 --random-fully"
    rules = (udp, f"-o {topology.TO_RIGHT} -j MASQUERADE")
    return tuple(Effect(chain, rule) for chain in chains for rule in rules)


def _far_down(fault: Fault) -> tuple[Effect, ...]:
    # Nothing leaves it, so the gateway does not learn its hardware address either.
    silent = Effect(Queue(topology.FAR, fault.tunnel_path.far_device), {"loss": 100.0})
    return (silent, Effect(Neighbours(fault.path), "forgotten"))


def forget_mappings(transit: str) -> Command:
    """A transit's NAT forgets whom it translates to what."""
    return Command(("conntrack", "-F"), namespace=transit, tolerant=True)


def _responder(fault: Fault) -> tuple[Effect, ...]:
    return (Effect(Service(responders.key_of(fault.arguments["which"], fault.path)), "stopped"),)


_ALL = (
    FaultType(
        "delay",
        "every packet takes longer",
        "RTT rises by as much for each direction",
        directed=True,
        arguments=(MILLISECONDS,),
        effects=lambda fault: _between_gateways(fault, delay_ms=fault.number("ms")),
    ),
    FaultType(
        "jitter",
        "the delay varies evenly by so much to both sides (its mean is raised to it where less)",
        "RTT spreads; packets overtake one another, beyond ESP's window of 32 packets they are lost",
        directed=True,
        arguments=(MILLISECONDS,),
        effects=lambda fault: _between_gateways(fault, jitter_ms=fault.number("ms")),
    ),
    FaultType(
        "loss",
        "a share of the packets between the gateways vanishes",
        "loss in that direction; IKE suffers too",
        directed=True,
        arguments=(PERCENT,),
        effects=lambda fault: _between_gateways(fault, loss=fault.number("percent")),
    ),
    FaultType(
        "corrupt",
        "one bit of a share of the packets flips",
        "ESP refuses them: loss, and XfrmInStateProtoError on the receiving gateway",
        directed=True,
        arguments=(PERCENT,),
        effects=lambda fault: _between_gateways(fault, corrupt=fault.number("percent")),
    ),
    FaultType(
        "duplicate",
        "a share of the packets is sent twice, inside the tunnel",
        "duplicates (between the gateways ESP's anti-replay would eat them)",
        directed=True,
        arguments=(PERCENT,),
        effects=lambda fault: _inside_tunnel(fault, duplicate=fault.number("percent")),
    ),
    FaultType(
        "esp-duplicate",
        "a share of the packets between the gateways is sent twice",
        "nothing at the probers: the receiving gateway counts replays (XfrmInStateSeqError)",
        directed=True,
        arguments=(PERCENT,),
        effects=lambda fault: _between_gateways(fault, duplicate=fault.number("percent")),
    ),
    FaultType(
        "reorder",
        "a share of the packets is late by ms, inside the tunnel",
        "reordering, if the spacing is less than ms",
        directed=True,
        arguments=(PERCENT, Argument("ms", "how late they are", "50", low=1, high=10_000)),
        effects=lambda fault: _inside_tunnel(fault, late=fault.number("percent"), late_ms=fault.number("ms")),
    ),
    FaultType(
        "rate",
        "a bottleneck with a queue of some 50 ms (and a packet)",
        "RTT rises by as much as the queue holds, then loss",
        directed=True,
        arguments=(Argument("kbit", "kbit/s", low=8, high=10_000_000),),
        effects=lambda fault: _between_gateways(fault, kbit=fault.number("kbit")),
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
        effects=_esp_drop,
    ),
    FaultType(
        "ike-drop",
        "IKE is dropped, ESP passes",
        "nothing is lost while packets keep dead peer detection content, or until a rekey is due",
        directed=True,
        effects=_ike_drop,
    ),
    FaultType(
        "sa-lost",
        "the right gateway loses its ESP SAs, and nobody notices",
        "all is lost, XfrmInNoStates on the right, IKE stays ESTABLISHED; a rekey heals",
        once=lambda fault: (
            Command(("ip", "xfrm", "state", "flush", "proto", "esp"), namespace=fault.tunnel_path.right),
        ),
    ),
    FaultType(
        "leak",
        "both gateways let the traffic pass in clear",
        "nothing is lost; one hop more is seen, and no ESP between the gateways",
        arguments=(FAMILY,),
        effects=_leak,
    ),
    FaultType(
        "policy-block",
        "the left gateway's IPsec policy blocks the traffic",
        "all is lost, XfrmOutPolBlock on the left",
        arguments=(FAMILY,),
        effects=_policy_block,
    ),
    FaultType(
        "nat",
        "a NAT appears between the gateways; the tunnel comes up anew",
        "ESP in UDP 4500; 28 bytes less for the payload",
        effects=_nat,
        before=lambda fault: (tunnels.terminate(fault.path),),
        after=lambda fault: (forget_mappings(fault.tunnel_path.transit), tunnels.initiate(fault.path)),
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
        "rekey",
        "the left gateway rekeys",
        "nothing is lost",
        momentary=True,
        arguments=(Argument("what", "which association", "child", choices=("child", "ike")),),
        once=lambda fault: (
            swanctl(topology.LEFT, "--rekey", f"--{fault.arguments['what']}", fault.path),
        ),
    ),
    FaultType(
        "link-down",
        "the right gateway's link is down",
        "all is lost on that path; strongSwan notices after some 17 s",
        effects=lambda fault: (Effect(GatewayLink(fault.path), "down"),),
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
)  # fmt: skip
TYPES = {kind.name: kind for kind in _ALL}
