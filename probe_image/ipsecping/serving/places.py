"""Who has a place at a server, and who makes room for a newcomer when all are taken. Pure.

A newcomer is never turned away: so whoever opens connections for no purpose keeps nobody else out. The one
that goes is of the origin that holds the most (whoever comes from elsewhere, such as the kubelet, stays), and
of its connections the one of the least use: first one that is answered already, then one that has not asked
yet, then the one that has taken nothing for longest. A reader that has proved who it is counts apart.
"""

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv6Address

from ..addresses import parse_address


class Stage(IntEnum):
    """How far a connection is, in the order in which they make room."""

    ANSWERED = 0
    """The answer is sent; what the client still sends is read."""
    HALF_OPEN = 1
    """Its request has not come yet."""
    ANSWERING = 2
    """It takes an answer."""


@dataclass(slots=True, eq=False)
class Place:
    """One connection's."""

    origin: str
    moved: float
    """When it last took or sent something, in monotonic seconds."""
    stage: Stage = Stage.HALF_OPEN
    trusted: bool = False


class Places:
    """At most so many for strangers, and for those who have proved who they are."""

    def __init__(self, *, strangers: int, trusted: int) -> None:
        self._limits = {False: strangers, True: trusted}
        self._taken: dict[bool, dict[Place, None]] = {False: {}, True: {}}
        self._origins: Counter[str] = Counter()
        """Of the strangers."""

    def __len__(self) -> int:
        return len(self._taken[False]) + len(self._taken[True])

    def take(self, newcomer: Place) -> Place | None:
        """Give a stranger a place; returns whose place that was."""
        self._taken[False][newcomer] = None
        self._origins[newcomer.origin] += 1
        return self._who_goes(newcomer)

    def trust(self, place: Place) -> Place | None:
        """Its reader has proved who it is; returns who of those has to go for it."""
        self.leave(place)
        place.trusted = True
        self._taken[True][place] = None
        return self._who_goes(place)

    def leave(self, place: Place) -> None:
        """The connection has ended."""
        if place not in self._taken[place.trusted]:
            return
        del self._taken[place.trusted][place]
        if not place.trusted:
            self._origins[place.origin] -= 1
            if not self._origins[place.origin]:
                del self._origins[place.origin]

    def _who_goes(self, newcomer: Place) -> Place | None:
        taken = self._taken[newcomer.trusted]
        if len(taken) <= self._limits[newcomer.trusted]:
            return None
        others = (place for place in taken if place is not newcomer)
        goes = min(others, key=lambda each: (-self._origins[each.origin], each.stage, each.moved))
        self.leave(goes)
        return goes


def origin(address: str) -> str:
    """What counts as one origin: an IPv4 address, a /64 of IPv6, which any host may choose addresses from."""
    try:
        parsed = parse_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped) if parsed.ipv4_mapped else f"{parsed.packed[:8].hex()}/64"
