"""All probes of one path, round after round."""

import asyncio
import logging
from collections.abc import Sequence

from ..contract import PlannedCheck, RoundResult
from ..net.clocks import Clock
from ..net.resolve import Resolver
from .probe import ProbeRounds

log = logging.getLogger(__name__)


class PathProber:
    """Runs the probes of one path side by side. Keeps their sessions from round to round."""

    def __init__(self, check: PlannedCheck, *, clock: Clock, resolver: Resolver) -> None:
        self._probes = [
            ProbeRounds(probe, target=check.target, clock=clock, resolver=resolver) for probe in check.probes
        ]

    async def round(self, check: PlannedCheck) -> Sequence[RoundResult]:
        """One result for each probe, in the plan's order."""
        return await asyncio.gather(*(probe.round(check.ref) for probe in self._probes))

    def close(self) -> None:
        """Close all sockets."""
        for probe in self._probes:
            probe.close()
