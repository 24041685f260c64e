"""Measures one path of one check: its sockets and sessions live from round to round."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..contract import (
    Invalidity,
    LossReason,
    PlannedCheck,
    PlannedProbe,
    RoundResult,
    destination,
    named,
)
from ..measure.summary import summarise
from ..net.clocks import Clock
from ..net.datagram import PingForbidden
from ..net.errors import reason_of_errno
from ..net.resolve import ResolveError, Resolver, is_address
from ..net.throttling import own_throttling
from ..probes.base import RoundInvalid, Session
from ..probes.registry import METHODS, ROUND_METHODS
from .judge import Judge
from .pacing import Pacing
from .whole import whole_round

log = logging.getLogger(__name__)

MAX_IDLE = 300_000_000_000
"""A session unused for longer (nanoseconds) gives way to a new one, before the reflector forgets it and
starts counting anew: TWAMP's REFWAIT is 900 s (RFC 5357 section 3.1)."""
_MS = 1_000_000


class PathProber:
    """Runs rounds of all probes of one path. Belongs to one event loop; see agent.runner.Prober."""

    __slots__ = ("_addresses", "_clock", "_probes", "_resolver", "_told")

    def __init__(self, clock: Clock, resolver: Resolver) -> None:
        self._clock = clock
        self._resolver = resolver
        self._addresses: dict[str, str] = {}
        self._probes: dict[str, _ProbeRounds] = {}
        self._told: dict[tuple[str, str], str] = {}

    async def round(self, check: PlannedCheck, *, start: int = 0) -> Sequence[RoundResult]:
        """One round of every probe at the same time; results in the plan's order. `start` as in Prober.

        A target without address or route is the path's fault: all packets count as sent and lost. What goes
        wrong in here makes the round invalid.
        """
        if len(check.probes) == 1:  # which spares two tasks
            return [await self._probe_round(check, check.probes[0], {}, start)]
        hosts = {destination(probe, check.target) for probe in check.probes}
        lookups = {
            host: asyncio.create_task(self._resolve(check, host)) for host in hosts if not is_address(host)
        }
        return await asyncio.gather(
            *(self._probe_round(check, probe, lookups, start) for probe in check.probes)
        )

    def close(self) -> None:
        """Close all sockets, once the rounds that use them are over."""
        for probe in self._probes.values():
            probe.close()

    async def _resolve(self, check: PlannedCheck, host: str) -> str | None:
        """The address of a host, None when it has none."""
        try:
            address = await self._resolver.resolve(host, prefer=self._addresses.get(host))
        except ResolveError as error:
            self._tell(check, str(error), host=host)
            return None
        self._tell(check, None, host=host)
        self._addresses[host] = address
        return address

    async def _probe_round(
        self,
        check: PlannedCheck,
        probe: PlannedProbe,
        lookups: Mapping[str, Awaitable[str | None]],
        start: int,
    ) -> RoundResult:
        """`lookups` of names under way for several probes."""
        rounds = self._probes.get(probe.name)
        if rounds is None:
            host = destination(probe, check.target)
            rounds = self._probes[probe.name] = _ProbeRounds(named(probe, host), host, self._clock)
        host = rounds.host
        started_at = time.time_ns()
        address: str | None = host
        if not rounds.literal:
            address = await (lookups.get(host) or self._resolve(check, host))
        if address is None:
            return _without_session(check, probe, started_at, lost=LossReason.RESOLVE_FAILED)
        if not check.permits(address):
            self._tell(check, f"{address} ({host}) is not an allowed target", probe=probe.name)
            return _without_session(
                check, probe, started_at, invalid=Invalidity.NOT_PERMITTED, address=address
            )
        started_at = time.time_ns()
        method = ROUND_METHODS.get(probe.type)
        try:
            if method is None:
                result = await rounds.round(check, address, start)
            else:
                result = await whole_round(method, check, probe, address)
        except PingForbidden as error:
            self._tell(check, str(error), probe=probe.name)
            return _without_session(
                check, probe, started_at, invalid=Invalidity.PING_FORBIDDEN, address=address
            )
        except RoundInvalid as error:
            self._tell(check, str(error), probe=probe.name)
            return _without_session(check, probe, started_at, invalid=error.invalidity, address=address)
        except OSError as error:
            self._tell(check, f"{address}: {error.strerror or error}", probe=probe.name)
            reason = reason_of_errno(error.errno)
            return _without_session(check, probe, started_at, lost=reason, address=address)
        except Exception:
            log.exception("%s/%s: probe %s failed", check.namespace, check.name, probe.name)
        else:
            self._tell(check, None, probe=probe.name)
            return result
        return _without_session(check, probe, started_at, address=address)

    def _tell(self, check: PlannedCheck, trouble: str | None, *, probe: str = "", host: str = "") -> None:
        """Log a trouble once, not every round."""
        if trouble is None and not self._told:
            return
        if trouble is not None and trouble != self._told.get((probe, host)):
            log.error(
                "%s/%s: %s%s", check.namespace, check.name, f"probe {probe}: " if probe else "", trouble
            )
        self._told[probe, host] = trouble or ""


@dataclass(slots=True, eq=False)
class _Lease:
    """A session and how many rounds use it; closed when it is retired and unused."""

    session: Session
    used_at: int
    rounds: int = 0
    retired: bool = False
    last: "asyncio.Future[None] | None" = None
    """Done when the latest round has closed its book."""

    def __enter__(self) -> Session:
        self.rounds += 1
        return self.session

    def __exit__(self, *_: object) -> None:
        self.rounds -= 1
        self.used_at = time.monotonic_ns()
        self._close_unused()

    def retire(self) -> None:
        """No round to come may use it."""
        if not self.retired:
            self.retired = True
            self._close_unused()

    def _close_unused(self) -> None:
        if self.retired and not self.rounds:
            self.session.close()


class _ProbeRounds:
    """The rounds of one probe; they may overlap."""

    __slots__ = ("_clock", "_judge", "_lease", "_probe", "host", "literal")

    def __init__(self, probe: PlannedProbe, host: str, clock: Clock) -> None:
        self.host = host
        """The probe's destination."""
        self.literal = is_address(host)
        """It is an address, and need not be looked up."""
        self._probe = probe
        self._clock = clock
        self._judge = Judge(clock, own_throttling())
        self._lease: _Lease | None = None

    def close(self) -> None:
        if self._lease is not None:
            self._lease.retire()

    async def round(self, check: PlannedCheck, address: str, start: int) -> RoundResult:
        probe, lease = self._probe, self._session_with(address)
        now = time.monotonic_ns()
        start = max(start, now)
        started_at = time.time_ns() + start - now
        # Books are closed in the order of sending: each attribution builds on the one before.
        before, closed = lease.last, asyncio.get_running_loop().create_future()
        lease.last = closed
        trial = self._judge.begin(now=now)
        with lease as session:
            pacing = Pacing(session, timeout=probe.timeout_ms * _MS)
            try:
                await pacing.send(count=probe.count, spacing=probe.spacing_ms * _MS, start=start)
                await pacing.finish()
                if before is not None:
                    await before
                lost = session.ledger.attribute(pacing.packets)
            except BaseException:
                lease.retire()  # what is left in its book would confuse the rounds to come
                raise
            finally:
                if not closed.done():  # cancelled, together with the round that waits for it
                    closed.set_result(None)
        return summarise(
            check=check.ref,
            probe=probe,
            packets=pacing.packets,
            started_at=started_at,
            duration=time.monotonic_ns() - start,
            forward_lost=lost.forward,
            reverse_lost=lost.reverse,
            remote_ip=session.address,
            invalid=trial.verdict(pacing.packets, now=time.monotonic_ns(), found=pacing.invalid),
            certificate_expiry=session.ledger.certificate_expiry,
        )

    def _session_with(self, address: str) -> _Lease:
        """The session so far, or a new one where that is no longer fit."""
        lease = self._lease
        if lease is not None:
            idle = 0 if lease.rounds else time.monotonic_ns() - lease.used_at
            worn = lease.retired or lease.session.ledger.exhausted or idle > MAX_IDLE
            if lease.session.address == address and not worn:
                return lease
            lease.retire()
        self._lease = _Lease(
            METHODS[self._probe.type].open(self._probe, address, self._clock), time.monotonic_ns()
        )
        return self._lease


def _without_session(
    check: PlannedCheck,
    probe: PlannedProbe,
    started_at: int,
    *,
    lost: LossReason | None = None,
    invalid: Invalidity = Invalidity.INTERNAL_ERROR,
    address: str | None = None,
) -> RoundResult:
    """A round in which nothing could be sent: `lost` for a reason of the path's, or else by our own fault."""
    count = probe.count if lost else 0
    return RoundResult(
        check=check.ref,
        probe=probe.name,
        type=probe.type,
        started_at=started_at,
        duration=max(time.time_ns() - started_at, 0),
        sent=count,
        received=0,
        losses=MappingProxyType({lost: count} if lost else {}),
        remote_ip=address,
        invalid=None if lost else invalid,
    )
