"""Who is answered, and how often: an allow-list of networks, a token bucket per peer and one for all."""

from collections import OrderedDict
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from ..wire.ntp import NANOSECONDS

Network = IPv4Network | IPv6Network

MAX_PEERS: Final = 65_536


class Drop(StrEnum):
    """Why a packet is not answered; the names of the reflector's counters."""

    NOT_ALLOWED = "NotAllowed"
    """The source address is in no allowed network."""
    TOO_SHORT = "TooShort"
    """Fewer octets than the answer would have."""
    RATE_LIMITED = "RateLimited"
    """The peer sends more than its rate."""
    TOTAL_RATE_LIMITED = "TotalRateLimited"
    """All peers together send more than the total rate."""
    NOT_AUTHENTIC = "NotAuthentic"
    """There are keys, and the packet is signed with none of them."""
    REPLAYED = "Replayed"
    """A signed packet that was here before, or too far behind the others to tell."""
    LOOP = "Loop"
    """From a reflector, by its source port (one we listen on) or its signed content: answering it could go on
    for ever, or upset the session that it belongs to."""
    SEND_FAILED = "SendFailed"
    """The answer could not be sent."""


class _Bucket:
    """Earns `rate` tokens a second and holds as many."""

    __slots__ = ("_filled_at", "_rate", "_tokens")

    def __init__(self, rate: int, now: int) -> None:
        self._rate = float(rate)
        self._tokens = self._rate
        self._filled_at = now

    def take(self, now: int) -> bool:
        earned = (now - self._filled_at) * self._rate / NANOSECONDS
        self._tokens = min(self._tokens + earned, self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class _Peer:
    """One address: whether it is allowed, and its bucket."""

    __slots__ = ("allowed", "bucket")

    def __init__(self, allowed: bool, bucket: _Bucket) -> None:
        self.allowed = allowed
        self.bucket = bucket


class Admission:
    """Decides on each packet. Rates are packets a second, per peer and in all; as many may come at once."""

    def __init__(
        self, *, allow: Sequence[Network], rate: int, total_rate: int, max_peers: int = MAX_PEERS
    ) -> None:
        for name, value in (("rate", rate), ("total rate", total_rate)):
            if value < 1:
                raise ValueError(f"the {name} must be at least 1 packet a second, not {value}")
        self._allow = tuple(allow)
        self._rate = rate
        self._total_rate = total_rate
        self._max_peers = max_peers
        self._total: _Bucket | None = None
        self._peers: OrderedDict[str, _Peer] = OrderedDict()

    def refuse(self, address: str, now: int) -> Drop | None:
        """Why a packet from `address` at `now` (monotonic nanoseconds) is not answered, or None."""
        peer = self._peers.get(address)
        if peer is None:
            peer = self._meet(address, now)
        if not peer.allowed:
            return Drop.NOT_ALLOWED
        # The peer's own bucket first: what it sends in excess takes nothing from the others.
        if not peer.bucket.take(now):
            return Drop.RATE_LIMITED
        if self._total is None:
            self._total = _Bucket(self._total_rate, now)
        return None if self._total.take(now) else Drop.TOTAL_RATE_LIMITED

    def _meet(self, address: str, now: int) -> _Peer:
        parsed = ip_address(address.partition("%")[0])
        allowed = any(parsed in network for network in self._allow)
        peer = self._peers[address] = _Peer(allowed, _Bucket(self._rate, now))
        if len(self._peers) > self._max_peers:
            self._peers.popitem(last=False)
        return peer
