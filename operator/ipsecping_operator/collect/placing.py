"""Put a round on the operator's clock, whatever the node's clock says. Pure."""

DRIFT = 1000
"""Two clocks part by less than one unit in so many."""


class Distance:
    """The operator's clock minus an agent's steady clock, in nanoseconds.

    Learnt from when lines were sent and when they came: no line takes less than no time, so the least
    distance is the right one, but for what the clocks drift. So a line that was held up does no harm.
    """

    __slots__ = ("_newest", "_now")

    def __init__(self, *, sent: int, now: int) -> None:
        """A line that was sent at `sent` of the agent's clock has come at `now` of the operator's."""
        self._newest = sent
        self._now = now - sent

    def learn(self, *, sent: int, now: int) -> None:
        """The same for a further line, or for the end of a round, which came before its line was sent."""
        grown = max(sent - self._newest, 0) // DRIFT
        self._newest = max(sent, self._newest)
        self._now = min(now - sent, self._now + grown)

    def move(self, by: int) -> None:
        """The operator's clock was set forward by so many nanoseconds (back: negative)."""
        self._now += by

    def place(self, ended: int, *, now: int) -> int:
        """The instant `ended` of the agent's clock on the operator's.

        What would be in the future is now, and nothing is before the Unix epoch.
        """
        return max(min(ended + self._now, now), 0)


def from_pod(started_at: int, duration: int, *, pod_created: int, now: int) -> int:
    """Start of a round in a finished pod: not before the API server saw the pod, not ending after now."""
    return min(max(started_at, pod_created), now - duration)
