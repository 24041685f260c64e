"""Which size to try next in a search for the path MTU, and when it is found (RFC 8899, RFC 4821).

A size passes by one proof and fails by several losses under answered companions. Proof outweighs failure: a
size that passes clears all failures up to it. So a limit found too low by chance is found out when the size
just above it is confirmed to fail, with as many tries as the loss seen on the path demands. A message "too
big" only says where to look next (RFC 8899 section 4.6): nothing is believed that was not tried.
"""

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

from ..contract import PathMtu
from .ledger import FIRST_SEQUENCE
from .mtu_evidence import Evidence, ProbePacket, loss_of_companions, trustworthy, weigh

TRIES = 2
"""So many losses make a size fail, provisionally."""
LEAST_TRIES, MOST_TRIES = 3, 20
"""So many losses confirm the final limit, depending on the loss of companions."""
ERROR = 1e-5
"""Accepted probability that the final limit is one of chance."""
MAX_HINTS = 8
IP_HEADER = {False: 20, True: 40}
"""Bytes of the header without options or extensions, by whether it is IPv6."""
_TCP_HEADER = 20


class Step(NamedTuple):
    """What to send next: `tries` packets of `size` bytes, and as many of each further size, each with its
    companion."""

    size: int
    tries: int
    also: tuple[int, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """All of them."""
        return (self.size, *self.also)

    @property
    def packets(self) -> int:
        """On the wire, companions included."""
        return 2 * self.tries * len(self.sizes)


class Limit(NamedTuple):
    """The end of one search: the largest size that passes, None if not even the least does."""

    size: int | None


def mss_of(mtu: int, *, ipv6: bool) -> int:
    """The TCP maximum segment size to clamp to for a path MTU (RFC 9293 section 3.7.1)."""
    return max(mtu - IP_HEADER[ipv6] - _TCP_HEADER, 0)


def tries_needed(sent: int, lost: int) -> int:
    """Losses in a row that chance explains with a probability of at most `ERROR`, in bounds.

    The path's loss is estimated by the rule of succession: a few packets without a loss do not mean none.
    """
    share = (lost + 1) / (sent + 2)
    return min(max(math.ceil(math.log(ERROR) / math.log(share)), LEAST_TRIES), MOST_TRIES)


def _narrow(
    *,
    low: int,
    high: int,
    passed: Collection[int],
    failed: Mapping[int, int],
    refused: Collection[int],
    hints: Collection[int],
    needed: int,
    at_once: int,
) -> Step | Limit:
    """The next size between `low` and `high` to try, or the largest that passes.

    `failed` counts the failures of each size, `refused` are sizes that fail for certain.
    """
    if not passed:
        if low in refused or failed.get(low, 0) >= needed:
            return Limit(None)
        also = (*_between(low, high, at_once), high) if at_once > 1 and not failed and high > low else ()
        return Step(low, needed if failed.get(low, 0) else TRIES, also)
    good = max(passed)
    bad = min(
        (s for s in {*failed, *refused} if s > good and (s in refused or failed[s] >= TRIES)),
        default=high + 1,
    )
    if bad <= good + 1 or good >= high:
        lacking = 0 if bad > high or bad in refused else needed - failed.get(bad, 0)
        return Limit(good) if lacking <= 0 or good >= high else Step(bad, lacking)
    for hint in hints:
        for size in (hint, hint + 1):
            if good < size < bad and (size == hint or good == hint):
                return Step(size, TRIES, (size + 1,) if at_once > 1 and size + 1 < bad else ())
    if bad > high:
        return Step(high, TRIES, _between(good, high, at_once) if at_once > 1 else ())
    parts = _between(good, bad, at_once)
    return Step(parts[0], TRIES, parts[1:])


def _between(good: int, bad: int, count: int) -> tuple[int, ...]:
    """At most so many sizes that part what lies between in equal intervals."""
    parts = (good + (bad - good) * part // (count + 1) for part in range(1, count + 1))
    return tuple(dict.fromkeys(size for size in parts if good < size < bad))


class MtuSearch:
    """One search with one target. The owner sends what `next` says and reports what comes of it."""

    def __init__(self, *, low: int, high: int, floor: int) -> None:
        """Sizes in bytes of the IP packet; `floor` is that of the companions."""
        self._low, self._high, self._floor = low, high, floor
        self.probes: list[ProbePacket] = []
        self._copied = False
        self._hints: list[int] = []
        self._told: dict[int, int] = {}
        """Of each size that a message was about: the smallest MTU that one stated."""

    def record(self, *, size: int | None, token: int = 0) -> ProbePacket:
        """Enter a packet that is about to be sent; without a size, a companion."""
        number = FIRST_SEQUENCE + len(self.probes)
        probe = ProbePacket(number, self._floor if size is None else size, size is None, token)
        self.probes.append(probe)
        return probe

    def find(self, sequence: int | None) -> ProbePacket | None:
        """The packet with that number."""
        index = -1 if sequence is None else sequence - FIRST_SEQUENCE
        return self.probes[index] if 0 <= index < len(self.probes) else None

    def answered(self, probe: ProbePacket, *, reply: int | None, whole: bool) -> None:
        """An answer to `probe` came; late ones and copies are welcome."""
        if probe.answered and reply != probe.reply:
            self._copied = True  # the packet was copied on the way there: the numbers count copies
        else:
            probe.reply = reply
        probe.answered = True
        probe.whole |= whole

    def too_big(self, probe: ProbePacket | None, mtu: int) -> None:
        """A message says that `probe` (None: it does not say which) exceeds a link of `mtu` bytes."""
        if probe is not None:
            self._told[probe.size] = min(mtu, self._told.get(probe.size, mtu))
        self._hint(mtu, self._high if probe is None else probe.size)

    def refused(self, probe: ProbePacket, mtu: int) -> None:
        """This host's own link, of `mtu` bytes (0: unknown), is too small for `probe`."""
        probe.left, probe.refused = False, True
        self._hint(mtu, probe.size)

    def _hint(self, mtu: int, limit: int) -> None:
        if self._low <= mtu < limit and mtu not in self._hints and len(self._hints) < MAX_HINTS:
            self._hints.append(mtu)

    def next(self, *, at_once: int = 1) -> Step | PathMtu:
        """What to send now, or what was found. `at_once`: where a round trip takes long, so many sizes divide
        the interval in one."""
        counted = trustworthy(self.probes) and not self._copied
        evidence = weigh(self.probes, counted=counted)
        there = self._direction(evidence, back=False, high=self._high, at_once=at_once)
        if isinstance(there, Step):
            return there
        if there.size is None:
            return PathMtu(forward=None, reverse=None, too_big=self._was_told(0))
        back: Step | Limit | None = None
        if counted:
            back = self._direction(evidence, back=True, high=there.size, at_once=at_once)
            if isinstance(back, Step):
                return back
            back = Limit(self._floor if back.size is None else back.size)
        elif there.size == self._high and evidence[there.size].returned:
            back = there
        return PathMtu(
            forward=there.size,
            reverse=None if back is None else back.size,
            too_big=self._was_told(there.size),
        )

    def _direction(
        self, evidence: Mapping[int, Evidence], *, back: bool, high: int, at_once: int
    ) -> Step | Limit:
        return _narrow(
            low=self._low,
            high=high,
            passed=[s for s, e in evidence.items() if (e.returned if back else e.arrived) and s <= high],
            failed={s: e.kept if back else e.lost for s, e in evidence.items() if s <= high},
            refused=[] if back else [s for s, e in evidence.items() if e.refused],
            hints=self._hints,
            needed=tries_needed(*loss_of_companions(self.probes)),
            at_once=at_once,
        )

    def _was_told(self, limit: int) -> bool:
        """Whether a message explains the limit: one that states a larger MTU leaves it a black hole."""
        beyond = self._low if limit == 0 else limit + 1
        own = any(probe.refused and probe.size == beyond for probe in self.probes)
        return own or any(size >= beyond > mtu for size, mtu in self._told.items())
