"""What was measured of one probe on one path, and of each of its instances. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ipsecping.contract import Invalidity, PlannedProbe
from ipsecping_operator.verdict.instance import MAX_INSTANCES, Instance
from ipsecping_operator.verdict.route import UNKNOWN, Change, Route, Sender, follow
from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import Window

from .totals import Totals


@dataclass(frozen=True, slots=True)
class Basis:
    """What a window's rounds have in common. A change of it begins a new window; other edits keep it."""

    target: str
    probe: PlannedProbe
    per_node: bool = False
    """Each node measures for itself."""
    per_address: bool = False
    """Each address of the target is measured by itself."""

    @property
    def instances(self) -> bool:
        """Whether the probe has instances."""
        return self.per_node or self.per_address

    def instance(self, *, node: str | None, address: str | None) -> Instance:
        """Which of them a result is of, by the node of its pod and the address that it names."""
        return Instance(node if self.per_node else None, address if self.per_address else None)


@dataclass(slots=True)
class Rounds:
    """The rounds of one instance of a probe; of most probes there is but one."""

    window: Window
    totals: Totals = field(default_factory=Totals)
    last_end: int | None = None
    """End of the newest round, valid or not."""
    used: int | None = None
    """Up to when the schedule's rounds have been had; see `timetable`."""
    address: str | None = None
    """Where the newest round went, so far as its name had an address."""
    route: Route = UNKNOWN
    """What is known of the way that its packets take."""

    def add(self, tally: Tally, sender: Sender, *, timed: bool, now: int) -> tuple[Change, ...]:
        """Count one round. Returns what shows that its packets take another way; `timed` as of `follow`."""
        is_newest = self.last_end is None or tally.end > self.last_end
        self.window.add(tally, now=now)
        self.totals.add(tally)
        self.last_end = max(tally.end, self.last_end or 0)
        self.address = sender.address
        if not is_newest:
            return ()
        self.route, changes = follow(self.route, tally, sender, timed=timed)
        return changes

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative)."""
        self.window.shift(by)
        if self.last_end is not None:
            self.last_end += by
        if self.used is not None:
            self.used += by


@dataclass(slots=True)
class Series(Rounds):
    """One probe on one path, measured on one basis.

    Where it has instances, each has its own rounds; the window here stays empty, and the totals are those of
    all together: they only grow, whoever comes and goes.
    """

    basis: Basis = field(kw_only=True)
    instances: dict[Instance, Rounds] | None = None
    """In the order in which they were heard of last; None where there is but one."""

    @property
    def parts(self) -> Iterable[Rounds]:
        """The rounds of each instance."""
        return (self,) if self.instances is None else self.instances.values()

    def ends_in(self, invalidity: Invalidity) -> bool:
        """Whether the newest round of any instance is invalid for this reason."""
        return any(rounds.window.last_invalidity is invalidity for rounds in self.parts)

    def newest_of(self, invalidity: Invalidity) -> str | None:
        """The address of an instance whose newest round is invalid for this reason, None where none is."""
        return next((each.address for each in self.parts if each.window.last_invalidity is invalidity), None)

    def instance(self, of: Instance, *, length: int, unheard_since: int) -> Rounds | None:
        """The rounds of an instance, which is heard of now; None: there are too many.

        Whom nobody has heard of since `unheard_since` makes room, and so does the node that has most: however
        many addresses a node says it measures, it takes no other node's place.
        """
        assert self.instances is not None
        rounds = self.instances.pop(of, None)
        if rounds is None:
            if len(self.instances) >= MAX_INSTANCES:
                leaving = self._leaving(of, unheard_since=unheard_since)
                if leaving is None:
                    return None
                del self.instances[leaving]
            rounds = Rounds(Window(length=length))
        self.instances[of] = rounds
        return rounds

    def _leaving(self, of: Instance, *, unheard_since: int) -> Instance | None:
        """Which instance makes room for this one, None: it is this one that there is no room for."""
        assert self.instances is not None
        oldest, rounds = next(iter(self.instances.items()))
        if (rounds.last_end or 0) < unheard_since:
            return oldest
        counts = Counter(each.node for each in self.instances)
        node, most = max(counts.items(), key=lambda item: item[1])
        if most <= counts[of.node] + 1:
            return None
        return next(each for each in self.instances if each.node == node)

    def forget(self, *, now: int, least: int) -> None:
        """Drop what has left the windows, and instances without a round for a window, or `least`.

        The one that was heard of last stays, so that it is known since when nothing is heard.
        """
        for rounds in self.parts:
            rounds.window.forget(now=now)
        while self.instances is not None and len(self.instances) > 1:
            of, rounds = next(iter(self.instances.items()))
            if (rounds.last_end or 0) + max(rounds.window.length, least) > now:
                break
            del self.instances[of]

    def shift(self, by: int) -> None:
        """See Rounds."""
        Rounds.shift(self, by)
        for rounds in (self.instances or {}).values():
            rounds.shift(by)


@dataclass(slots=True)
class Resolved:
    """What the target of a path stood for in the newest round that had an address."""

    address: str
    addresses: int | None = None
    """How many it had, where each is measured by itself."""
    stale_since: int | None = None
    """When the resolver told them, where it has failed since; Unix time, nanoseconds."""
