"""IKE probe: does the gateway's daemon answer an IKE_SA_INIT (RFC 7296) on its ports, 500 and 4500 as a rule?

A round is a request to each port, whatever the plan's count; each is repeated within the timeout, as in IKE
itself. Whether there is NAT on the way is asked where a probe wants to know, at most every ten minutes. A
gateway is asked at most once a minute by all the probes of this process together that ask the same ports in
the same way. A round in between reports the latest exchange where its probe has not reported that yet, or
else that nothing was sent.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import TypeVar

from ..contract import IkeOptions, Invalidity, LossReason, Nat, PlannedCheck, PlannedProbe, Unanswered
from ..contract.methods.ike import Require
from .base import Outcome, RoundMethod
from .ike_exchange import MAX_REQUESTS, PortOutcome, ask_nat, ask_ports
from .sending import sender_of

log = logging.getLogger(__name__)

T = TypeVar("T")
MINUTE = 60_000_000_000
NAT_PERIOD = 10 * MINUTE
SLACK = 1_000_000_000
"""So much too early (nanoseconds) a request may be, without being more often in the long run: a round that
comes every minute is not to be skipped for a tick that came a little early."""
MAX_GATEWAYS = 20_000


@dataclass(slots=True)
class Ration:
    """Lets through what comes no more often than once a `period`, in the long run."""

    period: int
    due: int | None = None

    def take(self, now: int) -> bool:
        """Whether it is time again. Times in monotonic nanoseconds."""
        if self.due is not None and now < self.due - SLACK:
            return False
        self.due = max(now, now if self.due is None else self.due) + self.period
        return True


@dataclass(slots=True)
class _Asked:
    """What this process asks of one gateway in one way, and when it did."""

    asking: Ration = field(default_factory=lambda: Ration(MINUTE))
    latest: "asyncio.Task[list[PortOutcome]] | None" = None
    reported_to: set[Hashable] = field(default_factory=set)
    told: str = ""


@dataclass(slots=True)
class _NatSearch:
    """What this process knows of NAT on the way to one gateway, from one source."""

    asking: Ration = field(default_factory=lambda: Ration(NAT_PERIOD))
    wanted_until: int = 0
    """Some probe wants to know; monotonic."""
    found: bool | None = None
    reported_to: set[Hashable] = field(default_factory=set)

    def unreported(self, reader: Hashable) -> bool | None:
        """What was found last, once for each reader."""
        if self.found is None or reader in self.reported_to:
            return None
        self.reported_to.add(reader)
        return self.found


class Gateways:
    """The gateways of one process; the one asked longest ago goes when there are too many."""

    def __init__(self) -> None:
        self._asked: OrderedDict[Hashable, _Asked] = OrderedDict()
        self._nat: OrderedDict[Hashable, _NatSearch] = OrderedDict()

    async def measure(self, check: PlannedCheck, probe: PlannedProbe, address: str) -> Outcome:
        """See RoundMethod."""
        options = probe.options
        assert isinstance(options, IkeOptions)
        sender = sender_of(probe)
        asked = _kept(self._asked, (address, options.ports, options.plain_ports, sender), _Asked)
        nat = _kept(self._nat, (address, sender.source), _NatSearch)
        now = time.monotonic_ns()
        if options.detect_nat:
            nat.wanted_until = now + 2 * MINUTE  # by when somebody will have asked
        if asked.asking.take(now):
            asked.latest = asyncio.create_task(_ask(asked, nat, probe, address))
            asked.reported_to = set()
        reader = (check.uid, check.path, probe.name)
        outcome = Outcome()
        if asked.latest is not None and not asked.latest.cancelled() and reader not in asked.reported_to:
            asked.reported_to.add(reader)
            outcome = outcome_of(await asyncio.shield(asked.latest), options.require)
        found = nat.unreported(reader) if options.detect_nat else None
        return outcome if found is None else replace(outcome, figures=(Nat(found), *outcome.figures))


def _kept(known: OrderedDict[Hashable, T], key: Hashable, make: Callable[[], T]) -> T:
    """Return what is known by that key, or a new one, as the one used last."""
    if key not in known:
        known[key] = make()
        if len(known) > MAX_GATEWAYS:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]


async def _ask(asked: _Asked, nat: _NatSearch, probe: PlannedProbe, address: str) -> list[PortOutcome]:
    options, sender, now = probe.options, sender_of(probe), time.monotonic_ns()
    assert isinstance(options, IkeOptions)
    plain = options.plain_ports
    wants_nat = now < nat.wanted_until and nat.asking.take(now)
    # The whole round keeps within the probe's timeout, with NAT detection as without.
    timeout = probe.timeout_ms * 1_000_000 // (1 + MAX_REQUESTS if wants_nat else 1)
    outcomes = await ask_ports(address, timeout=timeout, sender=sender, ports=options.ports, plain=plain)
    alive = [outcome.port for outcome in outcomes if outcome.answer is not None]
    if wants_nat and alive:
        found = await ask_nat(address, alive[0], timeout=timeout, sender=sender, plain=alive[0] in plain)
        log.info(
            "gateway %s: NAT on the way: %s", address, {None: "unknown", True: "yes", False: "no"}[found]
        )
        nat.found, nat.reported_to = found, set()
    _tell(asked, address, outcomes)
    return outcomes


def outcome_of(outcomes: list[PortOutcome], require: Require = Require.ALL) -> Outcome:
    """The ports' answers and losses as a round's figures: a packet each, or one for all of them."""
    unanswered = [outcome for outcome in outcomes if outcome.answer is None]
    reasons = {outcome.port: outcome.reason for outcome in unanswered if outcome.reason is not None}
    received, losses = len(outcomes) - len(unanswered), Counter(reasons.values())
    not_sent = len(reasons) < len(unanswered)
    if require is Require.ANY:
        received = min(received, 1)
        not_sent = not_sent and not received
        said = [reason for reason in reasons.values() if reason is not LossReason.TIMEOUT]
        losses = Counter([*said, *reasons.values()][: 1 - received])
    return Outcome(
        received=received,
        losses=MappingProxyType(dict(losses)),
        invalid=Invalidity.LOCAL_SEND_FAILED if not_sent else None,
        figures=(Unanswered.of(reasons),) if reasons and (received or losses) else (),
    )


def describe(outcome: PortOutcome) -> str:
    """One port's outcome in a few words."""
    if outcome.answer is not None:
        return f"{outcome.port} {outcome.answer.kind}"
    note = f" ({outcome.note})" if outcome.note else ""
    return f"{outcome.port} {outcome.reason or 'not sent'}{note}"


def _tell(asked: _Asked, address: str, outcomes: list[PortOutcome]) -> None:
    """Log what the ports say when it changes."""
    said = ", ".join(describe(outcome) for outcome in outcomes)
    if said != asked.told:
        level = logging.INFO if all(outcome.answer for outcome in outcomes) else logging.WARNING
        log.log(level, "gateway %s: IKE on port %s", address, said)
        asked.told = said


@cache
def own_gateways() -> Gateways:
    """Those that this process knows, whichever probe asks."""
    return Gateways()


async def measure(check: PlannedCheck, probe: PlannedProbe, address: str) -> Outcome:
    """See RoundMethod."""
    return await own_gateways().measure(check, probe, address)


METHOD = RoundMethod(measure=measure)
