"""One host being pinged: its socket, its packets, and what is printed of them."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..contract import Family, PlannedProbe, named
from ..measure.packet import Packet
from ..measure.totals import Totals
from ..net.clocks import Clock
from ..net.errors import PingForbidden
from ..net.resolve import ResolveError, Resolver
from ..net.sender import interface_index
from ..probes.base import RoundInvalid, Session
from ..probes.flows import FlowPorts, open_sessions
from ..rounds.flow_order import new_order
from ..rounds.packet_train import PacketTrain, TrainFlow
from .summary import Outcome

Watcher = Callable[["HostPing", int, Packet], None]
"""Told of a packet of a flow, which is numbered from 0."""


LOOK_SECONDS = 1.0
"""Between two looks whether this host has the source still, as it was."""
SEED = "ping"
"""Of the source ports of flows: the same in each run, as long as they are free."""


class Target(NamedTuple):
    """A host, or one of its addresses."""

    host: str
    """As it was given."""
    address: str | None = None
    """The one that is meant, of several; None: the host's first."""

    @property
    def label(self) -> str:
        """What tells it from the others."""
        return self.host if self.address in (None, self.host) else f"{self.host} {self.address}"


class HostPing:
    """Open it, run it, then ask for the outcome. Belongs to one event loop."""

    def __init__(
        self,
        target: Target,
        probe: PlannedProbe,
        *,
        watcher: Watcher | None,
        samples: bool = False,
    ) -> None:
        """`watcher` is told of each answer, refusal and time-out, as it happens."""
        self.target = target
        self.address = target.address
        self.trouble: str | None = None
        """Why it cannot be pinged, or no longer."""
        self._probe = probe
        self._watcher = watcher
        self._samples: list[dict[str, Any]] | None = [] if samples else None
        self._sessions: Sequence[Session] = ()
        self._interface = 0
        """That their packets leave by, as of `interface_index`."""
        self._trains: list[PacketTrain] = []
        """Of each flow."""
        self._together = Totals()
        """Of all flows, where there are several."""
        self._ports = FlowPorts(SEED) if probe.flows > 1 else None

    @property
    def where(self) -> str:
        """Address and port."""
        port = "" if self._probe.port is None else f" port {self._probe.port}"
        return f"{self.address}{port}"

    async def open(self, resolver: Resolver, clock: Clock, family: Family | None) -> None:
        """Find the address and open the socket; what fails is in `trouble`."""
        try:
            host = self.target.host
            self.address = self.address or (await resolver.resolve(host, family=family)).ip
            self._interface = interface_index(self._probe.source)
            self._sessions = self._opened(clock)
        except (PingForbidden, ResolveError, RoundInvalid) as error:
            self.trouble = str(error)
            return
        except OSError as error:
            self.trouble = f"{self.target.label}: {error.strerror or error}"
            return
        self._clock = clock
        order = new_order(flows=self._probe.flows, spacing=self._probe.spacing_ms * 1_000_000)
        self._trains = [
            PacketTrain(
                session,
                self._probe,
                observer=partial(self._told, flow) if self._watcher else None,
                sent=partial(self._watch_timeout, flow) if self._watcher else None,
                settled=partial(self._part_over, flow),
                flow=TrainFlow(flow, order, self._together) if self._ports else None,
            )
            for flow, session in enumerate(self._sessions)
        ]

    async def run(self, count: int | None) -> None:
        """Send `count` packets of each flow, or packets until `stop`; then close the sockets.

        See `trouble` afterwards.
        """
        following = asyncio.create_task(self._follow_source()) if self._probe.source else None
        try:
            await asyncio.gather(*(self._run(train, count) for train in self._trains))
        finally:
            if following is not None:
                following.cancel()
            for session in self._sessions:
                session.close()

    async def _run(self, train: PacketTrain, count: int | None) -> None:
        try:
            await train.run(count)
        except RoundInvalid as error:  # so it is for all flows
            self.trouble = str(error)
            self.stop()

    async def _follow_source(self) -> None:
        """Go on with other sockets where the interface was made anew: those before send nothing any more."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                interface = interface_index(self._probe.source)
                if interface == self._interface:
                    continue
                self._sessions = self._opened(self._clock)
            except (OSError, PingForbidden, RoundInvalid):
                continue  # it is away, or not yet up; its packets count as not sent
            self._interface = interface
            for train, session in zip(self._trains, self._sessions, strict=True):
                train.go_on_in(session)

    def _opened(self, clock: Clock) -> Sequence[Session]:
        """A session for each flow. Raises as ProbeMethod.open."""
        assert self.address is not None
        return open_sessions(named(self._probe, self.target.host), self.address, clock, self._ports)

    def stop(self) -> None:
        """Send no more."""
        for train in self._trains:
            train.stop()

    def port_of(self, flow: int) -> int | None:
        """Return the source port of one of several flows."""
        return None if self._ports is None or self._ports.first is None else self._ports.first + flow

    @property
    def outcome(self) -> Outcome:
        """All that was measured so far."""
        flows = {
            port: train.totals for flow, train in enumerate(self._trains) if (port := self.port_of(flow))
        }
        totals = self._together if flows or not self._trains else self._trains[0].totals
        return Outcome(
            self.target.host,
            self.address,
            self._probe,
            totals,
            self._samples,
            self.trouble,
            self.target.label,
            flows,
        )

    def _told(self, flow: int, packet: Packet) -> None:
        if self._watcher is not None:
            self._watcher(self, flow, packet)

    def _watch_timeout(self, flow: int, packet: Packet) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._probe.timeout_ms / 1000, self._timed_out, flow, packet)

    def _timed_out(self, flow: int, packet: Packet) -> None:
        if not packet.settled:
            self._told(flow, packet)

    def _part_over(self, flow: int, packets: list[Packet]) -> None:
        if self._samples is not None:
            port = self.port_of(flow)
            self._samples += [
                {
                    "sequence": packet.sequence,
                    "rtt_ns": packet.rtt,
                    "residence_ns": packet.residence,
                    "clock": packet.clock.value,
                    **({} if port is None else {"source_port": port}),
                }
                for packet in packets
                if packet.rtt is not None
            ]
