"""Whether the operator is alive (/healthz) and set up (/readyz). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

TICK_SECONDS = 1.0
STUCK_SECONDS = 30.0
UNWATCHED_SECONDS = 120.0
"""A pass over all checks takes less, also while it writes what others left unwritten."""


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
    """What it waits for, unless it leads."""
    ended: str | None = None
    """A part of the operator that should run for ever, and does not any more."""
    unseen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By kind, objects that the API has held for longer than a sweep, and its watch has not shown."""
    older: Sequence[str] = ()
    """Objects of which the API holds an older version than it has shown."""
    watched: float | None = None
    """When it was last seen that all checks are judged; None before that is looked for."""
    unjudged: Sequence[str] = ()
    """Checks that are not judged, though they were to be judged again."""

    def tick(self, now: float) -> None:
        """Note that the event loop turns. While it did not, nobody could look at the checks."""
        if self.watched is not None:
            self.watched += max(now - self.ticked - 2 * TICK_SECONDS, 0.0)
        self.ticked = now

    def wait(self, phase: Phase, what: str) -> None:
        """Note what the operator waits for."""
        self.phase, self.waiting = phase, what

    def problem(self, now: float) -> str | None:
        """Return why only a restart can help, or None. Waiting is no reason: none would shorten it."""
        age = now - self.ticked
        if age > STUCK_SECONDS:
            return f"the event loop has not turned for {age:.0f} s"
        if self.ended is not None:
            return f"the task {self.ended} has ended"
        if self.watched is not None and now - self.watched > UNWATCHED_SECONDS:
            return f"nobody has looked for {now - self.watched:.0f} s whether all checks are judged"
        if self.unjudged:
            return f"{len(self.unjudged)} checks are not judged any more ({self.unjudged[0]})"
        if self.older:
            return (
                f"the API holds older versions than before, of {self.older[0]} for one: its storage was put "
                "back to a backup, and all has to be read anew"
            )
        if self.unseen:
            deaf = "; ".join(f"{kind} (not shown: {names[0]})" for kind, names in sorted(self.unseen.items()))
            return f"deaf watches: {deaf}"
        return None

    def unready(self, now: float) -> str | None:
        """Return why the operator can neither work nor stand by, or None."""
        if problem := self.problem(now):
            return problem
        return f"waiting: {self.waiting}" if self.phase is Phase.STARTING else None

    @property
    def state(self) -> str:
        """The state in words, where there is no problem."""
        return "ok" if self.phase is Phase.LEADING else f"ok, {self.phase.value}: {self.waiting}"
