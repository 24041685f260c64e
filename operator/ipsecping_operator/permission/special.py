"""Addresses that no check may probe unless a network of its own in --allow-targets says so.

They reach the pod itself, what tells a machine its credentials, or the API server: whoever may write checks
need not be able to reach them. All other link-local addresses are as good as any: tunnels have them inside.
"""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from ipsecping.contract.targets import carried_addresses, parsed_networks

_METADATA = (
    "169.254.169.254/32",  # most clouds
    "169.254.170.2/32",  # AWS ECS
    "169.254.170.23/32",  # AWS EKS Pod Identity
    "169.254.0.23/32",  # Tencent
    "169.254.42.42/32",  # Scaleway
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure
    "192.0.0.192/32",  # Oracle
    "fd00:ec2::254/128",  # AWS
    "fd00:ec2::23/128",  # AWS EKS Pod Identity
    "fd20:ce::254/128",  # Google
    "fd00:c1::a9fe:a9fe/128",  # Oracle
    "fd00:42::42/128",  # Scaleway
    "fd00:a9fe:a9fe::1/128",  # Akamai
    "fe80::a9fe:a9fe/128",  # OpenStack
)
_KINDS = {
    "a loopback address": ("127.0.0.0/8", "::1/128"),
    "an unspecified address": ("0.0.0.0/8", "::/128"),
    "a multicast address": ("224.0.0.0/4", "ff00::/8"),
    "the broadcast address": ("255.255.255.255/32",),
    "a cloud's metadata address": _METADATA,
}
_KIND_OF = {network: kind for kind, networks in _KINDS.items() for network in networks}
_ALWAYS = tuple(_KIND_OF)


@lru_cache(maxsize=8)
def special_networks(api_server: tuple[str, ...]) -> tuple[str, ...]:
    """All of them, with the API server's own addresses; one tuple for all checks."""
    if not api_server:
        return _ALWAYS
    own = {f"{each}/{ip_address(each).max_prefixlen}" for each in api_server}
    return _ALWAYS + tuple(sorted(own - {*_ALWAYS}))


def kind_of(address: str, refused: tuple[str, ...]) -> tuple[str, str]:
    """What a refused address is, or what it carries the packets to; and the network that refuses it."""
    plain = ip_address(address.partition("%")[0])
    mapped = plain.ipv4_mapped if isinstance(plain, IPv6Address) else None
    holding = [
        network
        for each in (mapped or plain, *carried_addresses(plain))
        for network in parsed_networks(refused)
        if each in network
    ]
    decides = str(max(holding, key=lambda network: network.prefixlen))
    return _KIND_OF.get(decides, "an address of the API server"), decides
