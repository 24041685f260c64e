"""Whether a round found what is wanted of the traffic: let through, or blocked."""

from .check import Expect
from .methods.path_mtu import PathMtu
from .refused_answers import Refusal, RefusedAnswers
from .result import RoundResult


def packets_reached(result: RoundResult) -> int:
    """How many packets of a round are known to have reached the target: a lower bound.

    Those answered; those whose failure can only come from there (`LossReason.reached`), or whose answer came
    from elsewhere or too late; and those of which the target's own count says that they were lost on the way
    back. A search for the path MTU counts as one when a packet of any size arrived.
    """
    search = result.figure(PathMtu)
    if search is not None:
        return int(search.forward is not None or result.received > 0)
    spoken = sum(count for reason, count in result.losses.items() if reason.reached)
    refused = result.figure(RefusedAnswers)
    if refused is not None:
        came = sum(refused.by_reason.get(each, 0) for each in (Refusal.OTHER_SOURCE, Refusal.TOO_LATE))
        spoken = max(spoken, min(came, result.sent - result.received))
    return result.received + max(spoken, result.reverse_lost or result.min_reverse_lost)


def as_expected(expect: Expect, result: RoundResult) -> bool | None:
    """Whether the round shows what was expected; None when it shows nothing either way.

    Blocked: not one packet reached the target. An invalid round shows nothing: where a name had no address,
    it was no firewall's work. What did get through counts nevertheless.
    """
    if expect is Expect.REACHABLE:
        return True if result.received else None if result.invalid else False
    if packets_reached(result):
        return False
    return None if result.invalid or result.sent <= 0 else True
