"""The rounds of one probe: one session with the target's address, kept as long as the address stays."""

import asyncio
import logging
import time
from dataclasses import dataclass
from types import MappingProxyType

from ..contract import CheckRef, Invalidity, LossReason, PlannedProbe, RoundResult
from ..measure.summary import summarise
from ..net.clocks import Clock
from ..net.datagram import PingForbidden
from ..net.errors import reason_of_errno
from ..net.resolve import ResolveError, Resolver
from ..probes.base import Session
from ..probes.registry import METHODS
from .pacing import Observer, Pacing

log = logging.getLogger(__name__)

_MS = 1_000_000


@dataclass(slots=True, eq=False)
class _Lease:
    """A session and how many rounds use it; closed when it is retired and unused."""

    session: Session
    rounds: int = 0
    retired: bool = False
    last: "asyncio.Future[None] | None" = None
    """Done when the latest round has closed its book: books are closed in the order of sending."""

    def release(self) -> None:
        self.rounds -= 1
        self.close_if_unused()

    def close_if_unused(self) -> None:
        if self.retired and self.rounds == 0:
            self.session.close()


class ProbeRounds:
    """Rounds of one probe of one path; they may overlap."""

    def __init__(self, probe: PlannedProbe, *, target: str, clock: Clock, resolver: Resolver) -> None:
        self.probe = probe
        self._target = target
        self._clock = clock
        self._resolver = resolver
        self._lease: _Lease | None = None
        self._told = ""

    def close(self) -> None:
        """End the session when its last round is over."""
        if self._lease is not None:
            self._lease.retired = True
            self._lease.close_if_unused()
            self._lease = None

    async def round(self, check: CheckRef, *, observer: Observer | None = None) -> RoundResult:
        """One round, from the first packet to the last timeout.

        A target without address or route is the path's fault: all packets count as sent and lost. What this
        host may or can not do makes the round invalid.
        """
        started = self._clock.read()
        try:
            lease = await self._session()
        except ResolveError as error:
            self._tell(str(error))
            return self._without_session(check, started.realtime, LossReason.RESOLVE_FAILED)
        except (PingForbidden, OSError) as error:
            self._tell(f"{self._target}: {error}")
            reason = reason_of_errno(error.errno) if isinstance(error, OSError) else None
            return self._without_session(check, started.realtime, reason)
        self._told = ""
        lease.rounds += 1
        try:
            return await self._measure(check, lease, observer)
        finally:
            lease.release()

    async def _session(self) -> _Lease:
        """The session to use: a new one when the name has moved or the old one's numbers are used up."""
        lease = self._lease
        known = lease.session.address if lease else None
        address = await self._resolver.resolve(self._target, prefer=known)
        if lease is not None and lease is self._lease:
            if address == known and not lease.session.ledger.exhausted:
                return lease
            self.close()
        if self._lease is None:
            opened = METHODS[self.probe.type].open(self.probe, address, self._clock)
            self._lease = _Lease(opened)
        return self._lease

    async def _measure(self, check: CheckRef, lease: _Lease, observer: Observer | None) -> RoundResult:
        probe, session = self.probe, lease.session
        before, closed = lease.last, asyncio.get_running_loop().create_future()
        lease.last = closed
        started = self._clock.read()
        pacing = Pacing(session, timeout=probe.timeout_ms * _MS, observer=observer)
        try:
            session.overflowed()
            await pacing.send(count=probe.count, spacing=probe.spacing_ms * _MS, start=time.monotonic_ns())
            await pacing.wait()
            duration = time.monotonic_ns() - started.monotonic
            await pacing.close()
            if before is not None:
                await before
            session.drain()
            attribution = session.ledger.attribute(pacing.packets)
            if pacing.closing:
                session.ledger.attribute(pacing.closing)
        finally:
            closed.set_result(None)
        return summarise(
            check=check,
            probe=probe,
            packets=pacing.packets,
            started_at=started.realtime,
            duration=duration,
            forward_lost=attribution.forward,
            reverse_lost=attribution.reverse,
            remote_ip=session.address,
            invalid=pacing.invalid or (Invalidity.RECEIVE_QUEUE_DROPS if session.overflowed() else None),
        )

    def _without_session(self, check: CheckRef, started_at: int, reason: LossReason | None) -> RoundResult:
        count = self.probe.count
        return RoundResult(
            check=check,
            probe=self.probe.name,
            type=self.probe.type,
            started_at=started_at,
            duration=0,
            sent=count if reason else 0,
            received=0,
            losses=MappingProxyType({reason: count} if reason else {}),
            invalid=None if reason else Invalidity.LOCAL_SEND_FAILED,
        )

    def _tell(self, message: str) -> None:
        """Log a trouble once, not every round."""
        if message != self._told:
            self._told = message
            log.warning("probe %s: %s", self.probe.name, message)
