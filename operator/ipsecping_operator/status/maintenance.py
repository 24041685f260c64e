"""The windows of maintenance, as the status has them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipsecping_operator.api.conditions import MaintenanceReason
from ipsecping_operator.verdict import text
from ipsecping_operator.verdict.maintenance import Occurrence, Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """What the windows say, and when the last one closed."""

    outlook: Outlook | None = None
    """None where the spec has no windows, and before this run of the operator has looked."""
    until: int | None = None
    """When the newest window that was open closes, or closed: no outage begins before. By the wall clock, as
    windows are: a step of the clock moves neither."""

    @property
    def silent(self) -> bool:
        """Whether a window is open."""
        return self.outlook is not None and self.outlook.open is not None

    @property
    def changes(self) -> int | None:
        """When a window opens or closes next; None: never."""
        return None if self.outlook is None else self.outlook.changes

    def to_json(self) -> dict[str, Any]:
        """Return `status.maintenance`; empty where the spec has no windows."""
        if self.outlook is None:
            return {}
        entry = {
            key: _occurrence(each)
            for key, each in (("open", self.outlook.open), ("next", self.outlook.next))
            if each is not None
        }
        return entry | (
            {"lastEnd": text.moment(self.until)} if self.until is not None and not self.silent else {}
        )


NO_MAINTENANCE = Maintenance()


def from_json(value: object) -> Maintenance:
    """Read what an earlier run has written; what cannot be read is left out."""
    if not isinstance(value, Mapping):
        return NO_MAINTENANCE
    known = value.get("open")
    told = known.get("until") if isinstance(known, Mapping) else value.get("lastEnd")
    try:
        return Maintenance(until=None if told is None else text.from_moment(told))
    except (TypeError, ValueError):
        return NO_MAINTENANCE


def said(outlook: Outlook) -> tuple[MaintenanceReason, str]:
    """Return reason and message of the condition Maintenance."""
    if outlook.open is not None:
        return MaintenanceReason.WINDOW_OPEN, (
            f"{_named(outlook.open)}: everything is measured as usual, but nothing counts as an "
            "outage, and nobody is notified"
        )
    over = f"; over, to be removed from spec.maintenance: {', '.join(outlook.over)}" if outlook.over else ""
    if outlook.next is not None:
        return MaintenanceReason.WINDOW_CLOSED, f"the next is {_named(outlook.next)}{over}"
    return MaintenanceReason.WINDOWS_OVER, f"no window will open again{over}"


def _named(each: Occurrence) -> str:
    why = "" if each.reason is None else f" ({each.reason})"
    return f"window {each.name}{why}, {text.moment(each.start)} to {text.moment(each.end)}"


def _occurrence(each: Occurrence) -> dict[str, Any]:
    entry = {"name": each.name, "from": text.moment(each.start), "until": text.moment(each.end)}
    return entry | ({} if each.reason is None else {"reason": each.reason})
