"""Put a round on the operator's clock, whatever the node's clock says. Pure."""

DRIFT = 1000
"""Two clocks drift apart by less than one unit in so many."""


class ClockOffset:
    """The operator's clock minus an agent's steady clock, in nanoseconds.

    Each line says when it was sent by the agent's clock, and the operator notes when it came by its own. That
    difference is the offset plus the time that the line took. No line takes less than no time, so the least
    difference seen is the best estimate, and a line that was late never changes it. As the two clocks drift
    apart, the estimate grows by the most that they can have drifted (`DRIFT`), until a line shows less.
    """

    __slots__ = ("_newest", "_offset")

    def __init__(self, *, sent: int, now: int) -> None:
        """A line that was sent at `sent` of the agent's clock has come at `now` of the operator's."""
        self._newest = sent
        self._offset = now - sent

    def learn(self, *, sent: int, now: int) -> None:
        """The same for a further line, or for the end of a round, which came before its line was sent."""
        drifted = max(sent - self._newest, 0) // DRIFT
        self._newest = max(sent, self._newest)
        self._offset = min(now - sent, self._offset + drifted)

    def shift(self, by: int) -> None:
        """The operator's clock was set forward by so many nanoseconds (back: negative)."""
        self._offset += by

    def place(self, ended: int, *, now: int) -> int:
        """The instant `ended` of the agent's clock on the operator's.

        What would be in the future is now, and nothing is before the Unix epoch.
        """
        return max(min(ended + self._offset, now), 0)


def from_pod(started_at: int, duration: int, *, pod_created: int, now: int) -> int:
    """Start of a round in a finished pod: not before the API server saw the pod, not ending after now."""
    return min(max(started_at, pod_created), now - duration)
