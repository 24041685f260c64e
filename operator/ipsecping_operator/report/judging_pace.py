"""Decide how often a check is judged: the more that costs, the more seldom."""

from dataclasses import dataclass, field

SOON = 0.1
"""Seconds that results are gathered for before they are judged: they come in bursts."""
SHARE = 1 / 200
"""Share of one processor that is spent on judging one check."""
LONGEST = 5.0
"""Seconds that a check waits for its turn at most: an outage is to be told of, whatever that costs."""


@dataclass(slots=True)
class JudgingPace:
    """Knows when each check may be judged again. Pure: seconds of a steady clock are passed in."""

    earliest: dict[str, float] = field(default_factory=dict)
    """UID to the instant; only of checks that wait longer than `SOON`."""

    def judged(self, uid: str, *, cost: float, now: float) -> None:
        """Note that it was judged at `now`, and took so many seconds of processor time."""
        rest = min(cost / SHARE, LONGEST)
        if rest > SOON:
            self.earliest[uid] = now + rest
        else:
            self.earliest.pop(uid, None)

    def wait(self, uid: str, *, now: float) -> float:
        """Return the seconds until its turn; 0 where it need not wait."""
        return max(self.earliest.get(uid, now) - now, 0.0)

    def forget(self, uid: str) -> None:
        """Forget a check that has gone."""
        self.earliest.pop(uid, None)
