"""Windows of maintenance: what is read of them, and how they are written again."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ipsecping_operator.api import durations
from ipsecping_operator.api.maintenance import MaintenanceWindow as Spec

from .compiled import InvalidSpec, MaintenanceWindow
from .cron import DEFAULT_TIME_ZONE, FIELD, TIME_ZONE_FIELD, compile_cron, shortest_gap
from .durations import shortest
from .maintenance_share import require_time_outside

SECOND = 10**9


def compile_maintenance(windows: Iterable[Spec]) -> tuple[MaintenanceWindow, ...]:
    """Compile windows that obey the schema. Raises InvalidSpec for what the schema cannot know.

    That is a line that never fires, a zone that is not there, a window that is open before it has closed,
    and windows that leave hardly any time outside.
    """
    found = tuple(_compiled(window, f"spec.maintenance[{index}]") for index, window in enumerate(windows))
    require_time_outside(found)
    return found


def _compiled(window: Spec, field: str) -> MaintenanceWindow:
    if window.schedule is None:
        assert window.from_ is not None
        assert window.until is not None
        start, end = (_instant(text) for text in (window.from_, window.until))
        return MaintenanceWindow(name=window.name, reason=window.reason, start=start, length=end - start)
    assert window.duration is not None
    try:
        cron = compile_cron(window.schedule, window.time_zone or DEFAULT_TIME_ZONE)
    except InvalidSpec as error:
        name = {FIELD: "schedule", TIME_ZONE_FIELD: "timeZone"}[error.field]
        raise InvalidSpec(f"{field}.{name}", error.message) from None
    length = durations.nanoseconds(window.duration)
    # Where clocks repeat an hour, a line may fire twice within it; that is no reason to refuse it.
    gap = int(shortest_gap(replace(cron, time_zone=None)).total_seconds()) * SECOND
    if length >= gap:
        raise InvalidSpec(
            f"{field}.duration",
            f"must be shorter than the {shortest(gap)} after which schedule fires again, or the window "
            "never closes: for all the time, alerting.enabled: false keeps alerts silent",
        )
    return MaintenanceWindow(name=window.name, reason=window.reason, cron=cron, length=length)


def effective_maintenance(windows: Iterable[MaintenanceWindow]) -> list[dict[str, Any]]:
    """Return windows as a spec has them. Compiled, they give the same again."""
    return [_effective(window) for window in windows]


def _effective(window: MaintenanceWindow) -> dict[str, Any]:
    reason = {} if window.reason is None else {"reason": window.reason}
    if window.cron is None:
        assert window.start is not None
        until = window.start + window.length
        return {"name": window.name, "from": _written(window.start), "until": _written(until), **reason}
    return {
        "name": window.name,
        "schedule": window.cron.line,
        "timeZone": window.cron.time_zone,
        "duration": shortest(window.length),
        **reason,
    }


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


def _written(instant: int) -> str:
    return datetime.fromtimestamp(instant // SECOND, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
