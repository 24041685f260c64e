"""Part of a check's state: what was reported of it. Pure: the time is passed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ipsecping_operator.api.conditions import ConditionType
from ipsecping_operator.status.addresses import Told
from ipsecping_operator.status.conditions import Condition, Conditions
from ipsecping_operator.status.diagnosis import DiagnosisOutcome
from ipsecping_operator.status.digest import StatusDigest
from ipsecping_operator.status.held import NOTHING_HELD, Held
from ipsecping_operator.status.maintenance import NO_MAINTENANCE, Maintenance
from ipsecping_operator.status.notified import Notified
from ipsecping_operator.status.run_now import RunNowOutcome
from ipsecping_operator.verdict.judge import Verdict
from ipsecping_operator.verdict.outage import Outage
from ipsecping_operator.verdict.preference import Move, Preference

NO_ADDRESSES: Mapping[str, Told] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What an earlier run of the operator wrote into the status; holds until the windows have caught up."""

    figures: Mapping[str, Any]
    last_result: int
    """End of the newest result that the status told of; Unix time, nanoseconds."""

    def shifted(self, by: int) -> "Restored":
        """Return the same on a clock that was set forward by so many nanoseconds."""
        return replace(self, last_result=self.last_result + by)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedPaths:
    """What one report says of how paths changed."""

    preference: Preference = field(default_factory=Preference)
    moves: tuple[Move, ...] = ()
    """Changes of the preferred path, newest first."""
    moves_made: int = 0
    """How many there were since the operator started."""
    unhealthy: frozenset[str] = frozenset()
    """Paths that were told to be unhealthy, where the check need not be."""
    changes_told: int = 0
    """How many of `Measured.path_changes` were told."""

    def shifted(self, by: int) -> "ReportedPaths":
        """Return the same on a clock that was set forward by so many nanoseconds; what was told stays."""
        return replace(self, preference=self.preference.shifted(by))


NO_PATHS = ReportedPaths()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one report says of a check, and the next one is compared with."""

    conditions: Conditions = field(default_factory=dict)
    verdict: Verdict | None = None
    restored: Restored | None = None
    held: Held = field(default_factory=lambda: NOTHING_HELD)
    """What holds of probes whose state is Unknown: of `verdict`, or as an earlier run wrote it."""
    paths: ReportedPaths = NO_PATHS
    outages: tuple[Outage, ...] = ()
    """Newest first."""
    outages_begun: int = 0
    """Since the operator started."""
    outage_time: int = 0
    """Nanoseconds of outage that have ended since the operator started."""
    run_now: RunNowOutcome | None = None
    diagnosis: DiagnosisOutcome | None = None
    maintenance: Maintenance = NO_MAINTENANCE
    addresses: Mapping[str, Told] = field(default_factory=lambda: NO_ADDRESSES)
    """Path to the addresses of its target that were told last."""

    def shifted(self, by: int) -> "Report":
        """Return the same on a clock that was set forward by so many nanoseconds.

        Transition times stay: they have been told.
        """
        return replace(
            self,
            conditions={kind: each.shifted(by) for kind, each in self.conditions.items()},
            verdict=None if self.verdict is None else self.verdict.shifted(by),
            restored=None if self.restored is None else self.restored.shifted(by),
            paths=self.paths.shifted(by),
            outages=tuple(outage.shifted(by) for outage in self.outages),
            diagnosis=None if self.diagnosis is None else self.diagnosis.shifted(by),
            addresses={path: told.shifted(by) for path, told in self.addresses.items()} or NO_ADDRESSES,
        )


class Reported:
    """The last report, when it was compared with what is measured, and what the status is known to hold."""

    __slots__ = (
        "_alarm",
        "_compared",
        "_last",
        "_leftovers",
        "_notified",
        "_stored",
        "_without_figures",
        "_written",
    )

    def __init__(self) -> None:
        self._last = Report()
        self._notified: Notified | None = None
        self._without_figures = False
        self._compared: float | None = None
        self._alarm: float | None = None
        self._written: StatusDigest | None = None
        self._stored: StatusDigest | None = None
        self._leftovers = False

    @property
    def last(self) -> Report:
        """The last report; at first that of an earlier run of the operator."""
        return self._last

    @property
    def notified(self) -> Notified | None:
        """What the webhook has been told, as far as is known; None: it was never asked to be."""
        return self._notified

    @property
    def without_figures(self) -> bool:
        """The last report was made without judging: the verdict is of an earlier time."""
        return self._without_figures

    @property
    def alarm(self) -> float | None:
        """When time alone may change what is to be reported, on the steady clock (seconds)."""
        return self._alarm

    @property
    def stored(self) -> StatusDigest | None:
        """What the API holds in the status, as far as is known."""
        return self._stored

    @property
    def edited(self) -> bool:
        """Somebody has edited the status after the operator had written it."""
        written, stored = self._written, self._stored
        if written is None or stored is None or stored.version <= written.version:
            return False
        return stored.exact != written.exact

    @property
    def leftovers(self) -> bool:
        """The status may hold what somebody else has added: an apply leaves that as it is."""
        return self._leftovers

    def inherit(self, report: Report, notified: Notified | None) -> None:
        """Take over what an earlier run of the operator reported, and what the webhook was told of it."""
        self._last, self._notified = report, notified

    def notify(self, notified: Notified) -> None:
        """Remember what the webhook has been told."""
        self._notified = notified

    def judged(self, report: Report) -> None:
        """Remember what is told of the check, which was judged."""
        self._last, self._without_figures = report, False

    def fell_back(self, healthy: Condition) -> None:
        """Remember that the check could not be judged: no more than this condition is told of it."""
        conditions = {**self._last.conditions, ConditionType.HEALTHY: healthy}
        self._last, self._without_figures = replace(self._last, conditions=conditions), True

    def followed(self, maintenance: Maintenance, windows: Conditions) -> None:
        """Remember what the windows of maintenance say, whether or not the check can be judged.

        `windows` has the condition Maintenance; it is empty where the spec has none.
        """
        conditions = dict(self._last.conditions)
        conditions.pop(ConditionType.MAINTENANCE, None)
        conditions.update(windows)
        self._last = replace(self._last, conditions=conditions, maintenance=maintenance)

    def begin_anew(self) -> None:
        """Forget what an earlier run knew: measuring begins anew."""
        self._last = replace(self._last, restored=None)

    def compare(self, *, now: float) -> None:
        """Remember when the windows were compared with the report, or first could be; `now` as in `alarm`."""
        self._compared = now

    def since_compared(self, *, now: float) -> float | None:
        """Return the seconds since `compare` was called; None before the first time."""
        return None if self._compared is None else now - self._compared

    def set_alarm(self, at: float | None) -> None:
        """Have the check judged again at that instant, though nothing happens; None: never."""
        self._alarm = at

    def show_stored(self, digest: StatusDigest) -> None:
        """Take in the status, as a watch shows it, whoever wrote it."""
        self._stored = digest

    def recognise(self) -> None:
        """Take what is stored for written by an earlier run."""
        self._written = self._stored

    def wrote(self, digest: StatusDigest) -> None:
        """Remember the status that the API has stored for the operator."""
        self._written, self._leftovers = digest, False
        if self._stored is None or self._stored.version < digest.version:
            self._stored = digest

    def rewrite(self) -> None:
        """Have a status that somebody has edited written again."""
        self._written, self._leftovers = None, True

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative)."""
        self._last = self._last.shifted(by)
        self._notified = None if self._notified is None else self._notified.shifted(by)
