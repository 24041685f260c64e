"""The network of gateways as data. Nothing here starts anything.

    lab netns --TAP ipsec0 10.99.0.1-- vec0 10.99.0.2 LEFT gateway (the guest's first namespace)
      path a: wana 198.51.100.1   -- ineta (.126 | 192.0.2.126) -- righta 192.0.2.1   -- lan 10.50.1.1 -- far 10.50.1.10
      path b: wanb 198.51.100.129 -- inetb (.254 | 192.0.2.254) -- rightb 192.0.2.129 -- lan 10.50.2.1 -- far 10.50.2.10

``ineta`` and ``inetb`` are the internet of one path each: what is done to the packets between the gateways
is done there, on ``toright`` for the way out (left to right) and on ``toleft`` for the way in.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass

LEFT = "left"
FAR = "far"
TAP = "ipsec0"
HOST_ADDRESS = "10.99.0.1"
LEFT_ADDRESS = "10.99.0.2"
HOST_NETWORK = "10.99.0.0/24"
POD_NETWORKS = "10.244.0.0/16"
FAR_NETWORKS = "10.50.0.0/16"
LEFT_NETWORKS = (HOST_NETWORK, POD_NETWORKS)
"""What is behind the left gateway: the tunnels' traffic selectors on that side."""
TO_RIGHT = "toright"
TO_LEFT = "toleft"
WAN = "wan"
LAN = "lan"
MTU = 1500


@dataclass(frozen=True, slots=True)
class TunnelPath:
    """One way from the left gateway to a right one. ``base`` starts its half of the public networks."""

    letter: str
    number: int
    base: int

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
    def left_network(self) -> str:
        return f"198.51.100.{self.base}/25"

    @property
    def right_network(self) -> str:
        return f"192.0.2.{self.base}/25"

    @property
    def left_address(self) -> str:
        return f"198.51.100.{self.base + 1}"

    @property
    def right_address(self) -> str:
        return f"192.0.2.{self.base + 1}"

    @property
    def transit_left_address(self) -> str:
        return f"198.51.100.{self.base + 126}"

    @property
    def transit_right_address(self) -> str:
        return f"192.0.2.{self.base + 126}"

    @property
    def lan_network(self) -> str:
        return f"10.50.{self.number}.0/24"

    @property
    def lan_address(self) -> str:
        return f"10.50.{self.number}.1"

    @property
    def far_address(self) -> str:
        """The far host behind this path's right gateway."""
        return f"10.50.{self.number}.10"


PATHS = {path.letter: path for path in (TunnelPath("a", 1, 0), TunnelPath("b", 2, 128))}
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
    lines = [f"addr add {LEFT_ADDRESS}/24 dev vec0", "link set vec0 up"]
    for path in PATHS.values():
        lines += [
            f"link add {path.left_device} type veth peer name {TO_LEFT} netns {path.transit}",
            f"addr add {path.left_address}/25 dev {path.left_device}",
            f"link set {path.left_device} up",
            f"route add {path.right_network} via {path.transit_left_address}",
            f"route add {path.lan_network} via {path.transit_left_address}",
        ]
    return [*lines, f"route add {POD_NETWORKS} via {HOST_ADDRESS}"]


def _transit_links(path: TunnelPath) -> list[str]:
    # The transit routes the private networks too, on purpose: what leaks in clear reaches the far host.
    return [
        f"addr add {path.transit_left_address}/25 dev {TO_LEFT}",
        f"link set {TO_LEFT} up",
        f"link add {TO_RIGHT} type veth peer name {WAN} netns {path.right}",
        f"addr add {path.transit_right_address}/25 dev {TO_RIGHT}",
        f"link set {TO_RIGHT} up",
        *(f"route add {network} via {path.left_address}" for network in LEFT_NETWORKS),
    ]


def _right_links(path: TunnelPath) -> list[str]:
    return [
        f"addr add {path.right_address}/25 dev {WAN}",
        f"link set {WAN} up",
        f"link add {LAN} type veth peer name {path.far_device} netns {FAR}",
        f"addr add {path.lan_address}/24 dev {LAN}",
        f"link set {LAN} up",
        f"route add default via {path.transit_right_address}",
    ]


def _far_links(path: TunnelPath) -> list[str]:
    return [
        f"addr add {path.far_address}/24 dev {path.far_device}",
        f"link set {path.far_device} up",
        # it answers by the path that was asked
        f"route add default via {path.lan_address} table {path.number}",
        f"rule add from {path.lan_network} lookup {path.number}",
    ]


def late_routes(path: TunnelPath) -> list[str]:
    """Lines for the transit that can only be added once the right gateway's link is up."""
    return [f"route add {path.lan_network} via {path.right_address}"]
