"""The record of a trace, under way or over."""

from typing import NamedTuple

from ..contract.trace import Trace, TraceMethod
from .machine import Limits, TraceMachine
from .sockets import Probes


class Asked(NamedTuple):
    """What a trace was asked to do."""

    host: str
    """As it was given."""
    address: str
    """In its canonical form."""
    method: TraceMethod
    port: int | None
    """None with ICMP."""
    size: int
    """Bytes of the first IP packets."""
    limits: Limits
    started_at: int
    """Nanoseconds since the Unix epoch."""


def record(asked: Asked, probes: Probes, machine: TraceMachine, *, whole: bool) -> Trace:
    """What is known by now; `whole`: nothing more is to be found out."""
    return Trace(
        host=asked.host,
        address=asked.address,
        method=asked.method,
        port=asked.port,
        source=probes.source,
        source_port=probes.source_port,
        size=None if asked.method is TraceMethod.TCP else asked.size,
        started_at=asked.started_at,
        max_ttl=asked.limits.max_ttl,
        tries=asked.limits.tries,
        wait=asked.limits.wait,
        sent=machine.packets_sent,
        ignored=machine.ignored,
        whole=whole,
        hops=machine.hops(),
        limits=machine.limits,
        unplaced=machine.unplaced,
    )
