"""Packets of a round that were refused, and by whom. Stays in the process that measured the round."""

from typing import NamedTuple

from .check import LossReason

MAX_REFUSERS = 4
"""That a round keeps: those that refused most."""


class IcmpError(NamedTuple):
    """An ICMP error about one of our packets (RFC 792; of IPv6 RFC 4443)."""

    version: int
    """Of IP: 4 or 6."""
    type: int
    code: int
    sender: bytes
    """The address that sent it, 4 or 16 bytes; empty: the kernel did not know."""
    at: int
    """When it was read, monotonic nanoseconds."""


class RefusedPackets(NamedTuple):
    """Packets of a round that one sender refused for one reason."""

    reason: LossReason
    left: bool
    """False: this host refused to send them."""
    icmp: tuple[int, int, int] | None = None
    """Version of IP, ICMP type and code; None: no ICMP error said so."""
    sender: str | None = None
    """The address that sent the error; None: not known, or there was none."""
    packets: int = 1
    delay: int | None = None
    """The longest time from sending one until its error was read, nanoseconds."""
