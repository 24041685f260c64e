"""IKE probe: does the gateway's daemon answer an IKE_SA_INIT (RFC 7296) on ports 500 and 4500?

A round is two requests, to 500 and 4500, whatever the plan's count; each is repeated within the timeout, as
in IKE itself. A gateway is asked at most once a minute by all the probes of this process together. A round in
between reports the latest exchange where its probe has not reported that yet, or else that nothing was sent.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from types import MappingProxyType

from ..contract import IkeOptions, Invalidity, LossReason, PlannedCheck, PlannedProbe
from .base import Outcome, RoundMethod
from .ike_exchange import MAX_REQUESTS, PortOutcome, ask_nat, ask_ports

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
    nat: Ration = field(default_factory=lambda: Ration(NAT_PERIOD))
    latest: "asyncio.Task[Outcome] | None" = None
    reported_to: set[Hashable] = field(default_factory=set)
    told: str = ""


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
        if gateway.asking.take(time.monotonic_ns()):
            gateway.latest = asyncio.create_task(_ask(gateway, probe, address))
            gateway.reported_to = set()
        reader = (check.uid, check.path, probe.name)
        if gateway.latest is None or gateway.latest.cancelled() or reader in gateway.reported_to:
            return Outcome()
        gateway.reported_to.add(reader)
        return await asyncio.shield(gateway.latest)


async def _ask(gateway: _Gateway, probe: PlannedProbe, address: str) -> Outcome:
    assert isinstance(probe.options, IkeOptions)
    wants_nat = probe.options.detect_nat and gateway.nat.take(time.monotonic_ns())
    # The whole round keeps within the probe's timeout, with NAT detection as without.
    timeout = probe.timeout_ms * 1_000_000 // (1 + MAX_REQUESTS if wants_nat else 1)
    outcomes = await ask_ports(address, timeout=timeout, dscp=probe.dscp)
    nat: bool | None = None
    alive = [outcome.port for outcome in outcomes if outcome.answer is not None]
    if wants_nat and alive:
        nat = await ask_nat(address, alive[0], timeout=timeout, dscp=probe.dscp)
        log.info("gateway %s: NAT on the way: %s", address, {None: "unknown", True: "yes", False: "no"}[nat])
    _tell(gateway, address, outcomes)
    return outcome_of(outcomes, nat)


def outcome_of(outcomes: list[PortOutcome], nat: bool | None = None) -> Outcome:
    """Both ports' answers and losses as a round's figures."""
    unanswered = [outcome for outcome in outcomes if outcome.answer is None]
    losses: Counter[LossReason] = Counter(o.reason for o in unanswered if o.reason is not None)
    return Outcome(
        received=len(outcomes) - len(unanswered),
        losses=MappingProxyType(dict(losses)),
        invalid=Invalidity.LOCAL_SEND_FAILED if any(o.reason is None for o in unanswered) else None,
        nat=nat,
    )


def describe(outcome: PortOutcome) -> str:
    """One port's outcome in a few words."""
    if outcome.answer is not None:
        return f"{outcome.port} {outcome.answer.kind}"
    return f"{outcome.port} {outcome.reason or 'not sent'}"


def _tell(gateway: _Gateway, address: str, outcomes: list[PortOutcome]) -> None:
    """Log what the ports say when it changes: the result only counts them."""
    said = ", ".join(describe(outcome) for outcome in outcomes)
    if said != gateway.told:
        level = logging.INFO if all(outcome.answer for outcome in outcomes) else logging.WARNING
        log.log(level, "gateway %s: IKE on port %s", address, said)
        gateway.told = said


METHOD = RoundMethod(measure=Gateways().measure)
