"""Routers that send packets to each other until their TTL is used up. Pure."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple


class Loop(NamedTuple):
    """A loop."""

    ttl: int
    """From this hop on."""
    routers: tuple[str, ...]
    """In order."""


def loop_among(heard: Mapping[int, str | None], *, times: int = 2) -> Loop | None:
    """The loop that the hops heard of end in, by TTL: the same routers in the same order, each so many times.

    Silent hops fit in anywhere, as routers limit their errors. One address alone is none: a router that
    translates addresses may stand for several others.
    """
    last = max(heard, default=0)
    for period in range(2, last // 2 + 1):
        routers: dict[int, str] = {}
        seen: Counter[int] = Counter()
        begin = last
        for ttl in sorted(heard, reverse=True):
            sender = heard[ttl]
            if sender is None or routers.setdefault(ttl % period, sender) != sender:
                break
            begin = ttl
            seen[ttl % period] += 1
        if len(seen) == period and min(seen.values()) >= times and len(set(routers.values())) > 1:
            return Loop(begin, tuple(routers[ttl % period] for ttl in range(begin, begin + period)))
    return None
