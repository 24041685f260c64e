"""Offers a connected datagram socket without timestamps: what came, in how large pieces, what was refused.

For probes that ask whether a packet passes rather than how long it takes. With `dont_fragment`, packets leave
in one piece or not at all (see `fragmentation`).
"""

import asyncio
import errno
import socket
from ipaddress import ip_address
from typing import NamedTuple

from ..addresses import without_zone
from ..contract import LossReason
from . import timestamping
from .errors import NotSent, of_route, reason_of_extended_error
from .fragmentation import fragment_size, never_fragment, tell_fragments
from .host_calls import closed_on_error, new_socket
from .message_batch import SocketAddress
from .raw_echo import RawEcho, open_echo
from .sender import DEFAULT, Sender

MAX_BATCH = 32
"""Messages taken per call from each of the two queues, before others get their turn."""
_MAX_DATAGRAM = 65_535
_ORIGIN_LOCAL = 1


class TooBigHere(Exception):
    """A packet exceeds this host's own link of `mtu` bytes (0: unknown)."""

    def __init__(self, mtu: int) -> None:
        super().__init__(f"larger than the {mtu} bytes of this host's link")
        self.mtu = mtu


class Arrival(NamedTuple):
    """A packet came in."""

    data: bytes
    fragment: int | None
    """Bytes of the largest fragment it came in; None: in one piece."""


class Refusal(NamedTuple):
    """ICMP says that a packet of ours was lost on the way."""

    quote: bytes
    """As much of the packet as came back, perhaps nothing."""
    reason: LossReason
    mtu: int
    """With `MessageTooBig`: the MTU of the link that was too small, as the message claims."""
    sender: str | None = None
    """The address that says so."""


class ConnectedSocket:
    """Non-blocking; the owner waits for readability of `fileno()` and then calls `receive`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._refusals: list[Refusal] = []
        self._own_limit: int | None = None
        self._closed = False

    def fileno(self) -> int:
        """For the event loop."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the socket; may be called while somebody waits."""
        if not self._closed:
            self._closed = True
            asyncio.get_running_loop().remove_reader(self._sock.fileno())
            self._sock.close()

    async def wait(self, nanoseconds: int) -> None:
        """Wait until something has come, at most so long."""
        loop, descriptor, event = asyncio.get_running_loop(), self._sock.fileno(), asyncio.Event()
        loop.add_reader(descriptor, event.set)
        try:
            async with asyncio.timeout(nanoseconds / 1e9):
                await event.wait()
        except TimeoutError:
            return
        finally:
            # What nobody is going to read must not wake the event loop time and again.
            if not self._closed:
                loop.remove_reader(descriptor)

    @property
    def local(self) -> tuple[str, int]:
        """Our own address and port."""
        address, port = self._sock.getsockname()[:2]
        return without_zone(str(address)), int(port)

    def send(self, data: bytes) -> None:
        """Send; raises TooBigHere and NotSent.

        An ICMP error about an earlier packet also fails the next call: that one is tried again. For "too
        big", the error queue tells this host's own verdict from a router's.
        """
        failure: OSError | None = None
        for _ in range(3):
            try:
                self._sock.send(data)
            except OSError as error:
                failure = error
                if error.errno == errno.EMSGSIZE:
                    self._own_limit = None
                    self._read_errors()
                    if self._own_limit is not None:
                        raise TooBigHere(self._own_limit) from error
            else:
                return
        assert failure is not None
        raise NotSent(failure) from failure

    def receive(self) -> tuple[list[Arrival], list[Refusal]]:
        """What has come, at most `MAX_BATCH` of each."""
        arrivals: list[Arrival] = []
        for _ in range(MAX_BATCH):
            try:
                data, items, _, _ = self._sock.recvmsg(_MAX_DATAGRAM, timestamping.ANCILLARY_SIZE)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an ICMP error, which also stands in the error queue
                continue
            arrivals.append(Arrival(data, fragment_size(items)))
        self._read_errors()
        refusals, self._refusals = self._refusals, []
        return arrivals, refusals

    def _read_errors(self) -> None:
        for _ in range(MAX_BATCH):
            try:
                data, items, _, _ = self._sock.recvmsg(
                    _MAX_DATAGRAM, timestamping.ANCILLARY_SIZE, timestamping.MSG_ERRQUEUE
                )
            except OSError:
                return
            error = timestamping.parse_ancillary(items).error
            if error is None:
                continue
            if error.origin == _ORIGIN_LOCAL:
                if error.errno == errno.EMSGSIZE:
                    self._own_limit = error.info
            elif reason := reason_of_extended_error(error):
                mtu = error.info if reason is LossReason.MESSAGE_TOO_BIG else 0
                sender = str(ip_address(error.offender)) if error.offender else None
                self._refusals.append(Refusal(data, reason, mtu, sender))


def open_connected_udp(
    address: str, port: int, *, sender: Sender = DEFAULT, dont_fragment: bool = False
) -> ConnectedSocket:
    """A socket connected to an IP address and port. Raises OSError (no route, no memory, ...)."""
    family, target = numeric_target(address, port)
    return closed_on_error(
        new_socket(family, socket.SOCK_DGRAM),
        lambda sock: ConnectedSocket(_connected(sock, target, sender, dont_fragment)),
    )


def open_connected_ping(
    address: str, *, sender: Sender = DEFAULT, dont_fragment: bool = False
) -> ConnectedSocket:
    """An ICMP or ICMPv6 echo socket. Raises PingForbidden and OSError."""
    family, target = numeric_target(address, 0)

    def connected(sock: socket.socket) -> ConnectedSocket:
        return ConnectedSocket(_connected(sock, target, sender, dont_fragment))

    def raw(sock: socket.socket, echo: RawEcho) -> ConnectedSocket:
        return _ConnectedRawEcho(_connected(sock, target, sender, dont_fragment), echo)

    return open_echo(family, connected, raw)


class _ConnectedRawEcho(ConnectedSocket):
    """The same over a raw socket."""

    def __init__(self, sock: socket.socket, echo: RawEcho) -> None:
        super().__init__(sock)
        self._echo = echo

    def send(self, data: bytes) -> None:
        super().send(self._echo.outgoing(data))

    def receive(self) -> tuple[list[Arrival], list[Refusal]]:
        arrivals, refusals = super().receive()
        echo = self._echo
        return (
            [arrival._replace(data=echo.incoming(arrival.data)) for arrival in arrivals],
            [refusal for refusal in refusals if echo.is_ours(refusal.quote)],
        )


def numeric_target(address: str, port: int) -> tuple[int, SocketAddress]:
    """Family and socket address of an IP address, of IPv6 with its zone."""
    numeric = socket.getaddrinfo(address.encode(), port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    return numeric[0][0], numeric[0][4]


def _connected(
    sock: socket.socket, target: SocketAddress, sender: Sender, dont_fragment: bool
) -> socket.socket:
    sock.setblocking(False)
    timestamping.enable_errors(sock)
    if dont_fragment:
        never_fragment(sock)
        tell_fragments(sock)
    sender.prepare(sock)
    try:
        sock.connect(target)
    except OSError as error:
        raise of_route(error, sock, target) from error
    return sock
