"""Whether the operator is alive: its event loop turns, and its watches show what the API holds. Pure."""

from dataclasses import dataclass

TICK_SECONDS = 1.0
STUCK_SECONDS = 30.0


@dataclass(slots=True)
class Health:
    """Fed by the loop's tick and by the sweep that compares the store with the API; times are monotonic."""

    ticked: float
    unseen: tuple[str, ...] = ()
    """Objects that the API has held for longer than a sweep, and no watch has shown."""

    def tick(self, now: float) -> None:
        """The event loop turned."""
        self.ticked = now

    def problem(self, now: float) -> str | None:
        """What is wrong, or None."""
        age = now - self.ticked
        if age > STUCK_SECONDS:
            return f"the event loop has not turned for {age:.0f} s"
        if self.unseen:
            return f"the watches are deaf: they have not shown {', '.join(self.unseen[:3])}"
        return None
