"""The smallest plans: one check with the probes that a test is about."""

import json
from pathlib import Path

from ipsecping.contract import Plan, PlannedCheck, PlannedProbe, plan_to_json


def check_of(
    *probes: PlannedProbe, target: str = "127.0.0.1", interval_ms: int | None = None
) -> PlannedCheck:
    """A check whose names do not matter."""
    return PlannedCheck(
        uid="u", namespace="n", name="c", generation=1, tunnel_name="t", path="default",
        target=target, interval_ms=interval_ms, probes=probes,
    )  # fmt: skip


def plan_file(folder: Path, check: PlannedCheck) -> Path:
    """Its plan, as a prober's command line takes it."""
    file = folder / "plan.json"
    file.write_text(json.dumps(plan_to_json(Plan(checks=(check,)))))
    return file
