"""The network of gateways as data. Nothing here starts anything.

    lab netns --TAP ipsec0-- vec0 LEFT gateway (the guest's first namespace)
      path a: wana -- ineta -- righta -- lan -- far    ESP over IPv4
      path b: wanb -- inetb -- rightb -- lan -- far    ESP over IPv4
      path c: wanc -- inetc -- rightc -- lan -- far    ESP over IPv6

Every link has IPv4 and IPv6, and every tunnel carries both. ``ineta``, ``inetb`` and ``inetc`` are the
internet of one path each: what is done to the packets between the gateways is done there, on ``toright`` for
the way out (left to right) and on ``toleft`` for the way in.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

Interface = IPv4Interface | IPv6Interface

LEFT = "left"
FAR = "far"
TAP = "ipsec0"
LEFT_DEVICE = "vec0"
TO_RIGHT = "toright"
TO_LEFT = "toleft"
WAN = "wan"
LAN = "lan"
MTU = 1500
VERSIONS = (4, 6)
"""Of IP."""


@dataclass(frozen=True, slots=True)
class Near:
    """What is on the near side in one version of IP: the lab's namespace, the pods and the left gateway."""

    host: Interface
    left: Interface
    pods: str
    far: str
    """Holds the networks behind all right gateways."""
    private: str
    """Holds the pods and the lab's namespace, and differs from strongSwan's own selectors."""

    @property
    def networks(self) -> tuple[str, str]:
        """What is behind the left gateway: the tunnels' traffic selectors on that side."""
        return str(self.host.network), self.pods


NEAR = {
    4: Near(
        host=ip_interface("10.99.0.1/24"),
        left=ip_interface("10.99.0.2/24"),
        pods="10.244.0.0/16",
        far="10.50.0.0/16",
        private="10.0.0.0/8",
    ),
    6: Near(
        host=ip_interface("fd00:10:99::1/64"),
        left=ip_interface("fd00:10:99::2/64"),
        pods="fd00:10:244::/56",
        far="fd00:10:50::/48",
        private="fd00::/8",
    ),
}
LEFT_NETWORKS = tuple(network for near in NEAR.values() for network in near.networks)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Along a path in one version of IP, from the left gateway to the far host."""

    left: Interface
    transit_left: Interface
    transit_right: Interface
    right: Interface
    lan: Interface
    far: Interface


@dataclass(frozen=True, slots=True)
class TunnelPath:
    """One way from the left gateway to a right one. ``outer``: the version of IP between the gateways."""

    letter: str
    number: int
    outer: int

    @property
    def transit(self) -> str:
        return f"inet{self.letter}"

    @property
    def right(self) -> str:
        return f"right{self.letter}"

    @property
    def left_device(self) -> str:
        return f"wan{self.letter}"

    @property
    def far_device(self) -> str:
        return f"lan{self.letter}"

    @property
    def addresses(self) -> dict[int, Addresses]:
        """By version of IP."""
        base, number = 64 * (self.number - 1), self.number
        return {
            4: Addresses(
                left=ip_interface(f"198.51.100.{base + 1}/26"),
                transit_left=ip_interface(f"198.51.100.{base + 62}/26"),
                transit_right=ip_interface(f"192.0.2.{base + 62}/26"),
                right=ip_interface(f"192.0.2.{base + 1}/26"),
                lan=ip_interface(f"10.50.{number}.1/24"),
                far=ip_interface(f"10.50.{number}.10/24"),
            ),
            6: Addresses(
                left=ip_interface(f"2001:db8:{number}:1::1/64"),
                transit_left=ip_interface(f"2001:db8:{number}:1::fe/64"),
                transit_right=ip_interface(f"2001:db8:{number}:2::fe/64"),
                right=ip_interface(f"2001:db8:{number}:2::1/64"),
                lan=ip_interface(f"fd00:10:50:{number}::1/64"),
                far=ip_interface(f"fd00:10:50:{number}::10/64"),
            ),
        }

    @property
    def between_gateways(self) -> Addresses:
        """Those that ESP and IKE use."""
        return self.addresses[self.outer]

    @property
    def far_addresses(self) -> tuple[str, ...]:
        """Of the far host behind this path's right gateway, one for each version of IP."""
        return tuple(str(each.far.ip) for each in self.addresses.values())

    @property
    def lan_networks(self) -> tuple[str, ...]:
        """Behind the right gateway, one for each version of IP."""
        return tuple(str(each.lan.network) for each in self.addresses.values())


PATHS = {path.letter: path for path in (TunnelPath("a", 1, 4), TunnelPath("b", 2, 4), TunnelPath("c", 3, 6))}
GATEWAYS = (LEFT, *(path.right for path in PATHS.values()))
NAMESPACES = (LEFT, *(path.transit for path in PATHS.values()), *GATEWAYS[1:], FAR)
"""In the order in which their links are made; ``left`` is the guest's first namespace."""


def links(namespace: str) -> list[str]:
    """The lines for ``ip -batch`` that make the namespace's devices, addresses and routes."""
    lines = ["link set lo up"]
    if namespace == LEFT:
        return [*lines, *_left_links()]
    for path in PATHS.values():
        if namespace == path.transit:
            return [*lines, *_transit_links(path)]
        if namespace == path.right:
            return [*lines, *_right_links(path)]
    return [*lines, *(line for path in PATHS.values() for line in _far_links(path))]


def _left_links() -> list[str]:
    lines = _device(LEFT_DEVICE, *(near.left for near in NEAR.values()))
    for path in PATHS.values():
        lines += [
            f"link add {path.left_device} type veth peer name {TO_LEFT} netns {path.transit}",
            *_device(path.left_device, *(each.left for each in path.addresses.values())),
        ]
        for each in path.addresses.values():
            lines += [
                f"route add {each.right.network} via {each.transit_left.ip}",
                f"route add {each.lan.network} via {each.transit_left.ip}",
            ]
    return [*lines, *(f"route add {near.pods} via {near.host.ip}" for near in NEAR.values())]


def _transit_links(path: TunnelPath) -> list[str]:
    # The transit routes the private networks too, on purpose: what leaks in clear reaches the far host.
    return [
        *_device(TO_LEFT, *(each.transit_left for each in path.addresses.values())),
        f"link add {TO_RIGHT} type veth peer name {WAN} netns {path.right}",
        *_device(TO_RIGHT, *(each.transit_right for each in path.addresses.values())),
        *(
            f"route add {network} via {each.left.ip}"
            for version, each in path.addresses.items()
            for network in NEAR[version].networks
        ),
    ]


def _right_links(path: TunnelPath) -> list[str]:
    return [
        *_device(WAN, *(each.right for each in path.addresses.values())),
        f"link add {LAN} type veth peer name {path.far_device} netns {FAR}",
        *_device(LAN, *(each.lan for each in path.addresses.values())),
        *(f"route add default via {each.transit_right.ip}" for each in path.addresses.values()),
    ]


def _far_links(path: TunnelPath) -> list[str]:
    # It answers by the path that was asked. `ip -batch` adds rules of IPv4 only, but a route of IPv6 can have
    # a source of its own.
    ipv4, ipv6 = path.addresses[4], path.addresses[6]
    return [
        *_device(path.far_device, ipv4.far, ipv6.far),
        f"route add default via {ipv4.lan.ip} table {path.number}",
        f"rule add from {ipv4.lan.network} lookup {path.number}",
        f"route add ::/0 from {ipv6.lan.network} via {ipv6.lan.ip}",
    ]


def _device(name: str, *addresses: Interface) -> list[str]:
    # The link first: an IPv6 route needs a next hop whose network is there already.
    return [f"link set {name} up", *(f"addr add {address} dev {name}" for address in addresses)]


def late_routes(path: TunnelPath) -> list[str]:
    """Lines for the transit that can only be added once the right gateway's link is up."""
    return [f"route add {each.lan.network} via {each.right.ip}" for each in path.addresses.values()]
