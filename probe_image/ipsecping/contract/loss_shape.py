"""The shape of a round's loss: packets lost here and there, in a row, or at even distances."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from . import fields
from .bounds import MAX_COUNT, MAX_DURATION
from .fields import ContractError, out_of_range
from .figure import Field, Figure, Gauge

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LossShape(Figure):
    """The longest run of packets lost one after the other (RFC 3357: loss period), and how even losses are.

    Of a window: its longest run, and the period of the newest round that has one.
    """

    name: ClassVar[str] = "lossShape"
    position: ClassVar[int] = 10
    gauges: ClassVar[tuple[Gauge, ...]] = (
        Gauge(
            "ipsecping_longest_loss_packets",
            "Packets of the longest run lost one after the other, of one round in the window.",
            lambda figure: figure.packets,
            "Packets of the longest run lost one after the other.",
        ),
        Gauge(
            "ipsecping_longest_loss_seconds",
            "How long the longest run of lost packets took, of one round in the window.",
            lambda figure: figure.duration / SECOND,
            "How long the longest run of lost packets took.",
        ),
    )

    packets: int
    """Of the longest run, at least 1."""
    duration: int
    """From the sending of its first packet to that of the first behind it, nanoseconds."""
    period: int | None = None
    """Every so many packets one is lost, at least 2; None: the losses are not evenly spaced."""

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        source = fields.mapping(value, path)
        return cls(
            packets=fields.integer(source, "packets", path),
            duration=fields.integer(source, "duration", path),
            period=fields.optional_integer(source, "period", path),
        )

    def to_json(self) -> object:
        """See Figure."""
        content: dict[str, Any] = {"packets": self.packets, "duration": self.duration}
        return content if self.period is None else {**content, "period": self.period}

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        lost = sent - received
        if not lost:
            raise ContractError(f"{path}: no packet was lost")
        if not 1 <= self.packets <= lost:
            raise out_of_range(self.packets, f"{path}.packets", 1, lost)
        if not 0 <= self.duration <= MAX_DURATION:
            raise out_of_range(self.duration, f"{path}.duration", 0, MAX_DURATION)
        if self.period is not None and not 2 <= self.period <= MAX_COUNT:
            raise out_of_range(self.period, f"{path}.period", 2, MAX_COUNT)

    @classmethod
    def total(cls, newest_first: Iterable[Self]) -> Self | None:
        """See Figure."""
        rounds = list(newest_first)
        if not rounds:
            return None
        longest = max(rounds, key=lambda each: (each.duration, each.packets))
        period = next((each.period for each in rounds if each.period is not None), None)
        return cls(longest.packets, longest.duration, period)

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {
            "longest_loss_packets": self.packets,
            "longest_loss_seconds": self.duration / SECOND,
            "loss_period_packets": self.period,
        }

    def remark(self) -> str | None:
        """See Figure: a run says little beside the round's counts, an even loss is no accident."""
        return None if self.period is None else f"one in {self.period} packets lost, evenly"
