"""The table of faults. A new one is an entry here; nothing else has to be touched."""

from __future__ import annotations

from .. import responders, topology, tunnels
from ..control import Command
from ..strongswan import swanctl
from .model import Argument, Fault, FaultType
from .resources import Chain, Effect, FarHost, GatewayLink, Policy, Queue, RouteMtu, Service

LEFT_PRIVATE = "10.0.0.0/8"
"""Holds the pods and the lab's namespace, and differs from strongSwan's own selectors."""
# ESP in UDP (RFC 3948): the four octets behind the UDP header are zero in IKE and an SPI in ESP
_IKE_IN_4500 = "-p udp --dport 4500 -m u32 --u32 0>>22&0x3C@8=0"
_ESP_IN_4500 = "-p udp --dport 4500 -m u32 ! --u32 0>>22&0x3C@8=0"

PERCENT = Argument("percent", "share of the packets", low=0, high=100)
MILLISECONDS = Argument("ms", "milliseconds", low=0, high=10_000)
MTU = Argument("bytes", "largest packet between the gateways", low=576, high=1500)


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
    return (Effect(RouteMtu(fault.path, fault.direction), int(fault.number("bytes"))),)


def _black_hole(fault: Fault) -> tuple[Effect, ...]:
    # the message about a packet on its way out goes back to the left
    back = topology.TO_LEFT if fault.direction == "out" else topology.TO_RIGHT
    silence = f"-o {back} -p icmp --icmp-type fragmentation-needed -j DROP"
    return (*_mtu(fault), Effect(Chain(fault.tunnel_path.transit, "filter", "FAULTS-OUT"), silence))


def _drop(fault: Fault, *matches: str) -> tuple[Effect, ...]:
    came_by = topology.TO_LEFT if fault.direction == "out" else topology.TO_RIGHT
    chain = Chain(fault.tunnel_path.transit, "filter", "FAULTS")
    return tuple(Effect(chain, f"-i {came_by} {match} -j DROP") for match in matches)


def _leak(fault: Fault) -> tuple[Effect, ...]:
    path = fault.tunnel_path
    out, back = (LEFT_PRIVATE, path.lan_network), (path.lan_network, LEFT_PRIVATE)
    policies = (
        Policy(topology.LEFT, *out, "out"),
        Policy(topology.LEFT, *back, "fwd"),
        Policy(path.right, *out, "fwd"),
        Policy(path.right, *back, "out"),
    )
    return tuple(Effect(policy, "allow") for policy in policies)


def _policy_block(fault: Fault) -> tuple[Effect, ...]:
    return (Effect(Policy(topology.LEFT, LEFT_PRIVATE, fault.tunnel_path.lan_network, "out"), "block"),)


def _nat(fault: Fault) -> tuple[Effect, ...]:
    chain = Chain(fault.tunnel_path.transit, "nat", "FAULTS-NAT")
    udp = f"-o {topology.TO_RIGHT} -p udp -j MASQUERADE --to-ports 20000-30000 --random-fully"
    return (Effect(chain, udp), Effect(chain, f"-o {topology.TO_RIGHT} -j MASQUERADE"))


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
        effects=lambda fault: _drop(fault, "-p esp", _ESP_IN_4500),
    ),
    FaultType(
        "ike-drop",
        "IKE is dropped, ESP passes",
        "nothing is lost while packets keep dead peer detection content, or until a rekey is due",
        directed=True,
        effects=lambda fault: _drop(fault, "-p udp --dport 500", _IKE_IN_4500),
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
        effects=_leak,
    ),
    FaultType(
        "policy-block",
        "the left gateway's IPsec policy blocks the traffic",
        "all is lost, XfrmOutPolBlock on the left",
        effects=_policy_block,
    ),
    FaultType(
        "nat",
        "a NAT appears between the gateways; the tunnel comes up anew",
        "ESP in UDP 4500; 28 octets less for the payload",
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
        effects=lambda fault: (Effect(FarHost(fault.path), "off"),),
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
