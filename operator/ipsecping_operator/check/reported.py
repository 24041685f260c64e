"""What was reported of a check, and what its status is known to hold. Pure: the time is passed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ipsecping_operator.api.conditions import ConditionType
from ipsecping_operator.status.conditions import Condition, Conditions
from ipsecping_operator.status.digest import StatusDigest
from ipsecping_operator.status.run_now import RunNowOutcome
from ipsecping_operator.verdict.judge import Verdict
from ipsecping_operator.verdict.outage import Outage


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What an earlier run of the operator wrote into the status; holds until the windows have caught up."""

    figures: Mapping[str, Any]
    last_result: int
    """End of the newest result that the status told of; Unix time, nanoseconds."""

    def shifted(self, by: int) -> "Restored":
        """The same on a clock that was set forward by so many nanoseconds."""
        return replace(self, last_result=self.last_result + by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that one report says of a check, and what the next one is compared with."""

    conditions: Conditions = field(default_factory=dict)
    verdict: Verdict | None = None
    restored: Restored | None = None
    preferred: str | None = None
    """The path reported as preferred, once all have been measured."""
    outages: tuple[Outage, ...] = ()
    """Newest first."""
    outages_begun: int = 0
    """Since the operator started."""
    outage_time: int = 0
    """Nanoseconds of outage that have ended since the operator started."""
    run_now: RunNowOutcome | None = None

    def shifted(self, by: int) -> "Report":
        """The same on a clock that was set forward by so many nanoseconds.

        Transition times stay: they have been told.
        """
        return replace(
            self,
            verdict=None if self.verdict is None else self.verdict.shifted(by),
            restored=None if self.restored is None else self.restored.shifted(by),
            outages=tuple(outage.shifted(by) for outage in self.outages),
        )


class Reported:
    """The part of a check's state that reporting it determines."""

    __slots__ = ("_alarm", "_compared", "_last", "_stored", "_without_figures", "_written")

    def __init__(self) -> None:
        self._last = Report()
        self._without_figures = False
        self._compared: float | None = None
        self._alarm: float | None = None
        self._written: StatusDigest | None = None
        self._stored: StatusDigest | None = None

    @property
    def last(self) -> Report:
        """The last report; at first that of an earlier run of the operator."""
        return self._last

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

    def inherit(self, report: Report) -> None:
        """An earlier run of the operator reported this."""
        self._last = report

    def judged(self, report: Report) -> None:
        """The check was judged, and this is told of it."""
        self._last, self._without_figures = report, False

    def fell_back(self, healthy: Condition) -> None:
        """The check could not be judged: no more than this condition is told of it."""
        conditions = {**self._last.conditions, ConditionType.HEALTHY: healthy}
        self._last, self._without_figures = replace(self._last, conditions=conditions), True

    def begin_anew(self) -> None:
        """Measuring begins anew: what an earlier run knew says nothing any more."""
        self._last = replace(self._last, restored=None)

    def compare(self, *, now: float) -> None:
        """The windows were compared with the report, or are waited for from now on; `now` as in `alarm`."""
        self._compared = now

    def since_compared(self, *, now: float) -> float | None:
        """Seconds since the windows were last compared with the report; None before the first time."""
        return None if self._compared is None else now - self._compared

    def set_alarm(self, at: float | None) -> None:
        """The check is to be judged again at that instant, though nothing happens; None: never."""
        self._alarm = at

    def show_stored(self, digest: StatusDigest) -> None:
        """A watch shows the status, whoever wrote it."""
        self._stored = digest

    def recognise(self) -> None:
        """What is stored is an earlier run's own."""
        self._written = self._stored

    def wrote(self, digest: StatusDigest) -> None:
        """The API has stored a status of ours."""
        self._written = digest
        if self._stored is None or self._stored.version < digest.version:
            self._stored = digest

    def rewrite(self) -> None:
        """What somebody has edited is to be written again."""
        self._written = None

    def shift(self, by: int) -> None:
        """The operator's clock was set forward by so many nanoseconds (back: negative)."""
        self._last = self._last.shifted(by)
