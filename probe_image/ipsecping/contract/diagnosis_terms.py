"""The words of a diagnosis that every program knows: its outcome, which way, and how sure. Pure data."""

from enum import StrEnum


class Outcome(StrEnum):
    """What a diagnosis comes to."""

    FAULT = "Fault"
    NO_FAULT = "NoFault"
    """Nothing is wrong with what was tested."""
    NOT_REPRODUCED = "NotReproduced"
    """What was wrong in one window was not so in the other."""
    NOT_MEASURED = "NotMeasured"
    """There is nothing to judge, or the measurement itself failed."""


class Direction(StrEnum):
    """Which way is affected: from the prober to the target, back, both, or not known."""

    FORWARD = "Forward"
    REVERSE = "Reverse"
    BOTH = "Both"
    UNKNOWN = "Unknown"

    @property
    def said(self) -> str:
        """For a person."""
        return {"Forward": "on the way there", "Reverse": "on the way back", "Both": "both ways"}.get(
            self.value, "direction unknown"
        )


class Confidence(StrEnum):
    """How sure a finding is, most certain first. Words and no per cent: nothing here has a probability."""

    PROVEN = "Proven"
    """A protocol or a counter says so, and the numbers add up."""
    ONLY_ONE_LEFT = "OnlyOneLeft"
    """All other causes that explain it were ruled out by a test."""
    ONE_OF = "OneOf"
    """Each of the causes named explains it, and the tests cannot tell them apart."""
    UNDETERMINED = "Undetermined"
    """Too little was measured, or the evidence contradicts itself."""

    @property
    def said(self) -> str:
        """For a person."""
        return {
            "Proven": "proven",
            "OnlyOneLeft": "all other causes were ruled out",
            "OneOf": "cannot be told apart from here",
            "Undetermined": "undetermined",
        }[self.value]
