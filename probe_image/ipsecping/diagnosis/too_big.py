"""What routers say of packets that are too big for them, as evidence (RFC 1191, RFC 8201). Pure data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TooBig:
    """ICMP "fragmentation needed" or ICMPv6 "packet too big" messages that say the same."""

    router: str
    """The address that says so."""
    mtu: int
    """Of the next hop, as the messages state it, in bytes."""
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OversizedFound:
    """Packets of the link's size with Don't Fragment, sent to the target while it was silent."""

    size: int
    """Of the IP packets, in bytes: the MTU of our own link, at most 1500."""
    sent: int
    told: tuple[TooBig, ...] = ()
    """What was said of them."""
