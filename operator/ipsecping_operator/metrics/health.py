"""Whether the operator is alive (/healthz) and set up (/readyz). Pure."""

from dataclasses import dataclass
from enum import Enum

TICK_SECONDS = 1.0
STUCK_SECONDS = 30.0


class Phase(Enum):
    """How far the operator has come."""

    STARTING = "starting"
    """It needs something of the cluster that is not there: the API, the CRD, a right."""
    STANDBY = "standby"
    """All is there, and another operator leads. Ready: a rollout that waited for more would wait for ever,
    since the one that leads ends only when the new one is ready."""
    LEADING = "leading"


@dataclass(slots=True)
class Health:
    """Fed by the loop's tick and by the sweep that compares the store with the API; times are monotonic."""

    ticked: float
    phase: Phase = Phase.STARTING
    waiting: str = ""
    """What for, unless it leads."""
    unseen: tuple[str, ...] = ()
    """Objects that the API has held for longer than a sweep, and no watch has shown."""

    def tick(self, now: float) -> None:
        """The event loop turned."""
        self.ticked = now

    def wait(self, phase: Phase, what: str) -> None:
        """The operator waits for this."""
        self.phase, self.waiting = phase, what

    def problem(self, now: float) -> str | None:
        """Why only a restart can help, or None. Waiting is none: a restart would not shorten it."""
        age = now - self.ticked
        if age > STUCK_SECONDS:
            return f"the event loop has not turned for {age:.0f} s"
        if self.unseen:
            return f"the watches are deaf: they have not shown {', '.join(self.unseen[:3])}"
        return None

    def unready(self, now: float) -> str | None:
        """Why the operator can neither work nor stand by, or None."""
        if problem := self.problem(now):
            return problem
        return f"waiting: {self.waiting}" if self.phase is Phase.STARTING else None

    @property
    def state(self) -> str:
        """The good news, for people."""
        return "ok" if self.phase is Phase.LEADING else f"ok, {self.phase.value}: {self.waiting}"
