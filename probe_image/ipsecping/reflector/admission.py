"""Who is answered, and how much: an allow-list of networks, a rate for each source and one for all."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from .rates import PACKETS, Meter, Meters, Rate
from .sources import AllowList, Network, source_of

MAX_SOURCES: Final = 16_384
MAX_ADDRESSES: Final = 8_192
"""Addresses of which it is remembered which source they are: a cache, to lose an entry costs time alone."""
OCTETS_PER_PACKET: Final = 1_500
"""The rate in bytes is that of as many packets of this size, where nothing else is said."""
LARGEST: Final = 9_216
"""Bytes of UDP payload of a packet that is answered, where nothing else is said: a jumbo frame's."""


class Drop(StrEnum):
    """Why a packet is not answered; the names of the reflector's counters."""

    NOT_ALLOWED = "NotAllowed"
    """The source address is in no allowed network."""
    TOO_SHORT = "TooShort"
    """Fewer bytes than the answer would have."""
    TOO_LONG = "TooLong"
    """More bytes than are answered in one packet; nothing of it was looked at."""
    RATE_LIMITED = "RateLimited"
    """The source sends more packets than its rate."""
    OCTET_RATE_LIMITED = "OctetRateLimited"
    """The source sends more bytes than its rate."""
    TOTAL_RATE_LIMITED = "TotalRateLimited"
    """All sources together send more packets than the total rate."""
    TOTAL_OCTET_RATE_LIMITED = "TotalOctetRateLimited"
    """All sources together send more bytes than the total rate."""
    TOO_MANY_SOURCES = "TooManySources"
    """More sources within a second than there is room for; those that are known go on being answered."""
    NOT_AUTHENTIC = "NotAuthentic"
    """There are keys, and the packet is signed with none of them."""
    OTHER_MODE = "OtherMode"
    """It is in STAMP's authenticated mode, and packets are answered in the unauthenticated one: both sides
    have to be of one mode (RFC 8762 section 4.1)."""
    REPLAYED = "Replayed"
    """A signed packet that was here before, or too far behind the others to tell."""
    LOOP = "Loop"
    """From a reflector, by its source port (one we listen on) or its content: answering it could go on for
    ever, or upset the session that it belongs to."""
    RESERVED_PORT = "ReservedPort"
    """From a source port below 1024, where services are that answer anything: echo, chargen, DNS, NTP."""
    TTL_EXPIRED = "TTLExpired"
    """Its TTL or hop limit is used up: the answer's, one less, would be 0."""
    SEND_FAILED = "SendFailed"
    """The answer could not be sent."""


class Admission:
    """Decides on each packet. Rates are a second's packets and bytes, for each source and for all.

    What is due in a second may come at once. A source is an address; the addresses of an IPv6 /64 are one
    (`source_of`). Addresses that are not allowed are remembered nowhere.
    """

    def __init__(
        self,
        *,
        allow: Sequence[Network],
        rate: int,
        total_rate: int,
        octet_rate: int | None = None,
        total_octet_rate: int | None = None,
        largest: int = LARGEST,
        max_sources: int = MAX_SOURCES,
    ) -> None:
        """`largest`: bytes of a packet that is never too much on its own."""
        for name, value in (("rate", rate), ("total rate", total_rate)):
            if value < 1:
                raise ValueError(f"the {name} must be at least 1 packet a second, not {value}")
        for name, octets in (("octet rate", octet_rate), ("total octet rate", total_octet_rate)):
            if octets is not None and octets < 1:
                raise ValueError(f"the {name} must be at least 1 byte a second, not {octets}")
        self._allow = AllowList(allow)
        self._rate = Rate(rate, octet_rate or rate * OCTETS_PER_PACKET, largest=largest)
        self._total_rate = Rate(
            total_rate, total_octet_rate or total_rate * OCTETS_PER_PACKET, largest=largest
        )
        self._total = Meter()
        self._meters = Meters(max_sources)
        self._sources: dict[str, str] = {}

    @property
    def sources(self) -> int:
        """How many are remembered."""
        return len(self._meters)

    def refuse(self, address: str, now: int, octets: int = 0) -> Drop | None:
        """Why a packet from `address` at `now` (monotonic nanoseconds) is not answered, or None."""
        source = self._sources.get(address)
        if source is None:
            if not self._allow.allows(address):
                return Drop.NOT_ALLOWED
            if len(self._sources) >= MAX_ADDRESSES:
                self._sources.clear()
            source = self._sources[address] = source_of(address)
        meter = self._meters.get(source)
        if meter is None:
            meter = self._meters.add(source, now)
            if meter is None:
                return Drop.TOO_MANY_SOURCES
        # The source's own rate first: what it sends in excess takes nothing from the others.
        excess = self._rate.take(meter, octets, now)
        if excess is not None:
            return Drop.RATE_LIMITED if excess is PACKETS else Drop.OCTET_RATE_LIMITED
        excess = self._total_rate.take(self._total, octets, now)
        if excess is not None:
            return Drop.TOTAL_RATE_LIMITED if excess is PACKETS else Drop.TOTAL_OCTET_RATE_LIMITED
        return None
