"""Rounds in which nothing could be sent: what the result says of them, and what the log."""

import logging
import time
from types import MappingProxyType

from ..contract import Invalidity, LossReason, PlannedCheck, PlannedProbe, RoundResult
from ..net.errors import PingForbidden, reason_of
from ..net.sender import SourceUnavailable
from ..probes.base import RoundInvalid

log = logging.getLogger(__name__)

LOOKUP_MS = 10_000
"""Beyond a round's own time: looking up the name takes at most 5 s, and the process may wait for its turn."""


def unmeasured(
    check: PlannedCheck,
    probe: PlannedProbe,
    started_at: int,
    *,
    lost: LossReason | None = None,
    invalid: Invalidity = Invalidity.INTERNAL_ERROR,
    address: str | None = None,
) -> RoundResult:
    """A round without packets: `lost` for a reason of the path's, all of them, or else by our own fault."""
    count = probe.packets if lost else 0
    # The wall clock may have been set meanwhile.
    longest = (probe.round_ms + LOOKUP_MS) * 1_000_000
    return RoundResult(
        check=check.ref,
        probe=probe.name,
        type=probe.type,
        started_at=started_at,
        duration=min(max(time.time_ns() - started_at, 0), longest),
        sent=count,
        received=0,
        losses=MappingProxyType({lost: count} if lost else {}),
        remote_ip=address,
        invalid=None if lost else invalid,
    )


def failed(
    check: PlannedCheck, probe: PlannedProbe, started_at: int, address: str, error: Exception
) -> tuple[RoundResult, str | None]:
    """The result of a round that ended in an error, and what is to be told of it (None: it is logged)."""
    match error:
        case PingForbidden():
            invalid = Invalidity.PING_FORBIDDEN
        case RoundInvalid():
            invalid = error.invalidity
        case OSError():
            unavailable = isinstance(error, SourceUnavailable)
            invalid = Invalidity.SOURCE_UNAVAILABLE if unavailable else Invalidity.SOCKET_UNAVAILABLE
            lost = reason_of(error)
            result = unmeasured(check, probe, started_at, lost=lost, invalid=invalid, address=address)
            return result, f"{address}: {error.strerror or error}"
        case _:
            log.error("%s/%s: probe %s failed", check.namespace, check.name, probe.name, exc_info=error)
            return unmeasured(check, probe, started_at, address=address), None
    return unmeasured(check, probe, started_at, invalid=invalid, address=address), str(error)
