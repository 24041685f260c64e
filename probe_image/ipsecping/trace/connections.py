"""Sends the packets of a trace over TCP: the SYN of a connection each."""

import asyncio
import errno
import os
import socket

from ..addresses import parse_address
from ..contract.trace import Reply, ReplyKind
from ..net.clocks import Clock
from ..net.connected_socket import numeric_target
from ..net.host_calls import closed_on_error, new_socket, set_option
from ..net.sender import Sender, set_ttl
from ..net.tcp import NO_LINGER
from .icmp_errors import kind_of, reply_of, split
from .machine import Heard, ProbePacket
from .sockets import Hear, errors_of, instant_of, prepare, source_of

_SYN = {socket.AF_INET: 60, socket.AF_INET6: 80}
"""Bytes of a SYN with Linux's options."""
_OF_THE_PATH = frozenset({0, errno.EINPROGRESS, errno.EHOSTUNREACH, errno.ECONNREFUSED})


class ConnectionProbes:
    """See Probes. The kernel has one connection a pair of ports at a time, so each packet has its own port.

    What opens is closed by a reset: nothing stays at the target. A SYN that is not answered within a second
    is sent again by the kernel (RFC 6298), here once at most: what answers the second counts from the first.
    """

    def __init__(self, address: str, port: int, sender: Sender, *, wait: int) -> None:
        """A reply is waited for as long as `wait` (nanoseconds). Raises OSError."""
        self.source = source_of(address, sender)
        self.source_port: int | None = None
        self._family, self._target = numeric_target(address, port)
        self.least_size = _SYN[socket.AddressFamily(self._family)]
        self._sender, self._clock = sender, Clock()
        self._seconds = wait / 1e9
        self._open: dict[socket.socket, tuple[ProbePacket, asyncio.TimerHandle]] = {}
        self._hear: Hear | None = None

    def start(self, hear: Hear) -> None:
        """See Probes."""
        self._hear = hear

    def send(self, packet: ProbePacket) -> None:
        """See Probes."""
        sock = new_socket(self._family, socket.SOCK_STREAM)
        closed_on_error(sock, lambda made: self._connect(made, packet))

    def close(self) -> None:
        """See Probes."""
        for sock in list(self._open):
            self._close(sock)

    def _connect(self, sock: socket.socket, packet: ProbePacket) -> None:
        prepare(sock, self._sender)
        set_option(sock, socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        set_option(sock, socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
        set_ttl(sock, packet.ttl)
        failed = sock.connect_ex(self._target)
        if failed not in _OF_THE_PATH:
            raise OSError(failed, os.strerror(failed))
        loop = asyncio.get_running_loop()
        self._open[sock] = packet, loop.call_later(self._seconds, self._close, sock)
        loop.add_writer(sock.fileno(), self._ready, sock, failed)

    def _close(self, sock: socket.socket) -> None:
        _, timer = self._open.pop(sock)
        timer.cancel()
        asyncio.get_running_loop().remove_writer(sock.fileno())
        sock.close()

    def _ready(self, sock: socket.socket, failed: int) -> None:
        packet, _ = self._open[sock]
        heard = self._refusal(sock, packet) or self._outcome(sock, packet, failed)
        self._close(sock)
        if heard is not None and self._hear is not None:
            self._hear(heard)

    def _refusal(self, sock: socket.socket, packet: ProbePacket) -> Heard | None:
        """The ICMP error that has ended the attempt. The kernel has compared the number of the SYN."""
        for data, ancillary, error in errors_of(sock):
            kind = kind_of(error)
            if kind is not None:
                reply = reply_of(kind, ancillary, split(data, error)[1], proven=True)
                return Heard(packet.number, reply, instant_of(ancillary.timestamp, self._clock), error.info)
        return None

    def _outcome(self, sock: socket.socket, packet: ProbePacket, failed: int) -> Heard | None:
        failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or failed
        if failed == errno.ECONNREFUSED:
            kind = ReplyKind.REFUSED
        elif failed in (0, errno.EINPROGRESS) and _is_connected(sock):
            kind = ReplyKind.ANSWERED
        else:
            return None
        reply = Reply(str(parse_address(str(self._target[0]))), kind, proven=True)
        return Heard(packet.number, reply, instant_of(None, self._clock))


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
