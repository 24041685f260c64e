"""Sends the packets of a trace over UDP or ICMP: all of them from one socket, so that they are one flow."""

import asyncio
import errno
import socket
from contextlib import suppress

from ..addresses import parse_address
from ..contract.trace import Reply, ReplyKind
from ..net import timestamping
from ..net.clocks import Clock
from ..net.connected_socket import numeric_target
from ..net.fragmentation import never_fragment
from ..net.host_calls import closed_on_error, new_socket
from ..net.message_batch import SocketAddress
from ..net.raw_echo import RawEcho, open_echo
from ..net.sender import Sender, set_ttl
from .icmp_errors import LOCAL, kind_of, reply_of, split
from .machine import Heard, ProbePacket
from .packets import EchoPackets, Packets, StampPackets
from .sockets import (
    MAX_BATCH,
    MAX_DATAGRAM,
    Hear,
    errors_of,
    instant_of,
    prepare,
    source_of,
)

_ATTEMPTS = 3


class DatagramProbes:
    """See Probes. The socket is not connected: a target of several addresses may answer from another one."""

    def __init__(
        self,
        sock: socket.socket,
        target: SocketAddress,
        packets: Packets,
        *,
        source: str,
        echo: RawEcho | None = None,
    ) -> None:
        """Takes `sock` over; `echo` where it is a raw one."""
        self.source = source
        self.source_port: int | None = None
        self.least_size = packets.least_size
        self._sock, self._target, self._packets, self._echo = sock, target, packets, echo
        self._clock = Clock()
        self._hear: Hear | None = None

    def start(self, hear: Hear) -> None:
        """See Probes."""
        self._hear = hear
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._readable)

    def close(self) -> None:
        """See Probes."""
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()

    def send(self, packet: ProbePacket) -> None:
        """See Probes."""
        data = self._packets.make(packet.number, packet.size)
        if self._echo is not None:
            data = self._echo.outgoing(data)
        set_ttl(self._sock, packet.ttl)
        for attempt in range(1, _ATTEMPTS + 1):
            # An error about an earlier packet would fail this call.
            self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            try:
                self._sock.sendto(data, self._target)
            except OSError as error:
                if error.errno == errno.EMSGSIZE and self._too_large_here(packet):
                    return
                if attempt == _ATTEMPTS:
                    raise
            else:
                break
        if isinstance(self._packets, StampPackets):
            self.source_port = int(self._sock.getsockname()[1])

    def _too_large_here(self, packet: ProbePacket) -> bool:
        """Whether this host's own link is too small: that is told as if a router had said so."""
        with suppress(OSError):
            while True:
                _, items, _, _ = self._sock.recvmsg(0, timestamping.ANCILLARY_SIZE, timestamping.MSG_ERRQUEUE)
                error = timestamping.parse_ancillary(items).error
                if error is not None and error.origin == LOCAL and 0 < error.info < packet.size:
                    reply = Reply(self.source, ReplyKind.MESSAGE_TOO_BIG, proven=True)
                    heard = Heard(packet.number, reply, self._clock.now(), error.info)
                    asyncio.get_running_loop().call_soon(self._tell, heard)  # once it counts as sent
                    return True
        return False

    def _tell(self, heard: Heard | None) -> None:
        if self._hear is not None:
            self._hear(heard)

    def _readable(self) -> None:
        for data, ancillary, error in errors_of(self._sock):
            quote, extension = split(data, error)
            kind = kind_of(error)
            match = self._packets.quoted(quote) if self._is_ours(quote) else None
            if kind is None or match is None:
                self._tell(None)
                continue
            reply = reply_of(kind, ancillary, extension, proven=match.proven)
            at = instant_of(ancillary.timestamp, self._clock)
            self._tell(Heard(match.number, reply, at, error.info))
        for _ in range(MAX_BATCH):
            try:
                data, items, _, where = self._sock.recvmsg(MAX_DATAGRAM, timestamping.ANCILLARY_SIZE)
            except OSError:  # nothing more, or an error that the error queue explains
                return
            self._take(data, timestamping.parse_ancillary(items), where)

    def _is_ours(self, quote: bytes) -> bool:
        return self._echo is None or self._echo.is_ours(quote)

    def _take(self, data: bytes, ancillary: timestamping.Ancillary, where: SocketAddress) -> None:
        match = self._packets.answered(data if self._echo is None else self._echo.incoming(data))
        if match is None or not (match.proven or where[:2] == self._target[:2]):
            self._tell(None)
            return
        sender = str(parse_address(str(where[0])))
        reply = Reply(sender, ReplyKind.ANSWERED, ttl=ancillary.ttl, proven=match.proven)
        at = instant_of(ancillary.timestamp, self._clock)
        self._tell(Heard(match.number, reply, at, left=match.left))


def open_udp(address: str, port: int, sender: Sender, *, key: bytes | None = None) -> DatagramProbes:
    """Probes over UDP, signed with the key. Raises OSError."""
    source = source_of(address, sender)
    family, target = numeric_target(address, port)

    def made(sock: socket.socket) -> DatagramProbes:
        prepare(sock, sender)
        never_fragment(sock)
        packets = StampPackets(ipv6=family == socket.AF_INET6, key=key)
        return DatagramProbes(sock, target, packets, source=source)

    return closed_on_error(new_socket(family, socket.SOCK_DGRAM), made)


def open_icmp(address: str, sender: Sender) -> DatagramProbes:
    """Probes over ICMP echo. Raises PingForbidden and OSError."""
    source = source_of(address, sender)
    family, target = numeric_target(address, 0)

    def made(sock: socket.socket, echo: RawEcho | None = None) -> DatagramProbes:
        prepare(sock, sender)
        never_fragment(sock)
        packets = EchoPackets(ipv6=family == socket.AF_INET6)
        return DatagramProbes(sock, target, packets, source=source, echo=echo)

    return open_echo(family, made, made)
