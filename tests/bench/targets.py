"""Addresses to probe: all of 127.0.0.0/8 answers echo requests, by the kernel and without losing any."""

from ipsecping.contract import Plan, PlannedCheck, PlannedProbe


def address(number: int) -> str:
    """The target with that number, 0 to 65,000 or so."""
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def plan_of(probe: PlannedProbe, *, targets: int, interval_ms: int) -> Plan:
    """One check for each of so many targets, all with the same probe."""
    return Plan(
        checks=tuple(
            PlannedCheck(
                uid=f"check-{number}",
                namespace="bench",
                name=f"check-{number}",
                generation=1,
                tunnel_name="bench",
                path="default",
                target=address(number),
                interval_ms=interval_ms,
                probes=(probe,),
            )
            for number in range(targets)
        )
    )
