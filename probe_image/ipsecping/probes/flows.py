"""The sessions of a probe with several flows: the same from several source ports, which are kept."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from ..contract import PlannedProbe
from ..contract.bounds import MAX_FLOWS
from ..net.clocks import Clock
from ..net.sender import SourceUnavailable
from .base import Session
from .registry import packet_method

FIRST_PORT, ROWS = 61_000, 283
"""Rows of `MAX_FLOWS` ports each, above those that Linux gives away (ip_local_port_range)."""


class FlowPorts:
    """Finds the source ports of one probe, and keeps them from session to session.

    They follow from a seed, so that a dead flow is still the same one after a restart, in the next Job and in
    the next run of `ping`. Where one of them is taken, the next row is tried.
    """

    __slots__ = ("_row", "first")

    def __init__(self, seed: str) -> None:
        self._row = zlib.crc32(seed.encode()) % ROWS
        """The one that is tried first."""
        self.first: int | None = None
        """The port of the first flow; the others have those behind it."""

    def open(self, probe: PlannedProbe, address: str, clock: Clock) -> tuple[Session, ...]:
        """A session for each flow. Raises as ProbeMethod.open."""
        unavailable: SourceUnavailable | None = None
        for first in self._candidates(probe):
            try:
                sessions = _open(probe, address, clock, first)
            except SourceUnavailable as error:
                unavailable = unavailable or error
            else:
                self.first = first
                return sessions
        assert unavailable is not None
        raise unavailable

    def move_on(self) -> None:
        """Find others from now on: of the rows behind the one that was found."""
        if self.first is not None:
            self._row = (self.first - FIRST_PORT) // MAX_FLOWS + 1
            self.first = None

    def _candidates(self, probe: PlannedProbe) -> Iterator[int]:
        if probe.source_port is not None:
            yield probe.source_port
            return
        if self.first is not None:
            yield self.first
        yield from (FIRST_PORT + (self._row + more) % ROWS * MAX_FLOWS for more in range(MAX_ROWS))


MAX_ROWS = 32
"""Rows that are tried."""


def _open(probe: PlannedProbe, address: str, clock: Clock, first: int) -> tuple[Session, ...]:
    method = packet_method(probe.type)
    with ExitStack() as opened:
        sessions: list[Session] = []
        for flow in range(probe.flows):
            session = method.open(replace(probe, source_port=first + flow, flows=1), address, clock)
            opened.callback(session.close)
            sessions.append(session)
        opened.pop_all()
    return tuple(sessions)


def open_sessions(
    probe: PlannedProbe, address: str, clock: Clock, ports: FlowPorts | None
) -> Sequence[Session]:
    """The sessions of a probe's flows; `ports` where it has several."""
    if ports is None:
        return (packet_method(probe.type).open(probe, address, clock),)
    return ports.open(probe, address, clock)
