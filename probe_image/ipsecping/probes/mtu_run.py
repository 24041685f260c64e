"""Carries out one search for the path MTU: sends what it asks for and waits for what comes of it."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from ..contract import LossReason, PathMtu
from ..measure.mtu_evidence import ProbePacket
from ..measure.mtu_search import MtuSearch, Step
from ..net.connected_socket import ConnectedSocket, Refusal, TooBigHere
from ..net.errors import NotSent
from .base import too_still
from .mtu_packets import Packets, new_token

log = logging.getLogger(__name__)

MAX_PACKETS = 1000
"""A search that needs more is given up."""
MAX_UNWANTED = 1000
"""Answers to none of our packets, further answers and ICMP errors: with more of them a search is given up."""
MAX_STATED = 64
"""MTUs that messages state, of which it is kept who stated them."""
PAIR_SPACING = 5_000_000
"""Nanoseconds between the tries of one size."""
ICMP_PAIR_SPACING = 100_000_000
"""The same where all packets are at least so far apart, since hosts and routers limit ICMP."""
PATIENCE = 100_000_000
"""At least so long (nanoseconds) an answer is awaited that nothing shows to be lost."""
SLOW, MOST_AT_ONCE = 200_000_000, 7
"""For each so long (nanoseconds) of a round trip one more size is tried at once, up to so many: else a
search over satellites takes half a minute."""
GRACE = 5_000_000
"""At least so long (nanoseconds) a large packet's answer may come after its companion's."""


def at_once(rtt: int) -> int:
    """Return how many sizes are tried at once where a round trip takes so long (nanoseconds)."""
    return min(1 + rtt // SLOW, MOST_AT_ONCE)


class SmallPackets(NamedTuple):
    """What became of the companions: the figures of a round, which the size limit does not touch."""

    received: int
    losses: Mapping[LossReason, int]
    failed_here: bool
    """This host could not send one (ENOBUFS, ENOMEM, ...)."""
    stood_still: bool
    """One was not answered in time, and for a good part of that this host may not have looked."""


class MtuRun:
    """One search over one socket, in a running event loop. Times in nanoseconds."""

    def __init__(
        self,
        *,
        sock: ConnectedSocket,
        packets: Packets,
        low: int,
        high: int,
        timeout: int,
        pair_spacing: int = PAIR_SPACING,
        tried: Callable[[Step, ProbePacket], None] | None = None,
        most: int = MAX_PACKETS,
    ) -> None:
        """`low` and `high` in bytes of the IP packet, `timeout` for each; `tried` is told of each step.

        A search that needs more than `most` packets is given up.

        With a `pair_spacing` above the usual, the pairs of different sizes are so far apart as well.
        """
        self._timeout = timeout
        self._pair_spacing = pair_spacing
        self._next_pair = 0
        self._sock = sock
        self._packets = packets
        self._search = MtuSearch(low=max(low, packets.floor), high=high, floor=packets.floor)
        self._tried = tried
        self._most = most
        self._sent_at: dict[int, int] = {}
        self._in_time: set[int] = set()
        self._reasons: dict[int, LossReason | None] = {}
        self._largest_rtt = self._overslept = 0
        self._unwanted = 0
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._readable)
        self.messages: list[int] = []
        """The MTUs stated by messages about our packets."""
        self._stated_by: dict[int, str] = {}

    @property
    def packets_sent(self) -> int:
        """So far, companions included."""
        return len(self._search.probes)

    @property
    def flooded(self) -> bool:
        """More came than the target can have had reason to send: the search was given up."""
        return self._unwanted > MAX_UNWANTED

    def close(self) -> None:
        """End the search; the socket is the owner's."""
        self._loop.remove_reader(self._sock.fileno())

    async def reach(self, *, count: int, spacing: int) -> bool:
        """Send small packets until one is answered, at most `count`; False: none was."""
        for _ in range(count - 1):
            self._send(None)
            if await self._until(self._any_answer, time.monotonic_ns() + spacing):
                return True
            if self.flooded:
                return False
        self._send(None)
        await self._until(
            lambda: self._any_answer() or self._all_refused(), time.monotonic_ns() + self._timeout
        )
        return self._any_answer()

    async def find(self, *, until: int) -> PathMtu | None:
        """Search; None when it is not over at `until` (monotonic) or with `MAX_PACKETS`."""
        while isinstance(step := self._next(), Step):
            if self.flooded or time.monotonic_ns() >= until or not self._affords(step):
                return None
            await self._take(step)
        told = step.forward is not None and step.too_big
        return replace(step, too_big_from=self._stated_by.get(step.forward or 0) if told else None)

    async def settle(self, *, until: int | None = None) -> SmallPackets:
        """Wait until each small packet is answered, refused or has had its timeout; then the figures.

        Packets that are still awaited at `until` (monotonic) are forgotten, not lost.
        """
        small = [probe for probe in self._search.probes if probe.companion]
        over = self._sent_at[small[-1].sequence] + self._timeout
        await self._until(
            lambda: all(probe.answered or probe.sequence in self._reasons for probe in small),
            over if until is None else min(over, until),
        )
        received, losses, failed_here, now = 0, Counter[LossReason](), False, time.monotonic_ns()
        for probe in small:
            reason = self._reasons.get(probe.sequence, LossReason.TIMEOUT)
            if probe.sequence in self._in_time:
                received += 1
            elif reason is None:
                failed_here = True
            elif probe.sequence in self._reasons or now - self._sent_at[probe.sequence] >= self._timeout:
                losses[reason] += 1
        still = LossReason.TIMEOUT in losses and too_still(self._overslept, timeout=self._timeout)
        return SmallPackets(received, losses, failed_here, still)

    def _next(self) -> Step | PathMtu:
        """Several sizes at once as long as packets are left for it."""
        step = self._search.next(at_once=at_once(self._largest_rtt))
        return step if isinstance(step, PathMtu) or self._affords(step) else self._search.next()

    def _affords(self, step: Step) -> bool:
        return len(self._search.probes) + step.packets <= self._most

    async def _take(self, step: Step) -> None:
        first = len(self._search.probes)
        for size in step.tries * step.sizes:
            if self._pair_spacing > PAIR_SPACING:
                await self._until(lambda: False, self._next_pair)
            now = time.monotonic_ns()
            self._next_pair = now + self._pair_spacing
            self._send(size)
            self._send(None)
            if await self._until(lambda: self._decided(step, first), now + self._pair_spacing):
                break
        patience = min(self._timeout, max(PATIENCE, 2 * self._largest_rtt))
        await self._until(
            lambda: self._decided(step, first) or self._all_small_answered(step, first),
            time.monotonic_ns() + patience,
        )
        if self._all_small_answered(step, first):
            grace = max(GRACE, self._largest_rtt // 4)
            await self._until(lambda: self._decided(step, first), time.monotonic_ns() + grace)
        if self._tried is not None:
            for size in step.sizes:
                large = [probe for probe in self._large(first) if probe.size == size]
                if large:
                    self._tried(Step(size, step.tries), next((p for p in large if p.answered), large[-1]))

    def _large(self, first: int) -> list[ProbePacket]:
        return [probe for probe in self._search.probes[first:] if not probe.companion]

    def _open(self, step: Step, first: int) -> set[int]:
        """The sizes of which it is not known yet whether they pass; none where the largest does."""
        passed = {probe.size for probe in self._large(first) if probe.answered}
        refused = {probe.size for probe in self._large(first) if probe.refused}
        return set() if max(step.sizes) in passed else {*step.sizes} - passed - refused

    def _decided(self, step: Step, first: int) -> bool:
        return not self._open(step, first)

    def _all_small_answered(self, step: Step, first: int) -> bool:
        """Whether the companions of all sizes are answered that are still open."""
        probes, left = self._search.probes, self._open(step, first)
        pairs = zip(probes[first::2], probes[first + 1 :: 2], strict=True)
        return all(small.answered or not small.left for large, small in pairs if large.size in left)

    def _any_answer(self) -> bool:
        return any(probe.answered for probe in self._search.probes)

    def _all_refused(self) -> bool:
        return all(probe.sequence in self._reasons for probe in self._search.probes)

    async def _until(self, happened: Callable[[], bool], deadline: int) -> bool:
        """Wait until something has happened, at most until `deadline` (monotonic)."""
        while not happened():
            rest = deadline - time.monotonic_ns()
            if rest <= 0 or self.flooded:
                return False
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), rest / 1e9)
            self._overslept = max(self._overslept, time.monotonic_ns() - deadline)
        return True

    def _send(self, size: int | None) -> None:
        probe = self._search.record(size=size, token=new_token())
        self._sent_at[probe.sequence] = time.monotonic_ns()
        try:
            self._sock.send(self._packets.encode(probe.sequence, probe.token, probe.size))
        except TooBigHere as error:
            self._search.refused(probe, error.mtu)
        except NotSent as error:
            probe.left = False
            self._reasons[probe.sequence] = error.reason
            if error.reason is None:
                log.warning("packet of %d bytes not sent: %s", probe.size, error)

    def _readable(self) -> None:
        now = time.monotonic_ns()
        arrivals, refusals = self._sock.receive()
        for refusal in refusals:
            self._refused(refusal)
        for arrival in arrivals:
            reading = self._packets.decode(arrival.data)
            probe = None if reading is None else self._search.find(reading.sequence)
            if reading is None or probe is None or probe.token != reading.token:
                self._unwanted += 1  # foreign
                continue
            self._unwanted += probe.answered
            if not reading.authentic:
                self._reasons.setdefault(probe.sequence, LossReason.AUTH_FAILED)
                continue
            rtt = now - self._sent_at[probe.sequence]
            if not probe.answered and rtt <= self._timeout:
                self._in_time.add(probe.sequence)
                self._largest_rtt = max(self._largest_rtt, rtt)
            whole = arrival.fragment is None and reading.size >= probe.size
            self._search.answered(probe, reply=reading.reply, whole=whole)
        if self.flooded:
            self._loop.remove_reader(self._sock.fileno())
        self._news.set()

    def _refused(self, refusal: Refusal) -> None:
        """A quote that is of no packet of ours is not believed; of one cut short not who says so."""
        self._unwanted += 1
        quoted = self._packets.quoted(refusal.quote)
        probe = None if quoted is None else self._search.find(quoted[0])
        if quoted is not None and (probe is None or probe.token != quoted[1]):
            return
        if refusal.reason is LossReason.MESSAGE_TOO_BIG:
            self.messages.append(refusal.mtu)
            del self.messages[:-MAX_PACKETS]
            if quoted is not None and refusal.sender is not None and len(self._stated_by) < MAX_STATED:
                self._stated_by[refusal.mtu] = refusal.sender
            self._search.too_big(probe, refusal.mtu)
        elif probe is not None:
            self._reasons[probe.sequence] = refusal.reason
