"""What the sockets of a trace have in common.

No privileges: errors come with the packet they quote by the socket's error queue (IP_RECVERR of ip(7),
IPV6_RECVERR of ipv6(7)), stamped by the kernel when they came in.
"""

import socket
from collections.abc import Callable, Iterator
from typing import Protocol

from ..addresses import parse_address
from ..net import timestamping
from ..net.clocks import Clock
from ..net.connected_socket import numeric_target
from ..net.host_calls import new_socket, set_option, try_option
from ..net.sender import Sender
from .icmp_errors import LOCAL
from .machine import Heard, ProbePacket

MAX_BATCH = 64
"""Messages taken at once from each queue, before others get their turn."""
MAX_DATAGRAM = 65_535
_IP_RECVERR_RFC4884, _IPV6_RECVERR_RFC4884 = 26, 31
_OLDEST = 60_000_000_000

Hear = Callable[[Heard | None], None]
"""Told of each reply; of None for what is about no packet of ours."""


class Probes(Protocol):
    """What sends the packets of a trace."""

    source: str
    source_port: int | None
    least_size: int
    """Bytes of the smallest IP packet."""

    def start(self, hear: Hear) -> None:
        """Hand over what comes in from now on."""

    def send(self, packet: ProbePacket) -> None:
        """Send it. Raises OSError: this host does not."""

    def close(self) -> None:
        """Send and hear nothing more."""


def source_of(address: str, sender: Sender) -> str:
    """The address that packets to `address` come from. Raises OSError (no route, SourceUnavailable, ...)."""
    family, target = numeric_target(address, 1)
    with new_socket(family, socket.SOCK_DGRAM) as sock:
        sender.prepare(sock)
        sock.connect(target)
        return str(parse_address(str(sock.getsockname()[0])))


def prepare(sock: socket.socket, sender: Sender) -> None:
    """Have the kernel hand over ICMP errors, whole, stamped, and with the TTL they came with.

    Raises HostRefused.
    """
    sock.setblocking(False)
    timestamping.enable_errors(sock)
    timestamping.enable_timestamps(sock, timestamping.RECEIVE_ONLY)
    ipv6 = sock.family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if ipv6 else socket.IPPROTO_IP
    extensions = _IPV6_RECVERR_RFC4884 if ipv6 else _IP_RECVERR_RFC4884
    try_option(sock, level, extensions, 1, without="no MPLS labels are seen")
    set_option(sock, level, socket.IPV6_RECVHOPLIMIT if ipv6 else timestamping.IP_RECVTTL, 1)
    sender.prepare(sock)


def errors_of(
    sock: socket.socket,
) -> Iterator[tuple[bytes, timestamping.Ancillary, timestamping.ExtendedError]]:
    """Take network errors from the error queue: the quote, and what the kernel says beside it."""
    for _ in range(MAX_BATCH):
        try:
            data, items, _, _ = sock.recvmsg(
                MAX_DATAGRAM, timestamping.ANCILLARY_SIZE, timestamping.MSG_ERRQUEUE
            )
        except OSError:
            return
        ancillary = timestamping.parse_ancillary(items)
        if ancillary.error is not None and ancillary.error.origin != LOCAL:
            yield data, ancillary, ancillary.error


def instant_of(stamp: int | None, clock: Clock) -> int:
    """A kernel's stamp on the monotonic clock; now where there is none, or the clock was set since."""
    now = clock.read().monotonic
    instant = now if stamp is None else stamp - clock.offset
    return instant if now - _OLDEST < instant <= now else now
