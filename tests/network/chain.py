"""Network namespaces in a row: near - routers - far. Hop i of a trace from near is router i.

No uplink: all that is sent stays in the namespaces, which vanish with the processes that hold them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise

from .routed import Namespace

ROUTERS = 3


def address(link: int, end: int, *, ipv6: bool = False) -> str:
    """Of the near (1) or far (2) end of a link; link 1 is that of the near host."""
    return f"fd72:{link}::{end}" if ipv6 else f"10.72.{link}.{end}"


def hops(*, ipv6: bool = False) -> list[str]:
    """What a trace from near shows: the near side of each router, then the target."""
    return [address(link, 2, ipv6=ipv6) for link in range(1, ROUTERS + 2)]


SILENCE = """
table inet silence {
  chain out {
    type filter hook output priority 0
    icmp type time-exceeded drop
    icmpv6 type time-exceeded drop
  }
}
"""
FAR, FAR6 = address(ROUTERS + 1, 2), address(ROUTERS + 1, 2, ipv6=True)


class Chain:
    """The namespaces. `routers` counts from the near side."""

    def __init__(self, places: list[Namespace]) -> None:
        self.near, *self.routers, self.far = places
        self._places = places
        for link, (this, other) in enumerate(pairwise(places), 1):
            name = f"to{link}"
            this.ip(
                f"link add {name} type veth peer name from{link} netns {other.process}",
                *_up(link, 1, name),
            )
            other.ip(*_up(link, 2, f"from{link}"))
        for number, place in enumerate(places):
            settings = ["net.ipv4.ping_group_range=0 2147483647"]
            if place is not self.near:
                # A test says where errors are limited: by default routers may say all.
                settings += ["net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"]
            if place in self.routers:
                settings += ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
            place.run("sysctl", "-qw", *settings)
            place.ip(*(route for ipv6 in (False, True) for route in _routes(number, ipv6=ipv6)))

    def lose_no_time(self) -> None:
        """Let the last router say after 0.6 s that a host is not there.

        By default it takes 3 s, and a busy machine takes its part of the few more that our programs wait.
        """
        device = f"neigh.to{ROUTERS + 1}.retrans_time_ms=200"
        self.routers[-1].run("sysctl", "-qw", f"net.ipv4.{device}", f"net.ipv6.{device}")


def _up(link: int, end: int, device: str) -> Iterator[str]:
    """Commands of ip(8) that put one end of a link into service."""
    yield f"link set {device} up"
    yield f"address add {address(link, end)}/24 dev {device}"
    yield f"address add {address(link, end, ipv6=True)}/64 dev {device}"


def _routes(number: int, *, ipv6: bool) -> Iterator[str]:
    """Commands of ip(8): from that place by the next one to all links beyond it, both ways."""
    for link in range(1, ROUTERS + 2):
        if link > number + 1:
            via = address(number + 1, 2, ipv6=ipv6)
        elif link < number:
            via = address(number, 1, ipv6=ipv6)
        else:
            continue
        network = f"fd72:{link}::/64" if ipv6 else f"10.72.{link}.0/24"
        yield f"route add {network} via {via}"


@contextmanager
def chain() -> Iterator[Chain]:
    """The namespaces for as long as the body runs. Raises PeerMissing."""
    with ExitStack() as stack:
        places = []
        for _ in range(ROUTERS + 2):
            place = Namespace()
            stack.callback(place.close)
            places.append(place)
        yield Chain(places)


def as_documented(path: Chain, *, pod: str, far: str) -> None:
    """Give the ends the addresses of the documents.

    The second router is silent, as many are, and the third one's link to the target carries 1,446 bytes.
    """
    path.near.ip(f"address add {pod}/32 dev lo", f"route add {far}/32 via {address(1, 2)} src {pod}")
    path.far.ip(f"address add {far}/32 dev lo", f"route add {pod}/32 via {address(ROUTERS + 1, 1)}")
    for number, router in enumerate(path.routers, 1):
        router.ip(
            f"route add {far}/32 via {address(number + 1, 2)}",
            f"route add {pod}/32 via {address(number, 1)}",
        )
    path.routers[1].run("nft", "-f", "-", stdin=SILENCE)
    path.routers[2].run("ip", "link", "set", f"to{ROUTERS + 1}", "mtu", "1446")
