"""Whether a round found what is wanted of the traffic: let through, or blocked."""

from .check import Expect, LossReason
from .methods.path_mtu import PathMtu
from .result import RoundResult

_NEVER_SENT = LossReason.RESOLVE_FAILED


def packets_reached(result: RoundResult) -> int:
    """How many packets of a round are known to have reached the far end: a lower bound.

    Those answered; those whose failure can only come from there (`LossReason.reached`); and those of which
    the far end's own count says that they were lost on the way back. A search for the path MTU counts as one
    when a packet of any size arrived.
    """
    search = result.figure(PathMtu)
    if search is not None:
        return int(search.forward is not None or result.received > 0)
    spoken = sum(count for reason, count in result.losses.items() if reason.reached)
    return result.received + max(spoken, result.reverse_lost or 0)


def as_expected(expect: Expect, result: RoundResult) -> bool | None:
    """Whether the round shows what was expected; None when it shows nothing either way.

    Blocked: not one packet reached the far end. A round shows nothing when the prober was at fault, or when
    nothing was sent because the name has no address: that is not the work of a firewall. What did get
    through counts nevertheless.
    """
    if expect is Expect.REACHABLE:
        return True if result.received else None if result.invalid else False
    if packets_reached(result):
        return False
    sent = result.sent - result.losses.get(_NEVER_SENT, 0)
    return None if result.invalid or sent <= 0 else True
