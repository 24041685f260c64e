"""Who is answered, and how often: an allow-list of networks and a token bucket per peer."""

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
    LOOP = "Loop"
    """The source port is one we listen on: two reflectors could go on answering each other."""
    SEND_FAILED = "SendFailed"
    """The answer could not be sent."""


class _Peer:
    """One address: whether it is allowed, and its bucket."""

    __slots__ = ("allowed", "filled_at", "tokens")

    def __init__(self, allowed: bool, tokens: float, now: int) -> None:
        self.allowed = allowed
        self.tokens = tokens
        self.filled_at = now


class Admission:
    """Decides on each packet. `rate` is packets a second and peer; as many may come at once."""

    def __init__(self, *, allow: Sequence[Network], rate: int, max_peers: int = MAX_PEERS) -> None:
        if rate < 1:
            raise ValueError(f"the rate must be at least 1 packet a second, not {rate}")
        self._allow = tuple(allow)
        self._rate = rate
        self._max_peers = max_peers
        self._peers: OrderedDict[str, _Peer] = OrderedDict()

    def refuse(self, address: str, now: int) -> Drop | None:
        """Why a packet from `address` at `now` (monotonic nanoseconds) is not answered, or None."""
        peer = self._peers.get(address)
        if peer is None:
            peer = self._meet(address, now)
        if not peer.allowed:
            return Drop.NOT_ALLOWED
        earned = (now - peer.filled_at) * self._rate / NANOSECONDS
        peer.tokens = min(peer.tokens + earned, float(self._rate))
        peer.filled_at = now
        if peer.tokens < 1:
            return Drop.RATE_LIMITED
        peer.tokens -= 1
        return None

    def _meet(self, address: str, now: int) -> _Peer:
        parsed = ip_address(address.partition("%")[0])
        allowed = any(parsed in network for network in self._allow)
        peer = self._peers[address] = _Peer(allowed, float(self._rate), now)
        if len(self._peers) > self._max_peers:
            self._peers.popitem(last=False)
        return peer
