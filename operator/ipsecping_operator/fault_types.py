"""What a fault of the operator is: where it happened, what it was, and how long it stands. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

PACKAGE = __name__.partition(".")[0]


class Where(StrEnum):
    """What the operator was about. Of several faults the first in this order is told."""

    doing: str

    def __new__(cls, value: str, doing: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.doing = doing
        return member

    RECONCILE = ("reconcile", "carrying out the spec")
    WATCH = ("watch", "filing what a watch has shown")
    RESULT = ("result", "counting a result")
    JUDGE = ("judge", "judging the check")
    WRITE = ("write", "writing the status")
    EVENT = ("event", "telling an event")
    METRICS = ("metrics", "exporting the check's metrics")
    CLOCK = ("clock", "following a step of the clock")
    SWEEP = ("sweep", "comparing with the API")
    WATCHDOG = ("watchdog", "looking for checks that nobody judges")
    TASK = ("task", "running a task")
    LOOP = ("loop", "running a timer or a callback")


@dataclass(frozen=True, slots=True)
class Fault:
    """What happened, in words that do not depend on data: the exception's own text is only logged."""

    where: Where
    kind: str
    """Class of the exception."""
    place: str
    """Module and line of our own code in which it was raised, or that called what raised it."""

    @property
    def message(self) -> str:
        """Of the condition."""
        return (
            f"a fault of the operator, not of the tunnel: {self.kind} in {self.place} while "
            f"{self.where.doing}; nothing is claimed about the tunnel until that is over. The operator's "
            "log has the traceback: please report it, and see whether a newer version mends it"
        )


def fault_of(where: Where, error: BaseException) -> Fault:
    """Read the fault from its exception."""
    place, trace = "unknown code", error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if module.partition(".")[0] == PACKAGE:
            place = f"{module.removeprefix(PACKAGE + '.')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return Fault(where, type(error).__name__, place)


@dataclass(slots=True)
class Standing:
    """A fault about one check, from when it was first seen until a while after it is over."""

    fault: Fault
    seen: float
    """When it was last seen; this and `until` on the steady clock."""
    until: float
    """Not over before."""
    returns: int = 0
    """How often it came back after it was over; of a write: how often it was tried again."""
    over: bool = False
    """What failed has succeeded since."""

    def stands(self, now: float) -> bool:
        """Whether the check is to be reported as InternalError for it."""
        return not self.over or now < self.until


FaultKey = tuple[Where, str]
"""Where, and what of the check it is about (a probe, an object): one success clears no other fault."""
