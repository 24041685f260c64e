"""One host being pinged: its socket, its packets, and what is printed of them."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from ..contract import PlannedProbe, named
from ..measure.packet import Packet
from ..measure.totals import Totals
from ..net.clocks import Clock
from ..net.errors import PingForbidden
from ..net.resolve import ResolveError, Resolver
from ..probes.base import RoundInvalid, Session
from ..probes.registry import packet_method
from ..rounds.packet_train import PacketTrain
from .summary import Outcome

Watcher = Callable[["HostPing", Packet], None]


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
        self._session: Session | None = None
        self._train: PacketTrain | None = None

    @property
    def where(self) -> str:
        """Address and port."""
        port = "" if self._probe.port is None else f" port {self._probe.port}"
        return f"{self.address}{port}"

    async def open(self, resolver: Resolver, clock: Clock) -> None:
        """Find the address and open the socket; what fails is in `trouble`."""
        try:
            host = self.target.host
            self.address = self.address or (await resolver.resolve(host)).ip
            self._session = packet_method(self._probe.type).open(
                named(self._probe, host), self.address, clock
            )
        except (PingForbidden, ResolveError, RoundInvalid) as error:
            self.trouble = str(error)
            return
        except OSError as error:
            self.trouble = f"{self.target.label}: {error.strerror or error}"
            return
        self._train = PacketTrain(
            self._session,
            self._probe,
            observer=self._told if self._watcher else None,
            sent=self._watch_timeout if self._watcher else None,
            settled=self._part_over,
        )

    async def run(self, count: int | None) -> None:
        """Send `count` packets, or packets until `stop`; then close the socket. See `trouble` afterwards."""
        if self._train is None or self._session is None:
            return
        try:
            await self._train.run(count)
        except RoundInvalid as error:
            self.trouble = str(error)
        finally:
            self._session.close()

    def stop(self) -> None:
        """Send no more."""
        if self._train is not None:
            self._train.stop()

    @property
    def outcome(self) -> Outcome:
        """All that was measured so far."""
        totals = Totals() if self._train is None else self._train.totals
        return Outcome(
            self.target.host,
            self.address,
            self._probe,
            totals,
            self._samples,
            self.trouble,
            self.target.label,
        )

    def _told(self, packet: Packet) -> None:
        if self._watcher is not None:
            self._watcher(self, packet)

    def _watch_timeout(self, packet: Packet) -> None:
        asyncio.get_running_loop().call_later(self._probe.timeout_ms / 1000, self._timed_out, packet)

    def _timed_out(self, packet: Packet) -> None:
        if not packet.settled:
            self._told(packet)

    def _part_over(self, packets: list[Packet]) -> None:
        if self._samples is not None:
            self._samples += [
                {
                    "sequence": packet.sequence,
                    "rtt_ns": packet.rtt,
                    "residence_ns": packet.residence,
                    "clock": packet.clock.value,
                }
                for packet in packets
                if packet.rtt is not None
            ]
