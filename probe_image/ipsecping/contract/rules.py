"""The rules that a result keeps, beyond the types of its fields.

There is one set of them: whoever makes a result looks at it by these before handing it out, and whoever reads
one does so again. What passes can be added up, judged and printed by every consumer (bounds.py), and its
figures do not contradict one another.
"""

from .bounds import (
    MAX_COUNT,
    MAX_DUPLICATES,
    MAX_DURATION,
    MAX_INSTANT,
    MAX_INTEGER,
    MAX_NAMED_ADDRESSES,
    MAX_TEXT,
)
from .fields import ContractError, canonical_address, check_text, out_of_range, shown
from .methods import METHODS
from .result import ClockSource, RoundResult

_NAMES = ("uid", "namespace", "name", "nonce", "path", "probe")


def check_result(result: RoundResult, path: str = "result") -> None:
    """Raise ContractError, with the path of the field, unless the result keeps the rules."""
    _check_names(result, path)
    _check_counts(result, path)
    _check_times(result, path)
    _check_address(result, path)
    if result.figures:
        _check_figures(result, path)


def _check_address(result: RoundResult, path: str) -> None:
    told, age = result.addresses, result.address_age
    if result.remote_ip is None:
        if told is not None or age is not None:
            raise ContractError(f"{path}.remoteIP: is missing, although there is something to say of it")
        return
    if canonical_address(result.remote_ip) is None:
        raise ContractError(f"{path}.remoteIP: {shown(result.remote_ip)} is not an IP address")
    if told is not None and not 1 <= told <= MAX_NAMED_ADDRESSES:
        raise out_of_range(told, f"{path}.addresses", 1, MAX_NAMED_ADDRESSES)
    if age is not None:
        _within(age, path, "addressAge", MAX_DURATION)


def _check_names(result: RoundResult, path: str) -> None:
    check = result.check
    names = (check.uid, check.namespace, check.name, check.nonce, check.path, result.probe)
    # All at once, for they are good as a rule.
    if not "".join(names).isprintable() or max(map(len, names)) > MAX_TEXT or not all(names):
        for key, name in zip(_NAMES, names, strict=True):
            check_text(name, path, key)
    if not 0 <= check.generation <= MAX_INTEGER:
        raise out_of_range(check.generation, f"{path}.generation", 0, MAX_INTEGER)
    if result.run_now is not None:
        check_text(result.run_now, path, "runNow")


def _check_counts(result: RoundResult, path: str) -> None:
    sent, received, losses = result.sent, result.received, result.losses
    _within(sent, path, "sent", MAX_COUNT)
    _within(received, path, "received", sent)
    lost = sent - received
    if (losses and min(losses.values()) < 1) or sum(losses.values()) != lost:
        raise ContractError(f"{path}.losses: do not add up to the {lost} packets lost")
    if not sent and result.invalid is None and not METHODS[result.type].may_rest:
        # It would be news of the path without a measurement, and keep old figures from turning stale.
        raise ContractError(f"{path}.sent: 0 packets need a reason why the round is invalid")
    _within(result.duplicates, path, "duplicates", MAX_DUPLICATES if received else 0)
    _within(result.reordered, path, "reordered", received)
    _check_least(result, lost, path)
    forward, reverse = result.forward_lost, result.reverse_lost
    if forward is None and reverse is None:
        return
    if not METHODS[result.type].directed:
        raise _not_of_type(result, f"{path}.forwardLost")
    if forward is None or reverse is None:
        raise ContractError(f"{path}.forwardLost: known only where reverseLost is, and the other way round")
    _within(forward, path, "forwardLost", lost)
    _within(reverse, path, "reverseLost", lost)
    if forward + reverse > lost:
        raise ContractError(f"{path}.forwardLost: with reverseLost more than the {lost} packets lost")


def _check_least(result: RoundResult, lost: int, path: str) -> None:
    forward, reverse = result.min_forward_lost, result.min_reverse_lost
    _within(forward, path, "minForwardLost", lost)
    _within(reverse, path, "minReverseLost", lost - forward)
    if not forward and not reverse:
        return
    if not METHODS[result.type].directed:
        raise _not_of_type(result, f"{path}.minForwardLost")
    if result.forward_lost is not None or result.reverse_lost is not None:
        raise ContractError(f"{path}.minForwardLost: not where forwardLost and reverseLost are known")


def _check_times(result: RoundResult, path: str) -> None:
    rtt, received = result.rtt, result.received
    _within(result.started_at, path, "startedAt", MAX_INSTANT)
    _within(result.duration, path, "duration", MAX_DURATION)
    if rtt.count > received:
        raise ContractError(f"{path}.rtt: {rtt.count} values for {received} packets received")
    rtt.check(f"{path}.rtt")
    _within(result.jitter_count, path, "jitterCount", rtt.count - 1 if rtt.count else 0)
    spread = 0 if rtt.min is None or rtt.max is None else rtt.max - rtt.min
    _within(result.jitter_sum, path, "jitterSum", result.jitter_count * spread)
    if not received and result.clock is not ClockSource.USER:
        raise ContractError(f"{path}.clock: {result.clock} although no packet came back")


def _check_figures(result: RoundResult, path: str) -> None:
    own = METHODS[result.type].measures
    for name, figure in result.figures.items():
        if type(figure) not in own:
            raise _not_of_type(result, f"{path}.{name}")
        figure.check(f"{path}.{name}", sent=result.sent, received=result.received)


def _within(value: int, path: str, key: str, at_most: int) -> None:
    if not 0 <= value <= at_most:
        raise out_of_range(value, f"{path}.{key}", 0, at_most)


def _not_of_type(result: RoundResult, path: str) -> ContractError:
    return ContractError(f"{path}: a {result.type} probe cannot tell it")
