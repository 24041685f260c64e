"""What must be true of a check, whatever happened on the way. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ipsecping_operator.children import ChildRef, ChildSettings
from ipsecping_operator.tokens.keys import TokenKeys

from ..operator.processes import children_of as applied
from .diary import Entry
from .nodes import Way

KEYS = TokenKeys((bytes(range(32)),))
"""Of the tokens by which agents know the operator."""
SETTINGS = ChildSettings(probe_image="registry.example.com/probe:1", tokens=KEYS)
MOST_OUTAGES = 10
"""That a status keeps."""
MOST_EVENTS = 20
"""A check with more of them may have used up its budget of events."""
SILENT = {"NoResults", "Suspended"}
"""Reasons of Healthy without an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a user declares."""

    cron: bool = False
    paths: tuple[str, ...] = ()
    count: int = 4
    down_after: int = 3
    suspend: bool = False

    @property
    def path_names(self) -> tuple[str, ...]:
        """With the one that stands in for none."""
        return self.paths or ("default",)

    def spec(self) -> dict[str, Any]:
        """A cron line that never fires while a test runs: the test starts its Jobs itself."""
        probe = {"name": "ping", "count": self.count, "spacing": "10ms", "timeout": "200ms", "icmp": {}}
        return {
            "target": "127.0.0.1",
            "schedule": {"cron": "0 0 29 2 *"} if self.cron else {"interval": "1s"},
            "probes": [probe],
            "thresholds": {"window": "4s", "lossPercent": "50", "downAfter": self.down_after},
            "suspend": self.suspend,
            **({"paths": [{"name": name} for name in self.paths]} if self.paths else {}),
        }


Said = tuple[str, str]
"""Status and reason of a condition."""


@dataclass(slots=True)
class Check:
    """One check, as it was when last settled and as it has to become."""

    name: str
    uid: str
    wish: Wish
    settled: Said = ("Unknown", "NoResults")
    """Healthy, when everything had come to rest last."""
    read: int = 0
    """Entries of the diary on Healthy up to then."""
    outages: int = 0
    unsettled: bool = True
    """Wish or weather have changed since."""
    edits: int = 0
    """Of the spec. Each may lead through a silence that is over before a status says so."""

    def expected(self, dark: set[Way]) -> Mapping[str, Said]:
        """Conditions once everything has come to rest."""
        if self.wish.suspend:
            return {"Ready": ("True", "Suspended"), "Healthy": ("Unknown", "Suspended")}
        down = any((self.name, path) in dark for path in self.wish.path_names)
        healthy = ("False", "Down") if down else ("True", "WithinThresholds")
        return {"Ready": ("True", "Reconciled"), "Healthy": healthy}


def children_of(check: Mapping[str, Any]) -> dict[ChildRef, dict[str, Any]]:
    """The objects that the operator applies for a check as the API server holds it."""
    return {ChildRef.of(each): each for each in applied(check, SETTINGS)}


def wrongs_of_healthy(was: str, will: str, entries: Sequence[Entry]) -> list[str]:
    """What is wrong with the statuses of Healthy on the way from one to another: silence aside, one step."""
    seen = _without_repeats([entry.status for entry in entries])
    way = _without_repeats([was, will])
    return [] if seen in (way, way[:1], way[1:], []) else [f"Healthy went {seen} from {was} to {will}"]


def _without_repeats(statuses: Sequence[str]) -> list[str]:
    known = [status for status in statuses if status != "Unknown"]
    return [status for index, status in enumerate(known) if index == 0 or known[index - 1] != status]


def wrongs_of_events(
    events: Sequence[Mapping[str, Any]], diary: Sequence[Entry], *, kind: str, edits: int
) -> list[str]:
    """Transitions without an event, and events without a transition. Events in order of time."""
    told = [event["reason"] for event in events if event["action"] == f"{kind}Changed"]
    if len(events) >= MOST_EVENTS:
        return []
    wrongs = []
    rest = iter(told)
    due = [entry.reason for entry in diary if entry.reason not in SILENT]
    if kind == "Ready":
        # A new check's pod takes its time: that is no event.
        due = [reason for index, reason in enumerate(due) if index or reason != "WorkloadUnavailable"]
    if not all(any(reason == other for other in rest) for reason in due):
        wrongs.append(f"{kind} went {[entry.reason for entry in diary]}, events tell {told}")
    twice = [reason for reason, after in pairwise(told) if reason == after]
    quiet = edits + sum(entry.reason in SILENT for entry in diary)
    if len(twice) > quiet:
        wrongs.append(f"{kind}: events twice over: {told}, went {[entry.reason for entry in diary]}")
    return wrongs


def missing_of(wanted: Any, found: Any, where: str = "") -> list[str]:
    """Fields of `wanted` that `found` has otherwise, or not; what the API server adds is no matter."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return [
            wrong for key in wanted for wrong in missing_of(wanted[key], found.get(key), f"{where}.{key}")
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = zip(wanted, found, strict=True)
        return [
            wrong
            for index, (one, other) in enumerate(pairs)
            for wrong in missing_of(one, other, f"{where}[{index}]")
        ]
    return [] if wanted == found else [f"{where}: {found!r} instead of {wanted!r}"]


@dataclass(slots=True)
class Tally:
    """What was inflicted, by name."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str) -> None:
        """One more."""
        self.counts[name] = self.counts.get(name, 0) + 1

    @property
    def total(self) -> int:
        """Of all kinds."""
        return sum(self.counts.values())

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        return f"{self.total} faults: {kinds}"
