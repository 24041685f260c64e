"""IKE probe: does the gateway's daemon answer an IKE_SA_INIT (RFC 7296) on ports 500 and 4500?

A round is two requests, to 500 and 4500, whatever the plan's count; each is repeated within the timeout, as
in IKE itself. Whether there is NAT on the way is asked where a probe wants to know, at most every ten
minutes. A gateway is asked at most once a minute by all the probes of this process together. A round in
between reports the latest exchange where its probe has not reported that yet, or else that nothing was sent.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

from ..contract import IkeOptions, Invalidity, Nat, PlannedCheck, PlannedProbe, Unanswered
from .base import Outcome, RoundMethod
from .ike_exchange import MAX_REQUESTS, PortOutcome, ask_nat, ask_ports
from .sending import sender_of

log = logging.getLogger(__name__)

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
class _Gateway:
    """What this process knows of one gateway."""

    asking: Ration = field(default_factory=lambda: Ration(MINUTE))
    latest: "asyncio.Task[Outcome] | None" = None
    reported_to: set[Hashable] = field(default_factory=set)
    told: str = ""
    nat: Ration = field(default_factory=lambda: Ration(NAT_PERIOD))
    nat_wanted_until: int = 0
    """Some probe wants to know; monotonic."""
    nat_found: bool | None = None
    nat_reported_to: set[Hashable] = field(default_factory=set)

    def unreported_nat(self, reader: Hashable) -> bool | None:
        """What was found last, once for each reader."""
        if self.nat_found is None or reader in self.nat_reported_to:
            return None
        self.nat_reported_to.add(reader)
        return self.nat_found


class Gateways:
    """The gateways of one process, by address; the one asked longest ago goes when there are too many."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Gateway] = OrderedDict()

    async def measure(self, check: PlannedCheck, probe: PlannedProbe, address: str) -> Outcome:
        """See RoundMethod."""
        gateway = self._known.setdefault(address, _Gateway())
        self._known.move_to_end(address)
        if len(self._known) > MAX_GATEWAYS:
            self._known.popitem(last=False)
        assert isinstance(probe.options, IkeOptions)
        now, wants_nat = time.monotonic_ns(), probe.options.detect_nat
        if wants_nat:
            gateway.nat_wanted_until = now + 2 * MINUTE  # by when somebody will have asked
        if gateway.asking.take(now):
            gateway.latest = asyncio.create_task(_ask(gateway, probe, address))
            gateway.reported_to = set()
        reader = (check.uid, check.path, probe.name)
        outcome = Outcome()
        if (
            gateway.latest is not None
            and not gateway.latest.cancelled()
            and reader not in gateway.reported_to
        ):
            gateway.reported_to.add(reader)
            outcome = await asyncio.shield(gateway.latest)
        nat = gateway.unreported_nat(reader) if wants_nat else None
        return outcome if nat is None else replace(outcome, figures=(Nat(nat), *outcome.figures))


async def _ask(gateway: _Gateway, probe: PlannedProbe, address: str) -> Outcome:
    now = time.monotonic_ns()
    wants_nat = now < gateway.nat_wanted_until and gateway.nat.take(now)
    # The whole round keeps within the probe's timeout, with NAT detection as without.
    timeout = probe.timeout_ms * 1_000_000 // (1 + MAX_REQUESTS if wants_nat else 1)
    outcomes = await ask_ports(address, timeout=timeout, sender=sender_of(probe))
    alive = [outcome.port for outcome in outcomes if outcome.answer is not None]
    if wants_nat and alive:
        nat = await ask_nat(address, alive[0], timeout=timeout, sender=sender_of(probe))
        log.info("gateway %s: NAT on the way: %s", address, {None: "unknown", True: "yes", False: "no"}[nat])
        gateway.nat_found, gateway.nat_reported_to = nat, set()
    _tell(gateway, address, outcomes)
    return outcome_of(outcomes)


def outcome_of(outcomes: list[PortOutcome]) -> Outcome:
    """Both ports' answers and losses as a round's figures."""
    unanswered = [outcome for outcome in outcomes if outcome.answer is None]
    reasons = {outcome.port: outcome.reason for outcome in unanswered if outcome.reason is not None}
    losses = Counter(reasons.values())
    return Outcome(
        received=len(outcomes) - len(unanswered),
        losses=MappingProxyType(dict(losses)),
        invalid=Invalidity.LOCAL_SEND_FAILED if any(o.reason is None for o in unanswered) else None,
        figures=(Unanswered.of(reasons),) if reasons else (),
    )


def describe(outcome: PortOutcome) -> str:
    """One port's outcome in a few words."""
    if outcome.answer is not None:
        return f"{outcome.port} {outcome.answer.kind}"
    note = f" ({outcome.note})" if outcome.note else ""
    return f"{outcome.port} {outcome.reason or 'not sent'}{note}"


def _tell(gateway: _Gateway, address: str, outcomes: list[PortOutcome]) -> None:
    """Log what the ports say when it changes."""
    said = ", ".join(describe(outcome) for outcome in outcomes)
    if said != gateway.told:
        level = logging.INFO if all(outcome.answer for outcome in outcomes) else logging.WARNING
        log.log(level, "gateway %s: IKE on port %s", address, said)
        gateway.told = said


@cache
def own_gateways() -> Gateways:
    """Those that this process knows, whichever probe asks."""
    return Gateways()


async def measure(check: PlannedCheck, probe: PlannedProbe, address: str) -> Outcome:
    """See RoundMethod."""
    return await own_gateways().measure(check, probe, address)


METHOD = RoundMethod(measure=measure)
