"""Evidence as the facts and symptoms look at it: batches added up by part, method and window."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar

from ..addresses import without_zone
from ..contract import ProbeType
from ..contract.targets import Address, Network
from . import statistics
from .evidence import Batch, Evidence, IkeAnswer, Part
from .refusal import ErrorKind, PastError, PathError
from .tally import Tally, part_of, tally

T = TypeVar("T")
_NEIGHBOURHOOD = {4: 24, 6: 64}
"""Prefix lengths of addresses that one selector and one route cover as a rule."""


class Reading:
    """Sums and look-ups over one evidence. Pure; each is made once."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._said: dict[Callable[[Reading], Any], Any] = {}

    def once(self, ask: "Callable[[Reading], T]") -> T:
        """Return what a pure question comes to, asked once however many facts rest on it."""
        if ask not in self._said:
            self._said[ask] = ask(self)
        found: T = self._said[ask]
        return found

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """Those of the methods, in both windows."""
        return part_of(self.evidence, Part.METHODS)

    @cached_property
    def target(self) -> Tally:
        """All packets to the target, by any method."""
        return tally(self.batches)

    @cached_property
    def methods(self) -> dict[ProbeType, Tally]:
        """The packets to the target by method."""
        kinds = dict.fromkeys(batch.type for batch in self.batches)
        return {kind: tally(batch for batch in self.batches if batch.type is kind) for kind in kinds}

    @cached_property
    def dead_methods(self) -> tuple[ProbeType, ...]:
        """Methods without one answer, while others have so many that it is no accident."""
        alive = tally(batch for batch in self.batches if self.methods[batch.type].answered)
        return tuple(
            kind
            for kind, each in self.methods.items()
            if not each.answered
            and not each.misanswered
            and each.differs(alive, comparisons=len(self.methods))
        )

    @cached_property
    def _alive(self) -> tuple[Batch, ...]:
        """The batches of methods that are answered at all."""
        return tuple(each for each in self.batches if each.type not in self.dead_methods)

    @cached_property
    def icmp_limited(self) -> bool:
        """Whether ICMP loses more than all else: somebody limits it, and what it loses shows nothing."""
        return _losing(self._alive) is ProbeType.ICMP

    @cached_property
    def measured(self) -> tuple[Batch, ...]:
        """The batches whose losses are counted: of methods that are answered at all, without limited ICMP."""
        return tuple(each for each in self._alive if not (self.icmp_limited and each.type is ProbeType.ICMP))

    @cached_property
    def confirmed(self) -> bool:
        """Whether the target was measured in both windows."""
        return {batch.window for batch in self.batches} == {1, 2}

    def control(self, part: Part) -> Tally | None:
        """The packets to a control address; None: not tested."""
        found = part_of(self.evidence, part)
        return tally(found) if found else None

    def named(self, part: Part) -> str:
        """The control's address, for a person."""
        address = self.evidence.expected.controls.get(part)
        found = part_of(self.evidence, part)
        address = address or (found[0].address if found else None)
        return f"{PLACES[part]} ({address})" if address else PLACES[part]

    def answers(self, part: Part) -> bool | None:
        """Whether a control answers; None: not tested, too few packets, or it never did."""
        found = self.control(part)
        if found is None:
            return None
        if found.answered:
            return True
        baseline = self.evidence.baseline
        if baseline is not None and part not in baseline.controls:
            return None
        return False if found.sent >= CONTROL_PACKETS else None

    @cached_property
    def ike_answers(self) -> bool | None:
        """Whether the IKE daemon answers on any port; None: not tested."""
        ike = self.evidence.ike
        return None if ike is None else IkeAnswer.ANSWERED in ike.ports.values()

    @cached_property
    def refused_before(self) -> tuple[PastError, ...]:
        """What refused packets of the rounds before: of methods that are silent still, where nobody has told
        this diagnosis anything. Hosts limit ICMP errors, and rounds take what there is of them."""
        silent = {kind for kind, each in self.methods.items() if not each.answered and not each.misanswered}
        untold = silent - {batch.type for batch in self.batches if batch.errors}
        told = self.evidence.refused_before or ()
        return tuple(
            each for each in told if each.type in untold and self.evidence.at - each.until <= STILL_TRUE
        )

    @cached_property
    def _errors(self) -> tuple[tuple[ProbeType, PathError], ...]:
        """What refused packets to the target, with their method."""
        now = [(batch.type, error) for batch in self.batches for error in batch.errors]
        return (*now, *((each.type, each) for each in self.refused_before))

    def errors(self, *kinds: ErrorKind) -> Iterator[PathError]:
        """What refused packets to the target, of these kinds."""
        return (error for _, error in self._errors if error.kind in kinds)

    def methods_with(self, errors: Iterable[PathError]) -> frozenset[ProbeType]:
        """Return the methods whose packets these errors refused."""
        found = {id(error) for error in errors}
        return frozenset(kind for kind, error in self._errors if id(error) in found)

    @cached_property
    def near_side(self) -> Set[str]:
        """Addresses of our side: our gateway's, the first hop's, and those in the prober's own network."""
        own = {*self._first_hops, *self.our_gateways}
        if (source := self._source) is not None:
            own |= {source, *(each for each in self._senders if self.near_each_other(each, source))}
        return own - {self.evidence.address} - self.far_gateways

    @cached_property
    def our_gateways(self) -> Set[str]:
        """Addresses that our gateway speaks by: its inside address, and senders of errors beside it.

        Two that share one by VRRP answer by it, and refuse by their own.
        """
        controls, source = self.evidence.expected.controls, self._source
        ours, address = controls.get(Part.NEAR_INSIDE), self.evidence.address
        if ours is None:
            return frozenset()
        far = (controls.get(Part.FAR_INSIDE), address)
        if any(each is not None and self.near_each_other(each, ours) for each in far):
            return {ours}
        # A node may be beside it as well; where the prober itself is, its first hop may be the gateway.
        beside = source is not None and self.near_each_other(source, ours)
        others = {source, *(() if beside else self._first_hops), *self.far_gateways}
        return {ours, *(each for each in self._senders - others if self.near_each_other(each, ours))}

    @cached_property
    def far_gateways(self) -> Set[str]:
        """Addresses of the far gateway, where they are not the target's."""
        controls = self.evidence.expected.controls
        found = {controls.get(Part.FAR_INSIDE), controls.get(Part.GATEWAY)} - {self.evidence.address}
        return {each for each in found if each is not None}

    @cached_property
    def _first_hops(self) -> Set[str]:
        hops = self.evidence.hops or ()
        return {hop.address for hop in hops if hop.ttl == 1 and hop.address is not None}

    @cached_property
    def _senders(self) -> Set[str]:
        return {error.sender for _, error in self._errors if error.sender is not None}

    @property
    def _source(self) -> str | None:
        host = self.evidence.host
        return None if host is None else host.source

    @cached_property
    def knows_far_gateway(self) -> bool:
        """Whether it is known by which address the far gateway speaks to us of packets to the target."""
        address, known = self.evidence.address, self.evidence.expected.controls.get(Part.GATEWAY)
        if address is None or known is None:
            return False
        return ip_address(without_zone(known)).version == ip_address(without_zone(address)).version

    def holds(self, networks: tuple[str, ...], address: str) -> bool:
        """Whether one of the networks holds the address."""
        parsed: Address = ip_address(without_zone(address))
        found: list[Network] = [ip_network(each) for each in networks]
        return any(parsed in each for each in found)

    def near_each_other(self, address: str, other: str) -> bool:
        """Whether two addresses lie in one /24 (IPv6: /64)."""
        version = ip_address(without_zone(address)).version
        around = f"{without_zone(other)}/{_NEIGHBOURHOOD[version]}"
        return ip_address(without_zone(other)).version == version and ip_address(
            without_zone(address)
        ) in ip_network(around, strict=False)

    @cached_property
    def lossy(self) -> Tally:
        """The packets by methods that are answered at all."""
        return tally(self.measured)

    @cached_property
    def losing_method(self) -> ProbeType | None:
        """The only method that loses, while the others together lose less and it is no accident."""
        return _losing(self.measured)


def _losing(batches: Sequence[Batch]) -> ProbeType | None:
    """The method that loses more than the others together, by no accident."""
    kinds = {kind: tally(each for each in batches if each.type is kind) for kind in {b.type for b in batches}}
    if len(kinds) < 2:
        return None
    worst = max(kinds, key=lambda kind: (kinds[kind].ratio, kind))
    rest = tally(each for each in batches if each.type is not worst)
    p = statistics.fisher(kinds[worst].lost, kinds[worst].sent, rest.lost, rest.sent)
    return worst if p < statistics.SIGNIFICANT / len(kinds) and kinds[worst].ratio > rest.ratio else None


STILL_TRUE = 300_000_000_000
"""Nanoseconds: what a round was told longer before the diagnosis says nothing of what is wrong now."""
CONTROL_PACKETS = 8
"""A control that answered none of so many, and is known to answer, is silent."""

PLACES = {
    Part.FAR_INSIDE: "the far gateway's inside address",
    Part.CONTROL_RATE: "the far gateway's inside address",
    Part.NEAR_INSIDE: "our gateway's inside address",
    Part.GATEWAY: "the far gateway's public address",
    Part.NEIGHBOUR: "the target's neighbour",
    Part.ELSEWHERE: "a destination outside of the tunnel",
}
