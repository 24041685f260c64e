"""What honest checks may show while everybody else is hostile. Pure, but for the clock passed in."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Object = dict[str, Any]


@dataclass(slots=True)
class Watched:
    """One honest check over the whole run."""

    name: str
    interval: float
    """Seconds."""
    sent: int = 0
    looks: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    """What was seen that may not be, and how often."""

    def look(self, check: Object, *, now: float) -> None:
        """Take in the check as the API has it; `now` is Unix time."""
        self.looks += 1
        for each in faults_of(check, now=now, interval=self.interval):
            self.wrong[each] = self.wrong.get(each, 0) + 1


def faults_of(check: Object, *, now: float, interval: float) -> Iterator[str]:
    """What is not as an undisturbed check's status is."""
    status = check.get("status", {})
    healthy = _condition(status, "Healthy")
    if (healthy.get("status"), healthy.get("reason")) != ("True", "WithinThresholds"):
        yield f"Healthy={healthy.get('status')} {healthy.get('reason')}: {healthy.get('message')}"
    ready = _condition(status, "Ready")
    if ready.get("status") != "True":
        yield f"Ready={ready.get('status')} {ready.get('reason')}: {ready.get('message')}"
    for probe in status.get("probes", []):
        where = probe["name"]
        if probe.get("lossPercent") != "0.00":
            yield f"{where}: {probe.get('lossPercent')} % lost"
        for figure in ("duplicates", "reordered"):
            if probe.get(figure):
                yield f"{where}: {probe[figure]} {figure}"
    last = status.get("lastResultTime")
    # A status that no transition hastens is written once a status interval, here a second.
    if last is None or now - _unix(last) > 2 * interval + 5:
        yield "the newest result is older than two intervals"


def _condition(status: Object, kind: str) -> Object:
    found: Object = next((each for each in status.get("conditions", []) if each["type"] == kind), {})
    return found


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
