"""What the numbers of a stateful reflector's replies say of the packets between two of them.

A stateful reflector counts its replies (RFC 8762 section 4.3.1): a packet that it never saw takes no number,
a reply that was lost on the way back took one.
"""

from typing import NamedTuple


class ReplyGap(NamedTuple):
    """Packets without a reply between two replies, and the reply numbers missing there."""

    own: int
    """Packets that are asked about."""
    others: int
    """Packets of neighbouring rounds, which fell into the same gap."""
    missing: int | None
    """None when one of the ends is not known."""
    doubtful: int = 0
    """So many of those missing may never have been given: the count may have begun behind them."""

    @property
    def absurd(self) -> bool:
        """More numbers are missing than packets, or fewer than none: they do not say what they seem to."""
        return self.missing is not None and not 0 <= self.missing <= self.own + self.others

    def least(self) -> tuple[int, int]:
        """How many of `own` were lost on the way there and on the way back, at the least."""
        if self.missing is None or self.absurd:
            return 0, 0
        return max(self.own - self.missing, 0), max(self.missing - self.doubtful - self.others, 0)

    def reverse(self) -> int | None:
        """How many of `own` were lost on the way back; None where that cannot be known."""
        if not self.own:
            return 0
        if self.missing is None or self.absurd:
            return None
        if self.missing == 0 or not self.others:
            return self.missing
        return self.own if self.missing == self.own + self.others else None


def gap_between(before: int | None, after: int | None, packets: int) -> ReplyGap:
    """The gap of so many packets between two replies with these numbers."""
    return ReplyGap(packets, 0, None if before is None or after is None else after - before - 1)
