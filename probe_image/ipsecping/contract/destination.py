"""Where the packets of a probe go, and what the target is called."""

from dataclasses import replace

from .bounds import MAX_ADDRESSES
from .plan import PlannedCheck
from .planned_probe import PlannedProbe


def destination(probe: PlannedProbe, target: str) -> str:
    """Return the host that the packets go to, an address or a name: the check's target, unless the options
    name another one."""
    return target if probe.options is None else probe.options.destination(target)


def per_address(check: PlannedCheck, probe: PlannedProbe) -> bool:
    """Return whether the probe measures each address of the check's target by itself."""
    return check.per_address and destination(probe, check.target) == check.target


def most_addresses(check: PlannedCheck, probe: PlannedProbe) -> int:
    """Return to how many addresses the probe may send in one round."""
    return MAX_ADDRESSES if per_address(check, probe) else 1


def named(probe: PlannedProbe, host: str) -> PlannedProbe:
    """Return the probe with `host` as the name that a certificate must bear, where the plan names none."""
    options = None if probe.options is None else probe.options.named(host)
    return probe if options is probe.options else replace(probe, options=options)
