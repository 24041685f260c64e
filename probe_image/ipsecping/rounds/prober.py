"""Measures one path of one check."""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping

from ..contract import (
    Invalidity,
    PlannedCheck,
    PlannedProbe,
    RoundResult,
    destination,
    named,
)
from ..net.clocks import Clock
from ..net.resolve import NoSuchName, ResolveError, Resolver, is_address
from ..probes.base import RoundMethod
from ..probes.registry import method_of
from .log_once import LogOnce
from .probe_rounds import ProbeRounds, RoundFuture
from .round_method import run_method
from .unmeasured import unmeasured


class PathProber:
    """Runs rounds of all probes of one path. Belongs to one event loop; see agent.runner.Prober."""

    __slots__ = ("_addresses", "_clock", "_log", "_probes", "_resolver")

    def __init__(self, clock: Clock, resolver: Resolver) -> None:
        self._clock = clock
        self._resolver = resolver
        self._addresses: dict[str, str] = {}
        self._probes: dict[str, ProbeRounds] = {}
        self._log = LogOnce()

    def round(self, check: PlannedCheck, *, start: int = 0) -> "asyncio.Future[list[RoundResult]]":
        """One round of every probe at the same time; results in the plan's order. `start` as in Prober.

        A target without a route is the path's fault: all packets count as sent and lost. What goes wrong in
        here, and a name without an address, makes the round invalid.
        """
        if len(check.probes) == 1:  # which spares a task
            return self._begin(check, check.probes[0], {}, start)
        hosts = {destination(probe, check.target) for probe in check.probes}
        lookups = {
            host: asyncio.create_task(self._resolve(check, host)) for host in hosts if not is_address(host)
        }
        return asyncio.create_task(
            _together([self._begin(check, probe, lookups, start) for probe in check.probes])
        )

    def close(self) -> None:
        """Close all sockets, once the rounds that use them are over."""
        for probe in self._probes.values():
            probe.close()

    def _begin(
        self,
        check: PlannedCheck,
        probe: PlannedProbe,
        lookups: Mapping[str, Awaitable[str | Invalidity]],
        start: int,
    ) -> RoundFuture:
        """`lookups` of names under way for several probes."""
        rounds = self._probes.get(probe.name)
        if rounds is None:
            host = destination(probe, check.target)
            rounds = self._probes[probe.name] = ProbeRounds(named(probe, host), host, self._clock, self._log)
        if rounds.literal and not _by_itself(probe) and check.permits(rounds.host):
            return rounds.begin(check, rounds.host, start=start)
        return asyncio.create_task(self._probe_round(check, rounds, lookups.get(rounds.host), start))

    async def _probe_round(
        self,
        check: PlannedCheck,
        rounds: ProbeRounds,
        lookup: Awaitable[str | Invalidity] | None,
        start: int,
    ) -> list[RoundResult]:
        """The long way, for what has to be looked up or looked at first."""
        probe, host, started_at = rounds.probe, rounds.host, time.time_ns()
        address = host if rounds.literal else await (lookup or self._resolve(check, host))
        if isinstance(address, Invalidity):
            return [unmeasured(check, probe, started_at, invalid=address)]
        if not check.permits(address):
            self._log.error(check, f"{address} ({host}) is not an allowed target", probe=probe.name)
            invalid = Invalidity.NOT_PERMITTED
            return [unmeasured(check, probe, started_at, invalid=invalid, address=address)]
        method = method_of(probe.type)
        if not isinstance(method, RoundMethod):
            return await rounds.begin(check, address, start=start)
        started_at = time.time_ns()
        try:
            result = await run_method(method, check, probe, address)
        except Exception as error:
            return [rounds.failed(check, started_at, address, error)]
        rounds.went_well(check)
        return [result]

    async def _resolve(self, check: PlannedCheck, host: str) -> str | Invalidity:
        """The address of a host, or why there is none."""
        try:
            found = await self._resolver.resolve(
                host,
                prefer=self._addresses.get(host),
                # What else a probe sends to, such as a gateway, is not in the tunnel.
                family=check.family if host == check.target else None,
            )
        except ResolveError as error:
            self._log.error(check, str(error), host=host)
            absent = isinstance(error, NoSuchName)
            return Invalidity.NO_SUCH_NAME if absent else Invalidity.RESOLVER_FAILED
        stale = (
            f"{host}: the resolver fails; going on with its last answer, {found.ip}" if found.age else None
        )
        self._log.error(check, stale, host=host)
        self._addresses[host] = found.ip
        return found.ip


def _by_itself(probe: PlannedProbe) -> bool:
    """Whether the probe's type runs its rounds by itself."""
    return isinstance(method_of(probe.type), RoundMethod)


async def _together(rounds: Iterable[RoundFuture]) -> list[RoundResult]:
    """The results of several probes' rounds, once all are there."""
    return [result for results in await asyncio.gather(*rounds) for result in results]
