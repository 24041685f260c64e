"""Who sends what nobody waits for, and from whom nothing is taken for a while.

A target may answer a packet 10,000 times, anybody may send to our ports, and a router may repeat an ICMP
error for ever. The answers of many targets wait in one queue, so a flood would push out those of others. It
is stopped before that queue: datagrams by a filter (`source_filter`), ICMP errors by not asking for any.
"""

import logging
import socket
from collections.abc import Collection

from . import source_filter, timestamping
from .message_batch import socket_address

log = logging.getLogger(__name__)

SECOND = 1_000_000_000
MOST_UNWANTED = 256
"""Datagrams a second, of one source: duplicates, late answers and what is no answer. A path that doubles each
packet of the fastest probe makes 100."""
MOST_STRANGE = 1024
"""Datagrams a second of all together that are not targets of the socket."""
MOST_REFUSALS = 1024
"""ICMP errors a second, beside one for each packet sent."""
MUTED = 10 * SECOND
"""For so long nothing is taken from there."""
MAX_MUTED = 256
"""Sources that are muted at the same time."""
MAX_COUNTED = 4096
"""Sources that are counted, or remembered as told of, at the same time."""
_TOLD_FOR = 600 * SECOND


class Counts:
    """What came in the present second. Times in monotonic nanoseconds, passed in."""

    __slots__ = ("_by_source", "_refusals", "_since", "_strange")

    def __init__(self) -> None:
        self._by_source: dict[bytes, int] = {}
        self._since = self._strange = self._refusals = 0

    def is_flood(self, source: bytes, *, now: int) -> bool:
        """Count an unwanted datagram; whether this source has sent too many."""
        self._renew(now)
        if len(self._by_source) >= MAX_COUNTED:
            self._by_source.clear()
        count = self._by_source[source] = self._by_source.get(source, 0) + 1
        return count > MOST_UNWANTED

    def is_strange_flood(self, *, now: int) -> bool:
        """Count a stranger's datagram; whether all of them together have sent too many."""
        self._renew(now)
        self._strange += 1
        return self._strange > MOST_STRANGE

    def is_refusal_flood(self, came: int, *, sent: int, now: int) -> bool:
        """Count `came` ICMP errors, after `sent` packets; whether there were too many."""
        self._renew(now)
        self._refusals = max(self._refusals + came - sent, 0)
        return self._refusals > MOST_REFUSALS

    def _renew(self, now: int) -> None:
        if now - self._since >= SECOND:
            self._since, self._strange, self._refusals = now, 0, 0
            self._by_source.clear()


class FloodGate:
    """Of one socket: mutes sources, all that are not its targets, or ICMP errors. Times as in Counts."""

    def __init__(self, sock: socket.socket, *, ports: bool, own: bytes = b"") -> None:
        """`ports`: a source has a port (UDP); `own`: the filter that the socket has anyway."""
        self._sock = sock
        self._ports = ports
        self._own = own
        self._counts = Counts()
        self._muted: dict[bytes, int] = {}
        """Until when."""
        self._strangers_until = self._refusals_until = 0
        """Until when they are muted; 0: they are not."""
        self._told: dict[str, int] = {}

    def is_muted(self, source: bytes) -> bool:
        """Whether nothing is taken from there."""
        return source in self._muted

    def unwanted(self, source: bytes, far_ends: Collection[bytes], *, now: int) -> bool:
        """A datagram came that nobody waits for; whether somebody is muted for that, just now."""
        if source not in far_ends and not self._strangers_until and self._counts.is_strange_flood(now=now):
            self._strangers_until = now + MUTED
            self._tell(f"more than {MOST_STRANGE} datagrams in a second from strangers", now)
            self.refresh(far_ends)
            return True
        if source in self._muted or not self._counts.is_flood(source, now=now):
            return False
        if len(self._muted) >= MAX_MUTED:
            return False
        self._muted[source] = now + MUTED
        address, port, *_ = socket_address(source)
        sender = f"{address} port {port}" if self._ports else address
        self._tell(f"{sender}: more than {MOST_UNWANTED} datagrams in a second that no packet waits for", now)
        self.refresh(far_ends)
        return True

    def refused(self, came: int, *, sent: int, now: int) -> bool:
        """ICMP errors came, after `sent` packets; whether that has them muted, just now."""
        if self._refusals_until or not self._counts.is_refusal_flood(came, sent=sent, now=now):
            return False
        self._refusals_until = now + MUTED
        self._tell(f"more than {MOST_REFUSALS} ICMP errors in a second that no packet explains", now)
        timestamping.enable_errors(self._sock, enable=False)
        return True

    def lift(self, far_ends: Collection[bytes], *, now: int) -> list[bytes]:
        """Listen again to those whose time is over; the sources among them."""
        over = [source for source, until in self._muted.items() if until <= now]
        for source in over:
            del self._muted[source]
        reopened = 0 < self._strangers_until <= now
        if reopened:
            self._strangers_until = 0
        if over or reopened:
            self.refresh(far_ends)
        if 0 < self._refusals_until <= now:
            self._refusals_until = 0
            timestamping.enable_errors(self._sock)
        return over

    def refresh(self, far_ends: Collection[bytes]) -> None:
        """Have the kernel filter accordingly; where it cannot, what comes is read and passed over."""
        code = self._program(far_ends) or (self._own and self._own + source_filter.ACCEPT)
        try:
            if not code:
                source_filter.detach(self._sock)
            else:
                source_filter.attach(self._sock, code)
        except OSError as error:
            log.debug("filter: %s", error)

    def added(self, far_ends: Collection[bytes]) -> None:
        """There is a new target: it is no stranger."""
        if self._strangers_until:
            self.refresh(far_ends)

    def _program(self, far_ends: Collection[bytes]) -> bytes | None:
        family, ports, own = self._sock.family, self._ports, self._own
        if self._strangers_until:
            heard = [source for source in far_ends if source not in self._muted]
            code = source_filter.program(family, heard, ports=ports, allow=True, own=own)
            if code is not None:
                return code
        if not self._muted:
            return None
        return source_filter.program(family, self._muted, ports=ports, allow=False, own=own)

    def _tell(self, what: str, now: int) -> None:
        """Log a flood, at most every ten minutes."""
        if now >= self._told.get(what, now):
            if len(self._told) >= MAX_COUNTED:
                self._told.clear()
            self._told[what] = now + _TOLD_FOR
            log.warning("%s: nothing is taken from there for %d s", what, MUTED // SECOND)
