"""Tunnels over days of virtual time, and what an operator's own code exports of them."""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from ipsecping.contract import PlannedCheck
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile.compiled import Alerting, CompiledCheck, Interval
from ipsecping_operator.metrics.checks import CheckCollector
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.report.assessment import assess

from ..unit.operator.assessments import seen, take
from ..unit.operator.builders import SECOND, check, plan, result

ROUND = 240
"""Seconds between two rounds of ten packets."""
WINDOW = 600
ALL_ANSWERED = 10
LEASE = "ipsecping-system/ipsecping-operator"


@dataclass(frozen=True, kw_only=True)
class Course:
    """What a tunnel does. Times are seconds since the present: the past is below zero."""

    name: str
    rtt: Callable[[float], float]
    """Milliseconds that most answers take."""
    answered: Callable[[float], int] = lambda at: ALL_ANSWERED
    """Packets of ten."""
    spread: Callable[[float], float] = lambda at: 0.1
    """Milliseconds that answers of one round are apart."""
    since: float = float("-inf")
    """When the check was made."""
    target: Callable[[float], str] = lambda at: "10.50.1.10"

    def planned(self, at: float) -> PlannedCheck:
        """The plan at that time."""
        names = {"uid": f"uid-{self.name}", "name": self.name, "tunnel_name": self.name}
        return plan(**names, target=self.target(at), interval_ms=ROUND * 1000)

    def compiled(self, at: float) -> CompiledCheck:
        """The check with generous limits for loss and time."""
        made = check(
            self.planned(at),
            schedule=Interval(interval_ms=ROUND * 1000),
            window_s=WINDOW,
            loss_percent="20",
            rtt_ms={"p50": 500, "p99": 900},
        )
        return replace(made, alerting=Alerting())


@dataclass
class Running:
    """An operator that works, with the checks that there are. `present` is Unix time, in seconds."""

    courses: Sequence[Course]
    present: int
    metrics: OperatorMetrics = field(default_factory=lambda: OperatorMetrics(lease=LEASE))
    states: dict[str, CheckState] = field(default_factory=dict)
    statuses: dict[str, Any] = field(default_factory=dict)
    """What an operator before it wrote."""
    plans: dict[str, PlannedCheck] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.metrics.leader.set(1)

    def succeeded(self) -> "Running":
        """Start another in its place, which knows what the statuses say."""
        return Running(self.courses, self.present, statuses=self.statuses)

    def measure(self, at: int) -> None:
        """Let a round of each check end now."""
        now = (self.present + at) * SECOND
        for course in self.courses:
            if at < course.since:
                continue
            of = course.compiled(at)
            (path,) = of.paths
            if course.name not in self.states:
                status = self.statuses.get(course.name)
                self.states[course.name] = seen(status, now=now, of=of, name=course.name, uid=of.uid)
            state = self.states[course.name]
            if path.plan != self.plans.setdefault(course.name, path.plan):
                self.plans[course.name] = path.plan
                state.take_up(of, generation=of.generation, refused=None, now=now)
            middle, answered = course.rtt(at), course.answered(at)
            times = [middle + (n - ALL_ANSWERED // 2) * course.spread(at) for n in range(answered)]
            began = now - 2 * SECOND
            take(state, result(of=path.plan, at=began, sent=ALL_ANSWERED, received=answered, rtt_ms=times))

    def judge(self, at: int) -> None:
        """Let every check be assessed."""
        now = (self.present + at) * SECOND
        for name, state in self.states.items():
            made = assess(state, now=now)
            assert made is not None
            state.reported.judged(made.report)
            self.statuses[name] = made.status

    def registry(self, at: int) -> CollectorRegistry:
        """What a scrape gets."""
        made = CollectorRegistry()
        collector = CheckCollector(
            {state.uid: state for state in self.states.values()},
            failed=_fail,
            exported=lambda state: None,
            clock=lambda: (self.present + at) * SECOND,
        )
        made.register(collector)
        made.register(self.metrics.registry)
        return made

    def exported(self, at: int, asked: Set[str]) -> Iterator[Sample]:
        """Samples of a scrape: those of these names."""
        for family in self.registry(at).collect():
            if family.name in asked or f"{family.name}_total" in asked:
                yield from family.samples


def _fail(state: CheckState, error: Exception) -> None:
    raise error
