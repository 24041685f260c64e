"""The reflector's sockets: receive, ask the responder, answer from the address that was asked."""

import asyncio
import errno
import logging
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from ..net import timestamping
from ..net.fragmentation import never_fragment
from ..net.message_batch import MessageBatch, SocketAddress, socket_address
from .admission import MAX_PEERS, Drop
from .responder import Request, Responder

log = logging.getLogger(__name__)

MAX_LOCAL = 256
"""Addresses of this host whose forms are kept, where it answers on all of them."""
_RECEIVE_BUFFER = 1 << 21


@dataclass(slots=True)
class Counters:
    """What a listener has done since its start."""

    received: int = 0
    answered: int = 0
    octets_received: int = 0
    octets_answered: int = 0
    dropped: Counter[Drop] = field(default_factory=Counter)
    queue_drops: int = 0
    """Packets the kernel dropped because this program was too slow (SO_RXQ_OVFL)."""

    def to_json(self) -> dict[str, object]:
        """For the log."""
        return {
            "received": self.received,
            "answered": self.answered,
            "octetsReceived": self.octets_received,
            "octetsAnswered": self.octets_answered,
            "dropped": {reason.value: count for reason, count in sorted(self.dropped.items())},
            "queueDrops": self.queue_drops,
        }


class Listener:
    """One UDP socket and its responder. Must be made inside a running event loop; `close` ends it."""

    def __init__(self, address: str, port: int, make_responder: Callable[[int], Responder]) -> None:
        parsed = ip_address(address.partition("%")[0])
        self._wildcard = parsed.is_unspecified
        self._sock = _open(address, port, parsed)
        self.address, self.port = self._sock.getsockname()[:2]
        self._responder = make_responder(self.port)
        self.counters = Counters()
        self._batch = MessageBatch()
        self._own = _Local(self.address, [])
        self._local: dict[bytes, _Local] = {}
        self._peers: dict[bytes, SocketAddress] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._sock, self._readable)

    def close(self) -> None:
        """Stop answering."""
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _readable(self) -> None:
        try:
            requests = self._batch.requests(self._sock)
        except OSError as error:  # an ICMP error about an earlier answer: nobody to tell
            log.debug("receive on port %d: %s", self.port, error)
            return
        now = time.monotonic_ns()
        for source, data, ancillary in requests:
            self._reflect(data, ancillary, self._peer_of(source), now)

    def _reflect(
        self, data: bytes, ancillary: timestamping.Ancillary, source: SocketAddress, now: int
    ) -> None:
        counters = self.counters
        counters.received += 1
        counters.octets_received += len(data)
        if ancillary.drops is not None:
            counters.queue_drops = ancillary.drops
        local = self._local_of(ancillary.local_address)
        request = Request(
            data,
            source[0],
            source[1],
            local.text,
            self.port,
            ancillary.ttl or 0,
            ancillary.traffic_class or 0,
            ancillary.timestamp or time.time_ns(),
            now,
        )
        reply = self._responder.answer(request)
        if isinstance(reply, Drop):
            counters.dropped[reply] += 1
            return
        control = local.control
        if reply.dscp:
            control = [*control, self._traffic_class(reply.dscp)]
        self._responder.finish(reply, time.time_ns())
        if self._send(reply.data, control, source):
            counters.answered += 1
            counters.octets_answered += len(reply.data)
        else:
            counters.dropped[Drop.SEND_FAILED] += 1

    def _traffic_class(self, dscp: int) -> tuple[int, int, bytes]:
        """Ancillary data that makes the answer leave with a differentiated services code point."""
        value = struct.pack("=i", dscp << 2)
        if self._sock.family == socket.AF_INET6:
            return socket.IPPROTO_IPV6, socket.IPV6_TCLASS, value
        return socket.IPPROTO_IP, socket.IP_TOS, value

    def _peer_of(self, source: bytes) -> SocketAddress:
        peer = self._peers.get(source)
        if peer is None:
            if len(self._peers) >= MAX_PEERS:
                self._peers.clear()
            peer = self._peers[source] = socket_address(source)
        return peer

    def _local_of(self, address: bytes | None) -> "_Local":
        """The address that was asked, as text and as ancillary data; made once for each."""
        if address is None or not self._wildcard:
            return self._own
        local = self._local.get(address)
        if local is None:
            if len(self._local) >= MAX_LOCAL:
                self._local.clear()
            local = self._local[address] = _Local(str(ip_address(address)), [_source_address(address)])
        return local

    def _send(self, answer: bytearray, control: list[tuple[int, int, bytes]], source: SocketAddress) -> bool:
        """Send, once more if the error reported was left by an earlier answer."""
        for _ in range(2):
            try:
                self._sock.sendmsg([answer], control, 0, source)
            except OSError as error:
                log.debug("answer to %s: %s", source[0], error)
                if error.errno not in _LEFT_BY_EARLIER:
                    return False
            else:
                return True
        return False


class _Local(NamedTuple):
    text: str
    control: list[tuple[int, int, bytes]]
    """Makes the answer leave from the address that was asked."""


_LEFT_BY_EARLIER = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO}


def _source_address(address: bytes) -> tuple[int, int, bytes]:
    """Ancillary data that makes the answer leave from the address that was asked."""
    if len(address) == 4:
        return socket.IPPROTO_IP, timestamping.IP_PKTINFO, struct.pack("=i4s4x", 0, address)
    return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16si", address, 0)


def _open(address: str, port: int, parsed: IPv4Address | IPv6Address) -> socket.socket:
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, timestamping.IPV6_RECVTCLASS, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, timestamping.IP_RECVTTL, 1)
            sock.setsockopt(socket.IPPROTO_IP, timestamping.IP_PKTINFO, 1)
            sock.setsockopt(socket.IPPROTO_IP, timestamping.IP_RECVTOS, 1)
        never_fragment(sock)
        timestamping.enable_timestamps(sock, timestamping.RECEIVE_ONLY)
        timestamping.enable_drop_counter(sock)
        with suppress(OSError):  # the system's limit holds then
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        sock.setblocking(False)
        info = socket.getaddrinfo(address, port, family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
        sock.bind(info[0][4])
    except BaseException:
        sock.close()
        raise
    return sock
