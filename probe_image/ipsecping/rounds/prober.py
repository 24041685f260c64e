"""Measures one path of one check."""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..addresses import is_address
from ..contract import (
    Invalidity,
    PlannedCheck,
    PlannedProbe,
    RoundResult,
    destination,
    named,
    per_address,
)
from ..contract.bounds import MAX_ADDRESSES, MAX_NAMED_ADDRESSES
from ..net.clocks import Clock
from ..net.resolve import Addresses, NoSuchName, ResolveError, Resolver
from ..probes.base import RoundMethod
from ..probes.registry import method_of
from .address_rounds import EachAddress, in_turn, measured
from .log_once import LogOnce
from .probe_rounds import ProbeRounds, RoundFuture
from .round_method import run_method
from .unmeasured import unmeasured

MILLISECOND, SECOND = 1_000_000, 1_000_000_000


class _Found(NamedTuple):
    """What a host stands for in a round."""

    ips: tuple[str, ...]
    """Those that are measured; one, unless each is measured by itself."""
    told: int
    """How many there are."""
    age: int | None
    """As `RoundResult.address_age`."""


class PathProber:
    """Runs rounds of all probes of one path. Belongs to one event loop; see agent.runner.Prober."""

    __slots__ = ("_addresses", "_clock", "_each", "_log", "_probes", "_resolver")

    def __init__(self, clock: Clock, resolver: Resolver) -> None:
        self._clock = clock
        self._resolver = resolver
        self._addresses: dict[str, tuple[str, ...]] = {}
        """Host to what was measured of it last."""
        self._probes: dict[str, ProbeRounds] = {}
        self._each: dict[str, EachAddress] = {}
        """Of probes that measure each address of the target by itself."""
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
            host: asyncio.create_task(self._find(check, host)) for host in hosts if not is_address(host)
        }
        return asyncio.create_task(
            _together([self._begin(check, probe, lookups, start) for probe in check.probes])
        )

    def close(self) -> None:
        """Close all sockets, once the rounds that use them are over."""
        for rounds in self._probes.values():
            rounds.close()
        for each in self._each.values():
            each.close()

    def _begin(
        self,
        check: PlannedCheck,
        probe: PlannedProbe,
        lookups: "Mapping[str, Awaitable[_Found | Invalidity]]",
        start: int,
    ) -> RoundFuture:
        """`lookups` of names under way for several probes."""
        if check.per_address and per_address(check, probe):
            return asyncio.create_task(self._each_address(check, probe, lookups.get(check.target), start))
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
        lookup: "Awaitable[_Found | Invalidity] | None",
        start: int,
    ) -> list[RoundResult]:
        """The long way, for what has to be looked up or looked at first."""
        host, started_at = rounds.host, time.time_ns()
        if rounds.literal:
            return await _to_address(check, rounds, host, self._log, start)
        found = await (lookup or self._find(check, host))
        if isinstance(found, Invalidity):
            return [unmeasured(check, rounds.probe, started_at, invalid=found)]
        results = await _to_address(check, rounds, found.ips[0], self._log, start)
        return [replace(each, address_age=found.age) for each in results] if found.age else results

    async def _each_address(
        self,
        check: PlannedCheck,
        probe: PlannedProbe,
        lookup: "Awaitable[_Found | Invalidity] | None",
        start: int,
    ) -> list[RoundResult]:
        """One round to each address of the target: one result of each, or one that says why there is none."""
        started_at = time.time_ns()
        found = await (lookup or self._find(check, check.target))
        if isinstance(found, Invalidity):
            return [unmeasured(check, probe, started_at, invalid=found)]
        each = self._each.get(probe.name)
        if each is None:
            made = named(probe, check.target)
            each = self._each[probe.name] = EachAddress(made, check.target, self._clock)
        rounds = each.follow(found.ips)
        starts = in_turn(
            len(rounds), start=max(start, time.monotonic_ns()), spacing=probe.spacing_ms * MILLISECOND
        )
        results = await _together(
            [
                _to_address(check, to.rounds, to.address, to.log, at, wait=True)
                for to, at in zip(rounds, starts, strict=True)
            ]
        )
        told = min(found.told, MAX_NAMED_ADDRESSES)
        return [replace(result, addresses=told, address_age=found.age) for result in results]

    async def _find(self, check: PlannedCheck, host: str) -> _Found | Invalidity:
        """The addresses of a host that are measured, or why there is none."""
        of_target = host == check.target
        try:
            found = await self._known(check, host)
        except ResolveError as error:
            self._log.error(check, str(error), host=host)
            absent = isinstance(error, NoSuchName)
            return Invalidity.NO_SUCH_NAME if absent else Invalidity.RESOLVER_FAILED
        before = self._addresses.get(host, ())
        ips = measured(found.ips, before)
        if not (check.per_address and of_target):
            ips = ips[:1]
        self._log.error(check, _remark(host, found, ips), host=host)
        self._addresses[host] = ips
        return _Found(ips, len(found.ips), int(found.age * SECOND) or None)

    async def _known(self, check: PlannedCheck, host: str) -> Addresses:
        """All addresses of a host. Raises ResolveError."""
        if host != check.target:
            # What else a probe sends to, such as a gateway, is not in the tunnel.
            return await self._resolver.resolve_all(host)
        if check.targets is None:
            return await self._resolver.resolve_all(host, family=check.family)
        if not check.targets:
            raise NoSuchName(f"{host}: it has no address at present")
        return Addresses(check.targets)


def _remark(host: str, found: Addresses, ips: Sequence[str]) -> str | None:
    """What there is to log of a host that has an address."""
    if found.age:
        return f"{host}: the resolver fails; going on with its last answer, {', '.join(ips)}"
    if len(ips) == MAX_ADDRESSES < len(found.ips):
        return f"{host}: it has {len(found.ips)} addresses, of which {MAX_ADDRESSES} are measured"
    return None


async def _to_address(
    check: PlannedCheck, rounds: ProbeRounds, address: str, log: LogOnce, start: int, *, wait: bool = False
) -> list[RoundResult]:
    """One round to one IP address, from `start` on (`wait`: of types that run theirs by themselves too)."""
    probe = rounds.probe
    if not check.permits(address):
        log.error(check, f"{address} ({rounds.host}) is not an allowed target", probe=probe.name)
        invalid = Invalidity.NOT_PERMITTED
        return [unmeasured(check, probe, time.time_ns(), invalid=invalid, address=address)]
    method = method_of(probe.type)
    if not isinstance(method, RoundMethod):
        return await rounds.begin(check, address, start=start)
    if wait:
        await asyncio.sleep(max(start - time.monotonic_ns(), 0) / SECOND)
    started_at = time.time_ns()
    try:
        result = await run_method(method, check, probe, address)
    except Exception as error:
        return [rounds.failed(check, started_at, address, error)]
    rounds.went_well(check)
    return [result]


def _by_itself(probe: PlannedProbe) -> bool:
    """Whether the probe's type runs its rounds by itself."""
    return isinstance(method_of(probe.type), RoundMethod)


async def _together(rounds: Iterable[Awaitable[list[RoundResult]]]) -> list[RoundResult]:
    """The results of several probes' rounds, once all are there."""
    return [result for results in await asyncio.gather(*rounds) for result in results]
