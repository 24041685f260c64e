"""What some rounds of one probe measured, added up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ipsecping.contract import Histogram, Invalidity, LossReason, PathMtu, RoundResult, packets_reached

from .packed_histogram import EMPTY, PackedHistogram, pack, percentiles_of, unpack

_WRONG = frozenset(
    {
        LossReason.AUTH_FAILED,
        LossReason.TLS_FAILED,
        LossReason.UNEXPECTED_STATUS,
        LossReason.BAD_ANSWER,
    }
)
NOTHING: Mapping[LossReason, int] = MappingProxyType({})
NO_SOURCES: Mapping[str, int] = MappingProxyType({})
NO_PORTS: Mapping[int, int] = MappingProxyType({})
MAX_SOURCES = 16
"""Distinct source addresses that are kept; packets from further ones count as `source_unknown`."""
COUNTS = (
    "rounds",
    "sent",
    "received",
    "duplicates",
    "reordered",
    "forward_lost",
    "reverse_lost",
    "undirected",
    "jitter_count",
    "reached",
    "source_unknown",
)
"""Fields that count packets or rounds, and are small in the tally of one round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Add up `rounds` valid rounds between `start` and `end`; invalid rounds add to `invalid`, `reached` and
    `sources` only.

    `directed` says whether any round knew the direction of its losses; `undirected` counts the packets lost
    in rounds that did not. Directions are known when the first is true and the second zero.
    """

    start: int
    end: int
    rounds: int = 0
    invalid: int = 0
    invalidity: Invalidity | None = None
    """Of the newest invalid round."""
    sent: int = 0
    received: int = 0
    duplicates: int = 0
    reordered: int = 0
    forward_lost: int = 0
    reverse_lost: int = 0
    directed: bool = False
    undirected: int = 0
    losses: Mapping[LossReason, int] = field(default_factory=lambda: NOTHING)
    packed_rtt: PackedHistogram = EMPTY
    jitter_sum: int = 0
    jitter_count: int = 0
    reached: int = 0
    """Packets that the far end is known to have got, in invalid rounds too: a leak is a leak."""
    path_mtu: PathMtu | None = None
    """What the newest search found."""
    certificate_expiry: int | None = None
    """When the certificate seen last ends."""
    sources: Mapping[str, int] = field(default_factory=lambda: NO_SOURCES)
    """Source addresses that the far end saw, in invalid rounds too, and how many packets came from each."""
    source_unknown: int = 0
    """Packets answered whose source address, as the far end saw it, is not known."""
    unanswered: Mapping[int, int] = field(default_factory=lambda: NO_PORTS)
    """IKE port to the packets that it did not answer."""
    nat: bool | None = None
    """Whether there is NAT on the way to the gateway, by the newest round that asked."""

    @classmethod
    def of(cls, result: RoundResult, *, start: int) -> "Tally":
        """One round that began at `start` on the operator's clock."""
        end = start + result.duration
        if result.invalid is not None:
            reached = packets_reached(result)
            return cls(
                start=start,
                end=end,
                invalid=1,
                invalidity=result.invalid,
                reached=reached,
                sources=result.sources or NO_SOURCES,
            )
        directed = result.forward_lost is not None and result.reverse_lost is not None
        return cls(
            start=start,
            end=end,
            rounds=1 if result.sent else 0,
            sent=result.sent,
            received=result.received,
            duplicates=result.duplicates,
            reordered=result.reordered,
            forward_lost=result.forward_lost or 0 if directed else 0,
            reverse_lost=result.reverse_lost or 0 if directed else 0,
            directed=directed,
            undirected=0 if directed else result.sent - result.received,
            losses=result.losses or NOTHING,
            packed_rtt=pack(result.rtt),
            jitter_sum=result.jitter_sum,
            jitter_count=result.jitter_count,
            reached=packets_reached(result),
            path_mtu=result.path_mtu,
            certificate_expiry=(
                None if result.certificate_expiry is None else result.certificate_expiry * 1_000_000_000
            ),
            sources=result.sources or NO_SOURCES,
            source_unknown=result.received - sum(result.sources.values()),
            unanswered=dict.fromkeys(result.unanswered, 1) or NO_PORTS,
            nat=result.nat,
        )

    @property
    def rtt(self) -> Histogram:
        """Round-trip times, unpacked anew each time."""
        return unpack(self.packed_rtt)

    def percentiles(self, *percents: float) -> list[int]:
        """Round-trip times (nanoseconds) for percents in ascending order; none where there is no value."""
        return percentiles_of(self.packed_rtt, percents)

    @property
    def lost(self) -> int:
        """Packets sent that no answer came back for in time."""
        return self.sent - self.received

    @property
    def wrong(self) -> int:
        """Packets lost because what answered was not as asked for: the path carried them."""
        return sum(count for reason, count in self.losses.items() if reason in _WRONG)

    @property
    def mtu(self) -> int | None:
        """Octets of the largest packet that passes, both ways where that is known; None: none does."""
        if self.path_mtu is None or self.path_mtu.forward is None:
            return None
        reverse = self.path_mtu.reverse
        return self.path_mtu.forward if reverse is None else min(self.path_mtu.forward, reverse)

    @property
    def answered(self) -> bool:
        """At least one packet came back."""
        return self.received > 0

    @property
    def silent(self) -> bool:
        """Packets were sent and none came back."""
        return self.sent > 0 and self.received == 0

    @property
    def directions_known(self) -> bool:
        """Every lost packet's direction is known, and the probe can tell directions at all."""
        return self.directed and self.undirected == 0

    @property
    def jitter(self) -> int | None:
        """Mean |RTT(i) - RTT(i-1)| in nanoseconds (RFC 3393 applied to round trips), or None."""
        return round(self.jitter_sum / self.jitter_count) if self.jitter_count else None


def total(tallies: list[Tally]) -> Tally | None:
    """All of `tallies` (ordered by time) as one, or None when there are none."""
    if len(tallies) <= 1:
        return tallies[0] if tallies else None
    rtt = Histogram()
    losses: dict[LossReason, int] = {}
    for tally in tallies:
        rtt.merge(tally.rtt)
        for reason, count in tally.losses.items():
            losses[reason] = losses.get(reason, 0) + count
    sources, beyond = _sources(tallies)
    return Tally(
        start=min(t.start for t in tallies),
        end=max(t.end for t in tallies),
        rounds=sum(t.rounds for t in tallies),
        invalid=sum(t.invalid for t in tallies),
        invalidity=next((t.invalidity for t in reversed(tallies) if t.invalidity), None),
        sent=sum(t.sent for t in tallies),
        received=sum(t.received for t in tallies),
        duplicates=sum(t.duplicates for t in tallies),
        reordered=sum(t.reordered for t in tallies),
        forward_lost=sum(t.forward_lost for t in tallies),
        reverse_lost=sum(t.reverse_lost for t in tallies),
        directed=any(t.directed for t in tallies),
        undirected=sum(t.undirected for t in tallies),
        losses=losses or NOTHING,
        packed_rtt=pack(rtt),
        jitter_sum=sum(t.jitter_sum for t in tallies),
        jitter_count=sum(t.jitter_count for t in tallies),
        reached=sum(t.reached for t in tallies),
        path_mtu=next((t.path_mtu for t in reversed(tallies) if t.path_mtu), None),
        certificate_expiry=next(
            (t.certificate_expiry for t in reversed(tallies) if t.certificate_expiry is not None), None
        ),
        sources=sources,
        source_unknown=sum(t.source_unknown for t in tallies) + beyond,
        unanswered=_unanswered(tallies),
        nat=next((t.nat for t in reversed(tallies) if t.nat is not None), None),
    )


def _unanswered(tallies: list[Tally]) -> Mapping[int, int]:
    ports: dict[int, int] = {}
    for tally in tallies:
        for port, count in tally.unanswered.items():
            ports[port] = ports.get(port, 0) + count
    return ports or NO_PORTS


def _sources(tallies: list[Tally]) -> tuple[Mapping[str, int], int]:
    """All source addresses with their packets, and how many packets came from more than are kept."""
    sources: dict[str, int] = {}
    beyond = 0
    for tally in tallies:
        for address, count in tally.sources.items():
            if address in sources or len(sources) < MAX_SOURCES:
                sources[address] = sources.get(address, 0) + count
            else:
                beyond += count
    return sources or NO_SOURCES, beyond
