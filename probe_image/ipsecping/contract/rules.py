"""The rules that a result keeps, beyond the types of its fields.

There is one set of them: whoever makes a result looks at it by these before handing it out, and whoever reads
one does so again. What passes can be added up, judged and printed by every consumer (bounds.py), and its
figures do not contradict one another.
"""

from collections.abc import Mapping
from types import MappingProxyType

from .bounds import (
    MAX_COUNT,
    MAX_DUPLICATES,
    MAX_DURATION,
    MAX_EXPIRY,
    MAX_INSTANT,
    MAX_INTEGER,
    MAX_MTU,
    MAX_TEXT,
    MIN_MTU,
)
from .check import ProbeType
from .fields import ContractError, canonical_address, check_text, out_of_range, shown
from .result import IKE_PORTS, MAX_PORTS, MAX_SOURCES, ClockSource, PathMtu, RoundResult

_OF_TYPES: Mapping[str, tuple[ProbeType, ...]] = MappingProxyType(
    {
        "forwardLost": (ProbeType.STAMP,),
        "sources": (ProbeType.STAMP,),
        "pathMTU": (ProbeType.PATH_MTU,),
        "certificateExpiry": (ProbeType.TCP, ProbeType.HTTP),
        "nat": (ProbeType.IKE,),
        "unanswered": (ProbeType.IKE,),
    }
)
"""Which types of probe can tell what not all can. No sets: to hash a member of an enum takes longer."""
_NAMES = ("uid", "namespace", "name", "nonce", "path", "probe")


def check_result(result: RoundResult, path: str = "result") -> None:
    """Raise ContractError, with the path of the field, unless the result keeps the rules."""
    _check_names(result, path)
    _check_counts(result, path)
    _check_times(result, path)
    if result.remote_ip is not None and canonical_address(result.remote_ip) is None:
        raise ContractError(f"{path}.remoteIP: {shown(result.remote_ip)} is not an IP address")
    _check_particulars(result, path)


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
    if not sent and result.invalid is None and result.type is not ProbeType.IKE:
        # It would be news of the path without a measurement, and keep old figures from turning stale.
        raise ContractError(f"{path}.sent: 0 packets need a reason why the round is invalid")
    _within(result.duplicates, path, "duplicates", MAX_DUPLICATES if received else 0)
    _within(result.reordered, path, "reordered", received)
    forward, reverse = result.forward_lost, result.reverse_lost
    if forward is None and reverse is None:
        return
    _only(result, path, "forwardLost")
    if forward is None or reverse is None:
        raise ContractError(f"{path}.forwardLost: known only where reverseLost is, and the other way round")
    _within(forward, path, "forwardLost", lost)
    _within(reverse, path, "reverseLost", lost)
    if forward + reverse > lost:
        raise ContractError(f"{path}.forwardLost: with reverseLost more than the {lost} packets lost")


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


def _check_particulars(result: RoundResult, path: str) -> None:
    """What most results have not."""
    if result.path_mtu is not None:
        _only(result, path, "pathMTU")
        _check_path_mtu(result.path_mtu, f"{path}.pathMTU")
    if result.certificate_expiry is not None:
        _only(result, path, "certificateExpiry")
        _within(result.certificate_expiry, path, "certificateExpiry", MAX_EXPIRY)
    if result.nat is not None:
        _only(result, path, "nat")
    if result.unanswered:
        _only(result, path, "unanswered")
        most = min(result.sent - result.received, MAX_PORTS)
        if len(result.unanswered) > most:
            raise ContractError(f"{path}.unanswered: {len(result.unanswered)} ports, at most {most} can be")
        if any(port not in IKE_PORTS for port in result.unanswered):
            raise ContractError(f"{path}.unanswered: IKE has the ports {IKE_PORTS} only")
    if result.sources:
        _only(result, path, "sources")
        _check_sources(result, f"{path}.sources")


def _check_path_mtu(found: PathMtu, path: str) -> None:
    if found.forward is None:
        if found.reverse is not None:
            raise ContractError(f"{path}.reverse: known only where forward is")
        return
    if not MIN_MTU <= found.forward <= MAX_MTU:
        raise out_of_range(found.forward, f"{path}.forward", MIN_MTU, MAX_MTU)
    if found.reverse is not None and not MIN_MTU <= found.reverse <= found.forward:
        raise out_of_range(found.reverse, f"{path}.reverse", MIN_MTU, found.forward)


def _check_sources(result: RoundResult, path: str) -> None:
    sources = result.sources
    if len(sources) > MAX_SOURCES:
        raise ContractError(f"{path}: {len(sources)} addresses, at most {MAX_SOURCES} are allowed")
    canonical = {canonical_address(source) for source in sources}
    wrong = next((each for each in sources if canonical_address(each) is None or "%" in each), None)
    if wrong is not None:
        raise ContractError(f"{path}: {shown(wrong)} is not an IP address, or has a zone")
    if len(canonical) < len(sources):
        raise ContractError(f"{path}: the same address stands there twice")
    if min(sources.values()) < 1:
        raise out_of_range(min(sources.values()), path, 1, result.received)
    if sum(sources.values()) > result.received:
        raise ContractError(f"{path}: more packets than the {result.received} received")


def _within(value: int, path: str, key: str, at_most: int) -> None:
    if not 0 <= value <= at_most:
        raise out_of_range(value, f"{path}.{key}", 0, at_most)


def _only(result: RoundResult, path: str, key: str) -> None:
    if result.type not in _OF_TYPES[key]:
        raise ContractError(f"{path}.{key}: a {result.type} probe cannot tell it")
