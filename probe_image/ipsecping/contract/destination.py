"""Where the packets of a probe go, and what the target is called."""

from dataclasses import replace

from .plan import PlannedProbe


def destination(probe: PlannedProbe, target: str) -> str:
    """Return the host that the packets go to, an address or a name: the check's target, unless the options
    name another one."""
    return target if probe.options is None else probe.options.destination(target)


def named(probe: PlannedProbe, host: str) -> PlannedProbe:
    """Return the probe with `host` as the name that a certificate must bear, where the plan names none."""
    options = None if probe.options is None else probe.options.named(host)
    return probe if options is probe.options else replace(probe, options=options)
