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

from ..addresses import parse_address
from ..net import timestamping
from ..net.fragmentation import never_fragment
from ..net.message_batch import MessageBatch, SocketAddress, socket_address
from ..net.receive_queue import queue_drops
from .admission import LARGEST, Drop
from .responder import Request, Responder

log = logging.getLogger(__name__)

MAX_PEERS = 8_192
"""Allowed addresses with their ports whose text is kept."""
MAX_LOCAL = 256
"""Addresses of this host whose text is kept, where it answers on all of them."""
MAX_CONTROLS = 4_096
"""Forms of ancillary data that are kept."""
_RECEIVE_BUFFER = 1 << 21


@dataclass(slots=True)
class Counters:
    """What a listener has done since its start."""

    received: int = 0
    answered: int = 0
    octets_received: int = 0
    octets_answered: int = 0
    dropped: Counter[Drop] = field(default_factory=Counter)
    last: dict[Drop, str] = field(default_factory=dict)
    """From whom the newest of these came."""
    queue_drops: int = 0
    """Packets the kernel dropped because the receive queue was full: this program was too slow."""

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

    def __init__(
        self, address: str, port: int, make_responder: Callable[[int], Responder], *, largest: int = LARGEST
    ) -> None:
        """`largest`: bytes of UDP payload of a packet that is answered."""
        parsed = parse_address(address)
        self._wildcard = parsed.is_unspecified
        self._sock = _open(address, port, parsed)
        self.address, self.port = self._sock.getsockname()[:2]
        self._responder = make_responder(self.port)
        self._largest = largest
        self._ttl = _default_ttl(self._sock)
        self._counters = Counters()
        self._batch = MessageBatch()
        # Caches of what follows from their keys: to lose an entry costs time alone, so a full one is emptied.
        self._local: dict[bytes, str] = {}
        self._peers: dict[bytes, SocketAddress] = {}
        self._controls: dict[tuple[bytes | None, int, int], list[tuple[int, int, bytes]]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._sock, self._readable)

    def close(self) -> None:
        """Stop answering."""
        self._loop.remove_reader(self._sock)
        self._look_at_queue()
        self._sock.close()

    @property
    def counters(self) -> Counters:
        """As of now."""
        self._look_at_queue()
        return self._counters

    def _look_at_queue(self) -> None:
        with suppress(OSError):  # closed, or a kernel that does not tell
            self._counters.queue_drops = queue_drops(self._sock)

    def _readable(self) -> None:
        try:
            requests = self._batch.requests(self._sock)
        except OSError as error:  # an ICMP error about an earlier answer: nobody to tell
            log.debug("receive on port %d: %s", self.port, error)
            return
        now = time.monotonic_ns()
        for source, data, ancillary in requests:
            self._reflect(data, ancillary, source, now)

    def _reflect(self, data: bytes, ancillary: timestamping.Ancillary, source: bytes, now: int) -> None:
        counters = self._counters
        counters.received += 1
        counters.octets_received += len(data)
        if len(data) > self._largest:
            counters.dropped[Drop.TOO_LONG] += 1
            return
        peer = self._peers.get(source)
        if peer is None:
            peer = self._remember(source)
        asked = ancillary.local_address if self._wildcard else None
        request = Request(
            data,
            peer[0],
            peer[1],
            self.address if asked is None else self._local.get(asked) or self._local_text(asked),
            self.port,
            ancillary.ttl or 0,
            ancillary.traffic_class,
            ancillary.timestamp or time.time_ns(),
            now,
        )
        reply = self._responder.answer(request)
        if isinstance(reply, Drop):
            counters.dropped[reply] += 1
            counters.last[reply] = peer[0]
            if reply in _PERHAPS_STRANGERS:
                del self._peers[source]  # they take no room in which peers could stand
            return
        form = asked, reply.dscp, reply.ttl
        control = self._controls.get(form)
        if control is None:
            control = self._control(*form)
        self._responder.finish(reply, time.time_ns())
        if self._send(reply.data, control, peer):
            counters.answered += 1
            counters.octets_answered += len(reply.data)
        else:
            counters.dropped[Drop.SEND_FAILED] += 1

    def _remember(self, source: bytes) -> SocketAddress:
        if len(self._peers) >= MAX_PEERS:
            self._peers.clear()
        peer = self._peers[source] = socket_address(source)
        return peer

    def _local_text(self, address: bytes) -> str:
        if len(self._local) >= MAX_LOCAL:
            self._local.clear()
        text = self._local[address] = str(ip_address(address))
        return text

    def _control(self, source: bytes | None, dscp: int, ttl: int) -> list[tuple[int, int, bytes]]:
        """Ancillary data that makes an answer leave from an address, with a code point and at most a TTL."""
        if len(self._controls) >= MAX_CONTROLS:
            self._controls.clear()
        control = self._controls[source, dscp, ttl] = []
        ipv6 = self._sock.family == socket.AF_INET6
        level = socket.IPPROTO_IPV6 if ipv6 else socket.IPPROTO_IP
        if source is not None:
            control.append(_source_address(source))
        if dscp:
            control.append((level, socket.IPV6_TCLASS if ipv6 else socket.IP_TOS, _INT.pack(dscp << 2)))
        if ttl < self._ttl:
            control.append((level, socket.IPV6_HOPLIMIT if ipv6 else socket.IP_TTL, _INT.pack(ttl)))
        return control

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


_LEFT_BY_EARLIER = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO}

_PERHAPS_STRANGERS = {Drop.NOT_ALLOWED, Drop.LOOP, Drop.RESERVED_PORT}
"""Dropped before it was looked at whether they are allowed, or because they are not."""
_INT = struct.Struct("=i")


def _source_address(address: bytes) -> tuple[int, int, bytes]:
    """Ancillary data that makes the answer leave from the address that was asked."""
    if len(address) == 4:
        return socket.IPPROTO_IP, timestamping.IP_PKTINFO, struct.pack("=i4s4x", 0, address)
    return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16si", address, 0)


def _default_ttl(sock: socket.socket) -> int:
    """TTL or hop limit of what the socket sends, where nothing else is said."""
    if sock.family == socket.AF_INET6:
        return sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
    return sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)


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
        with suppress(OSError):  # the system's limit holds then
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        sock.setblocking(False)
        info = socket.getaddrinfo(address, port, family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
        sock.bind(info[0][4])
    except BaseException:
        sock.close()
        raise
    return sock
