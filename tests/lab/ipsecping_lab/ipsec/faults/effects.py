"""What the tables of faults share: arguments, and effects that several faults have. Pure."""

from __future__ import annotations

from .. import topology, tunnels
from ..control import Command
from .model import Argument, Fault
from .resources import Chain, Effect, Policy, Queue

# ESP in UDP (RFC 3948): the four bytes behind the UDP header are zero in IKE and an SPI in ESP
_BEHIND_UDP = {4: "0>>22&0x3C@8", 6: "48"}
PERCENT = Argument("percent", "share of the packets", low=0, high=100)
FAMILY = Argument("family", "of the traffic", "both", choices=("both", "IPv4", "IPv6"))


def between_gateways(fault: Fault, **settings: float) -> tuple[Effect, ...]:
    """On the transit's egress: what happens to ESP and IKE alike."""
    device = topology.TO_RIGHT if fault.direction == "out" else topology.TO_LEFT
    return (Effect(Queue(fault.tunnel_path.transit, device), settings),)


def inside_tunnel(fault: Fault, **settings: float) -> tuple[Effect, ...]:
    """On the inner leg: after decryption on the way out, before encryption on the way in.

    Between the gateways ESP's anti-replay window would eat duplicates, and turn far reordering into loss.
    """
    path = fault.tunnel_path
    where = (path.right, topology.LAN) if fault.direction == "out" else (topology.FAR, path.far_device)
    return (Effect(Queue(*where), settings),)


def came_by(fault: Fault) -> str:
    """The transit's device at which packets of the fault's direction arrive."""
    return topology.TO_LEFT if fault.direction == "out" else topology.TO_RIGHT


def drop(fault: Fault, *matches: str) -> tuple[Effect, ...]:
    """The transit drops what matches, in the fault's direction, of the packets between the gateways."""
    chain = Chain(fault.tunnel_path.transit, fault.tunnel_path.outer, "filter", "FAULTS")
    return tuple(Effect(chain, f"-i {came_by(fault)} {match} -j DROP") for match in matches)


def esp(fault: Fault) -> tuple[str, ...]:
    """Rules' matches of ESP, also in UDP."""
    return ("-p esp", f"-p udp --dport 4500 -m u32 ! --u32 {_BEHIND_UDP[fault.tunnel_path.outer]}=0")


def ike(fault: Fault) -> dict[str, str]:
    """Rules' matches of IKE by port."""
    marker = _BEHIND_UDP[fault.tunnel_path.outer]
    return {"500": "-p udp --dport 500", "4500": f"-p udp --dport 4500 -m u32 --u32 {marker}=0"}


def ike_header(fault: Fault, *, mask: int, value: int) -> tuple[str, ...]:
    """Rules' matches of IKE by the word that has exchange type and flags (RFC 7296 section 3.1)."""
    # that word is behind both SPIs; on port 4500 IKE is behind a marker (RFC 3948 section 2.2)
    udp, marker = {4: ("0>>22&0x3C@", 8), 6: ("", 48)}[fault.tunnel_path.outer]
    word = f"&0x{mask:X}=0x{value:X}"
    return (
        f"-p udp --dport 500 -m u32 --u32 {udp}{marker + 16}{word}",
        f"-p udp --dport 4500 -m u32 --u32 {udp}{marker}=0&&{udp}{marker + 20}{word}",
    )


def of_path(fault: Fault, command: str) -> str:
    """The same command of sed within the left gateway's connection of the fault's path alone."""
    return f"/^  {fault.path} {{/,/^  }}/{{{command}}}"


def renewed(fault: Fault) -> tuple[Command, ...]:
    """The fault's tunnel comes up anew."""
    return tunnels.renew(fault.path)


def no_new_keys(fault: Fault) -> tuple[Effect, ...]:
    """The gateways cannot talk IKE with each other, so that neither mends what is broken; others can ask."""
    ends, path = fault.tunnel_path.between_gateways, fault.tunnel_path
    chain = Chain(path.transit, path.outer, "filter", "FAULTS")
    pairs = ((ends.left.ip, ends.right.ip), (ends.right.ip, ends.left.ip))
    return tuple(
        Effect(chain, f"-s {source} -d {destination} {match} -j DROP")
        for source, destination in pairs
        for match in ike(fault).values()
    )


def policies(letter: str, version: int) -> dict[tuple[str, str], Policy]:
    """Every policy that a fault can add on a path for one version of IP: by gateway and direction."""
    path, private = topology.PATHS[letter], topology.NEAR[version].private
    lan = str(path.addresses[version].lan.network)
    return {
        ("left", "out"): Policy(topology.LEFT, private, lan, "out"),
        ("left", "fwd"): Policy(topology.LEFT, lan, private, "fwd"),
        ("right", "in"): Policy(path.right, private, lan, "in"),
        ("right", "fwd"): Policy(path.right, private, lan, "fwd"),
        ("right", "out"): Policy(path.right, lan, private, "out"),
    }


def policy(fault: Fault, action: str, *places: tuple[str, str]) -> tuple[Effect, ...]:
    """Policies with this action at these places, of the fault's family (without such an argument: both)."""
    versions = {"IPv4": (4,), "IPv6": (6,)}.get(fault.arguments.get("family", ""), topology.VERSIONS)
    return tuple(
        Effect(policies(fault.path, version)[place], action) for version in versions for place in places
    )
