"""What a person reads in a condition: measured value, limit, window, where, and direction where known."""

from collections.abc import Sequence
from decimal import Decimal

from ipsecping.contract import (
    AuditFinding,
    CertificateExpiry,
    Invalidity,
    LossReason,
    LossShape,
    PathMtu,
    RefusedAnswers,
    Unanswered,
)
from ipsecping.contract.directions import at_least
from ipsecping_operator.compile.compiled import DAY, Cron, Interval

from . import text
from .deadline import next_fire
from .hysteresis import Latch
from .tally import Tally

_INVALIDITIES = {
    Invalidity.LATE_TICKS: "its host was stalled, so packets left or answers were read too late",
    Invalidity.LOCAL_SEND_FAILED: "its host could not send; the pod's log says why",
    Invalidity.RECEIVE_QUEUE_DROPS: "the receive queue overflowed",
    Invalidity.CPU_THROTTLED: "its CPU limit held it back",
    Invalidity.TIMESTAMPS_MISSING: "the kernel left out timestamps",
    Invalidity.KEY_MISSING: "its key or its certificate authority is missing or malformed",
    Invalidity.KEY_NOT_PERMITTED: "its key has a form that is not permitted",
    Invalidity.NOT_PERMITTED: "its target's address is not permitted",
    Invalidity.PING_FORBIDDEN: "its group may not open ping sockets; with hostNetwork the sysctl "
    "net.ipv4.ping_group_range of the node has to include group 65532",
    Invalidity.SOCKET_UNAVAILABLE: "its host refuses a system call that the probe needs; the pod's log "
    "names it",
    Invalidity.SOURCE_UNAVAILABLE: "its host does not have the configured source, or the source port is "
    "in use",
    Invalidity.NO_SUCH_NAME: "there is no such name, or it has no address",
    Invalidity.RESOLVER_FAILED: "the resolver did not answer, and no earlier answer is left",
    Invalidity.INTERNAL_ERROR: "the prober failed; the pod's log says how",
    Invalidity.RESULT_REFUSED: "its result breaks the rules for results; the pod's log says which",
}

_REMEDIES = 3
"""Findings of an audit that a message explains; of the others it has the names."""


def no_results(where: str, schedule: Interval | Cron, *, now: int) -> str:
    """Nothing was ever measured."""
    if isinstance(schedule, Interval):
        return f"no result yet from {where}; Ready says whether its pod runs"
    fire = next_fire(schedule, after=now)
    when = "; its cron line never fires again" if fire is None else f"; next run at {text.moment(fire)}"
    return f"no result yet from {where}{when}"


def stale(where: str, schedule: Interval | Cron, *, last: int | None) -> str:
    """Results were coming and no longer do."""
    due = (
        f"every {text.span(schedule.interval_ms * 1_000_000)}"
        if isinstance(schedule, Interval)
        else f'at each "{schedule.line}" ({schedule.time_zone or "UTC"})'
    )
    since = "" if last is None else f" since {text.moment(last)}"
    return f"no result from {where}{since}, one is expected {due}; Ready says whether its pod runs"


def invalid(where: str, figures: Tally, *, run: int) -> str:
    """The prober could not measure."""
    why = _INVALIDITIES[figures.invalidity] if figures.invalidity else "the prober was at fault"
    rounds = _rounds(run)
    return f"{rounds} on {where} {'says' if run == 1 else 'say'} nothing about the path: {why}"


def unresolved(where: str, invalidity: Invalidity, *, run: int) -> str:
    """The target's name could not be turned into an address."""
    return f"{_rounds(run)} on {where} could not resolve the target's name: {_INVALIDITIES[invalidity]}"


def nowhere(where: str) -> str:
    """The list of addresses that are to be measured is empty."""
    return f"there is no address to be measured on {where}"


def _rounds(run: int) -> str:
    return "the last round" if run == 1 else f"the last {run} rounds"


def down(where: str, silent: Tally, *, since: int) -> str:
    """Not one answer for too many rounds; `since` may be before all that the window still holds."""
    packets, rounds = text.counted(silent.sent, "packet"), text.counted(silent.rounds, "round")
    return (
        f"no answer to the last {packets} in {rounds} on {where}, since {text.moment(since)}"
        f"{_why_lost(silent)}"
    )


def loss_high(where: str, figures: Tally, *, limit: Decimal, window: int) -> str:
    """More packets lost than allowed."""
    return (
        f"{_loss(figures)} in {text.span(window)} (limit {text.limit(limit)} %) on {where}"
        f"{_direction(figures)}{_why_lost(figures)}{_shape(figures)}"
    )


def loss_burst(where: str, shape: LossShape, *, limit: int, window: int) -> str:
    """Packets lost one after the other for too long."""
    return f"{_in_a_row(shape)} in {text.span(window)} (limit {text.span(limit)}) on {where}{_evenly(shape)}"


def _in_a_row(shape: LossShape) -> str:
    packets = text.counted(shape.packets, "packet")
    return f"{packets} lost in a row within {text.milliseconds(shape.duration)}"


def _evenly(shape: LossShape) -> str:
    """Say that losses are evenly spaced: congestion is not."""
    if shape.period is None:
        return ""
    return f"; one in {shape.period} packets is lost, evenly, as by a rate limit of the target or a router"


def _shape(figures: Tally) -> str:
    """How the losses lie, where that says more than their number."""
    shape = figures.figure(LossShape)
    if shape is None:
        return ""
    run = "" if shape.packets == 1 else f"; at most {_in_a_row(shape)}"
    return f"{run}{_evenly(shape)}"


def latency_high(where: str, figures: Tally, *, name: str, measured: int, limit: int, window: int) -> str:
    """A percentile of the round-trip time above its limit."""
    return (
        f"RTT {name} {text.milliseconds(measured)} of {text.counted(figures.rtt.count, 'packet')} in "
        f"{text.span(window)} (limit {text.span(limit)}) on {where}"
    )


def jitter_high(where: str, figures: Tally, *, measured: int, limit: int, window: int) -> str:
    """The mean difference of successive round-trip times above its limit."""
    return (
        f"jitter {text.milliseconds(measured)} of {text.counted(figures.rtt.count, 'packet')} in "
        f"{text.span(window)} (limit {text.span(limit)}) on {where}"
    )


def latched_note(latch: Latch, release: str) -> str:
    """Why a value within its limit is not healthy yet; nothing where it exceeds the limit."""
    if latch.since is None:
        return ""
    return (
        f"; within the limit since {text.moment(latch.since)}: healthy at {release} or less, "
        "or once the window holds nothing older"
    )


def path_mtu_low(where: str, size: int, found: PathMtu, *, limit: int, counted: bool = True) -> str:
    """Large packets do not pass; not `counted`: only answers show that they arrive.

    Where none passed at all, `size` is one byte less than the smallest.
    """
    way = ""
    if found.forward is not None and found.reverse is not None:
        way = f" on the way {'there' if found.forward < limit else 'back'}"
    silent = "" if found.too_big else "; larger ones vanish without a packet-too-big message"
    if silent and not counted:
        silent += ", or the target answers none that large"
    known = f"packets of at most {size} bytes pass" if found.size else f"no packets of {size + 1} bytes pass"
    return f"{known}{way} (limit {limit}) on {where}{silent}"


def failing(where: str, silent: Tally, *, since: int, now: int) -> str:
    """Something answers, round after round, but never as asked for."""
    packets, rounds = text.counted(silent.sent, "packet"), text.counted(silent.rounds, "round")
    return (
        f"no good answer to the last {packets} in {rounds} on {where}, since {text.moment(since)}"
        f"{_why_lost(silent)}{_expired(silent, now=now)}"
    )


def failed(where: str, figures: Tally, *, limit: Decimal, window: int, now: int) -> str:
    """Too many answers that are not as asked for."""
    share = text.percent(figures.lost, figures.sent)
    return (
        f"{share} % of {text.counted(figures.sent, 'packet')} without a good answer in {text.span(window)} "
        f"(limit {text.limit(limit)} %) on {where}{_why_lost(figures)}{_expired(figures, now=now)}"
    )


def certificate(where: str, expiry: int, *, least: int, now: int) -> str:
    """The certificate ends soon, or has ended."""
    wanted = f"(limit {text.counted(least // DAY, 'day')})"
    if expiry <= now:
        return f"the certificate of {where} ended at {text.moment(expiry)} {wanted}"
    left = text.counted((expiry - now) // DAY, "day")
    return f"the certificate of {where} ends at {text.moment(expiry)}, in {left} {wanted}"


def certificate_unreadable(where: str, *, least: int) -> str:
    """Handshakes succeed, but nobody can tell how long they will."""
    limit = text.counted(least // DAY, "day")
    return f"the certificate of {where} does not say readably when it ends (limit {limit})"


def audit_failed(where: str, found: Sequence[AuditFinding]) -> str:
    """The reflector answers what it should not: each finding, and what closes the first ones."""
    told = [f"{each.meaning} ({each}; ipsecping reflect: {each.remedy})" for each in found[:_REMEDIES]]
    rest = ", ".join(found[_REMEDIES:])
    return f"the reflector on {where} {'; '.join(told)}{f'; and {rest}' if rest else ''}"


def unexpectedly_reachable(where: str, figures: Tally, *, window: int) -> str:
    """What must not get through did."""
    spoken = {reason: count for reason, count in figures.losses.items() if reason.reached}
    how = ""
    if figures.received:
        how = ": answered"
    elif spoken:
        how = f": {max(spoken, key=lambda reason: spoken[reason]).meaning}"
    packets = text.counted(figures.reached, "packet")
    return f"{packets} got through in {text.span(window)} on {where}, though Blocked is expected{how}"


def blocked(where: str, figures: Tally, *, window: int) -> str:
    """What must not get through did not."""
    return (
        f"none of {text.counted(figures.sent, 'packet')} got through in {text.span(window)} on {where}, "
        "as expected"
    )


def within(where: str, figures: Tally, *, window: int) -> str:
    """All is well, and this is what it rests on."""
    rtt = "".join(f", RTT p50 {text.milliseconds(median)}" for median in figures.percentiles(50))
    return f"{_loss(figures)}{rtt} in {text.span(window)} on {where}"


def _loss(figures: Tally) -> str:
    return f"{text.percent(figures.lost, figures.sent)} % of {text.counted(figures.sent, 'packet')} lost"


def _direction(figures: Tally) -> str:
    forward, reverse = figures.forward_lost, figures.reverse_lost
    if not figures.directions_known:
        known = at_least(forward, reverse, lost=figures.lost)
        return "" if known is None else f", {known}"
    if forward and reverse:
        return f", {forward} on the way there and {reverse} on the way back"
    if forward or reverse:
        return f", all on the way {'there' if forward else 'back'}"
    return ""


def _expired(figures: Tally, *, now: int) -> str:
    """What explains a failed handshake."""
    found = figures.figure(CertificateExpiry)
    if found is None or found.nanoseconds > now:
        return ""
    return f"; the certificate ended at {text.moment(found.nanoseconds)}"


def _commonest(figures: Tally) -> LossReason:
    return max(figures.losses, key=lambda key: figures.losses[key], default=LossReason.TIMEOUT)


def _why_lost(figures: Tally) -> str:
    """The commonest reason, unless it is the plain one, and which of a gateway's ports are silent."""
    reason = _commonest(figures)
    why = "" if reason is LossReason.TIMEOUT else f": {reason.meaning}"
    refused = figures.figure(RefusedAnswers)
    told = None if refused is None else refused.remark()
    return f"{why}{_ports(figures)}{'' if told is None else f'; {told}'}"


def _ports(figures: Tally) -> str:
    silent = figures.figure(Unanswered)
    if silent is None:
        return ""
    counts = sorted(silent.by_port.items())
    if len(counts) == 1:
        return f"; all by UDP port {counts[0][0]}"
    return "; " + " and ".join(f"{count} by UDP port {port}" for port, count in counts)
