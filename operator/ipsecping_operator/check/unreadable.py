"""Why an agent cannot be read, or is read slowly. Pure."""

from dataclasses import dataclass

MAX_TEXT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """What keeps the results of a pod's agent from the operator."""

    pod: str
    text: str = ""
    """What went wrong with the newest connection: names address, port and error."""
    unauthorized: bool = False
    """It does not know the operator's token (yet)."""
    held_back: bool = False
    """It is read, but slowly: it sends more than its plan makes."""

    def __str__(self) -> str:
        if self.held_back:
            return f"pod {self.pod} sends more results than its plan makes, so they are read slowly"
        return f"pod {self.pod} cannot be read: {self.text[:MAX_TEXT]}"
