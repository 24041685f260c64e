"""Why an agent cannot be read. Pure."""

from dataclasses import dataclass

MAX_TEXT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """What went wrong with the newest connection to a pod's agent."""

    pod: str
    text: str
    """Names address, port and error."""
    unauthorized: bool = False
    """It does not know the operator's token (yet)."""

    def __str__(self) -> str:
        return f"pod {self.pod} cannot be read: {self.text[:MAX_TEXT]}"
