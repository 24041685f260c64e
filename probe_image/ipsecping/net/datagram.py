"""Flows of datagrams to one target: UDP, and ICMP echo."""

import socket

from ..addresses import is_ipv6
from .clocks import Clock
from .flow import Flow
from .sender import DEFAULT, Sender
from .socket_pool import Kind, running_pool


def open_udp(address: str, port: int, clock: Clock, *, sender: Sender = DEFAULT) -> Flow:
    """A flow to an IP address and port, from a source port not used towards it. Raises OSError."""
    return _open(address, port, 0, clock, sender)


def open_ping(address: str, clock: Clock, *, sender: Sender = DEFAULT) -> Flow:
    """A flow of ICMP or ICMPv6 echo messages. Raises PingForbidden and OSError."""
    ipv6 = is_ipv6(address)
    protocol = socket.IPPROTO_ICMPV6 if ipv6 else socket.IPPROTO_ICMP
    return _open(address, 0, protocol, clock, sender)


def _open(address: str, port: int, protocol: int, clock: Clock, sender: Sender) -> Flow:
    numeric = socket.getaddrinfo(address.encode(), port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    family, _, _, _, target = numeric[0]
    return running_pool().flow(Kind(family, protocol, sender, clock), target)
