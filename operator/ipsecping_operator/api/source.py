"""From where packets are sent."""

from ipaddress import ip_address
from typing import Annotated, TypeAlias

from pydantic import Field

from .rules import Model, Rule, Rules, matching
from .scalars import ADDRESS, MAX_ADDRESS, is_ip, is_one_host

Interface: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=15),
    matching(
        "^[a-zA-Z0-9_][-a-zA-Z0-9_.@]*$",
        "must be the name of an interface: letters, digits, _, -, . and @, such as net1",
    ),
]
Address: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=MAX_ADDRESS),
    Rules(
        ADDRESS,
        Rule(
            # From 127.0.0.1 a node's own services would take a probe for one of their own host.
            cel="!isIP(self) || ip(self).isGlobalUnicast() || "
            "(ip(self).isLinkLocalUnicast() && ip(self).family() == 4)",
            holds=lambda text: is_one_host(text) and not (is_ip(text) and ip_address(text).is_loopback),
            message="must be an address that packets can leave with: not loopback, multicast, broadcast, "
            "unspecified or IPv6 link-local",
        ),
    ),
]


class Source(Model):
    """From where probe packets are sent. A pod that has no such address or interface measures nothing:
    Healthy is Unknown, MeasurementInvalid, and no packet counts as lost."""

    interface: Interface | None = None
    """Name of a network interface of the pod (with hostNetwork: of the node), such as net1 of Multus, or one
    that a VRF or an uplink has."""
    address: Address | None = None
    """Address of the pod (with hostNetwork: of the node), as for gateways with policy-based IPsec, whose
    traffic selectors hold some of their addresses only. It must be of the target's family."""
    gateway: bool | None = None
    """True has ike probes sent from there too. Default: false, for the gateway's public endpoint is outside
    of the tunnel, and reached another way as a rule."""

    rules = (
        Rule(
            cel="has(self.interface) != has(self.address)",
            holds=lambda self: (self.interface is None) is not (self.address is None),
            message="exactly one of interface and address is needed",
        ),
    )

    @property
    def name(self) -> str:
        """The interface or the address."""
        found = self.interface or self.address
        assert found is not None
        return found

    def fits(self, host: str) -> bool:
        """Whether an address of ours can send to `host`; of names nobody knows."""
        return self.address is None or not is_ip(host) or (":" in self.address) is (":" in host)
