"""How much one check may ask of an agent. How many rounds a second it may have is a rule of the schema."""

from ipsecping.contract import PlannedProbe, most_addresses

from .compiled import CompiledCheck, Interval, InvalidSpec

MAX_OUTSTANDING = 65_536
"""Packets of one path that wait for an answer when none is answered: the path's agent remembers each."""


def require_budget(check: CompiledCheck) -> None:
    """Raises InvalidSpec for a check with more packets outstanding than an agent has room for."""
    if not isinstance(check.schedule, Interval):
        # Each round has a process of its own.
        return
    interval = check.schedule.interval_ms
    outstanding = max(
        sum(most_addresses(path.plan, probe) * _outstanding(probe, interval) for probe in path.plan.probes)
        for path in check.paths
    )
    if outstanding > MAX_OUTSTANDING:
        raise InvalidSpec(
            "spec.probes",
            f"up to {outstanding} packets wait for an answer on a path (the sum of count x flows x timeout / "
            f"spec.schedule.interval, whole rounds), at most {MAX_OUTSTANDING} may: choose a longer "
            "interval, a shorter timeout, or fewer packets",
        )


def _outstanding(probe: PlannedProbe, interval_ms: int) -> int:
    """Packets of all rounds that may still be answered when another round begins, and of that one."""
    rounds = -(-probe.timeout_ms // interval_ms)
    return probe.packets * rounds + (probe.flows if probe.keepalive_ms is not None else 0)
