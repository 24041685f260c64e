"""The result: what one round of one probe measured, and its JSON form (one line of the stream)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any

from . import fields
from .check import CheckRef, LossReason, ProbeType
from .fields import ContractError
from .histogram import Histogram
from .plan import MAX_COUNT

MAX_SOURCES = 4
"""Distinct source addresses that one result names; of packets from more it is as if nothing had been told."""

_PORTS = ("500", "4500")
MAX_PORTS = len(_PORTS)


NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""Of what a result keeps by name, none; one for all."""


class ClockSource(StrEnum):
    """Where the send and receive timestamps of the RTT come from."""

    KERNEL = "Kernel"
    """Both by the kernel (SO_TIMESTAMPING; for a TCP connect the TCP stack's own measure, TCP_INFO)."""
    MIXED = "Mixed"
    """Some by the kernel, some read by the prober around the system call."""
    USER = "User"
    """All read by the prober: includes its own scheduling delay."""


class Invalidity(StrEnum):
    """Why a round says nothing about the path: the prober itself was at fault, or not allowed to measure."""

    LATE_TICKS = "LateTicks"
    """Packets left too late for the spacing asked for."""
    LOCAL_SEND_FAILED = "LocalSendFailed"
    """ENOBUFS or ENOMEM on send."""
    RECEIVE_QUEUE_DROPS = "ReceiveQueueDrops"
    """The socket's receive queue overflowed (SO_RXQ_OVFL)."""
    CPU_THROTTLED = "CPUThrottled"
    """The cgroup's CPU limit held the prober back while packets were due."""
    TIMESTAMPS_MISSING = "TimestampsMissing"
    """The kernel left out timestamps that it gives as a rule."""
    KEY_MISSING = "KeyMissing"
    """The file of keys or of authorities' certificates that the plan names is absent, empty or malformed."""
    KEY_NOT_PERMITTED = "KeyNotPermitted"
    """A key is not in the marked form that the plan asks for (see `StampOptions.marked_keys`)."""
    NOT_PERMITTED = "NotPermitted"
    """The target's address is not among those that the plan allows; nothing was sent."""
    PING_FORBIDDEN = "PingForbidden"
    """The prober's group may not open ping sockets (net.ipv4.ping_group_range); nothing was sent."""
    INTERNAL_ERROR = "InternalError"
    """The prober failed; its log says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMtu:
    """What one search for the path MTU found. Sizes in octets of the IP packet."""

    forward: int | None
    """The largest packet that arrived at the far end; None where not even the smallest did."""
    reverse: int | None
    """As much of it as came back; at most `forward`. None where it cannot be told."""
    too_big: bool
    """A "fragmentation needed" or "packet too big" message came; False with a limit: a black hole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """One round of one probe. Durations in nanoseconds, times in nanoseconds since the Unix epoch.

    `sent` counts attempts: a packet that the path refused (ENETUNREACH, ...) was sent and lost.
    `sent - received == sum(losses.values())`. Directions (`forward_lost`, `reverse_lost`) are None where
    they cannot be known; where known, they add up to the packets that left and were not answered in time.
    Jitter is the mean of |RTT(i) - RTT(i-1)| over packets answered in succession (the IPDV of RFC 3393
    applied to round trips): its sum and count are kept, so that rounds can be added.
    """

    check: CheckRef
    probe: str
    type: ProbeType
    started_at: int
    duration: int
    sent: int
    received: int
    duplicates: int = 0
    reordered: int = 0
    forward_lost: int | None = None
    reverse_lost: int | None = None
    losses: Mapping[LossReason, int] = field(default_factory=lambda: NOTHING)
    rtt: Histogram = field(default_factory=Histogram)
    jitter_sum: int = 0
    jitter_count: int = 0
    clock: ClockSource = ClockSource.USER
    remote_ip: str | None = None
    invalid: Invalidity | None = None
    path_mtu: PathMtu | None = None
    """Of a PathMTU probe."""
    certificate_expiry: int | None = None
    """When the far end's TLS certificate ends, seconds since the Unix epoch; None without TLS."""
    nat: bool | None = None
    """Of an IKE probe that asked: whether there is NAT between here and the gateway."""
    unanswered: Mapping[int, LossReason] = field(default_factory=lambda: NOTHING)
    """Of an IKE probe: UDP ports of the gateway that did not answer, and why; at most `MAX_PORTS`."""
    run_now: str | None = None
    """Of an extra round: the word in the plan that asked for it."""
    sources: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    """Of a STAMP probe that asked: source addresses that the reflector saw, and how many of the packets
    received came from each, so far as it told. At most `MAX_SOURCES`."""


def result_to_json(result: RoundResult) -> dict[str, Any]:
    """The JSON object of one result; absent keys mean None, zero or empty."""
    check = result.check
    content: dict[str, Any] = {
        "uid": check.uid,
        "namespace": check.namespace,
        "name": check.name,
        "generation": check.generation,
        "nonce": check.nonce,
        "path": check.path,
        "probe": result.probe,
        "type": result.type.value,
        "startedAt": result.started_at,
        "duration": result.duration,
        "sent": result.sent,
        "received": result.received,
        "clock": result.clock.value,
    }
    if result.duplicates:
        content["duplicates"] = result.duplicates
    if result.reordered:
        content["reordered"] = result.reordered
    if result.forward_lost is not None:
        content["forwardLost"] = result.forward_lost
    if result.reverse_lost is not None:
        content["reverseLost"] = result.reverse_lost
    if result.losses:
        content["losses"] = {reason.value: count for reason, count in result.losses.items()}
    if result.rtt.count:
        content["rtt"] = result.rtt.to_json()
    if result.jitter_sum:
        content["jitterSum"] = result.jitter_sum
    if result.jitter_count:
        content["jitterCount"] = result.jitter_count
    if result.remote_ip is not None:
        content["remoteIP"] = result.remote_ip
    _put_particulars(content, result)
    return content


def _put_particulars(content: dict[str, Any], result: RoundResult) -> None:
    """What most results have not."""
    if result.invalid is not None:
        content["invalid"] = result.invalid.value
    if result.path_mtu is not None:
        content["pathMTU"] = _path_mtu_to_json(result.path_mtu)
    if result.certificate_expiry is not None:
        content["certificateExpiry"] = result.certificate_expiry
    if result.nat is not None:
        content["nat"] = result.nat
    if result.unanswered:
        content["unanswered"] = {str(port): reason.value for port, reason in result.unanswered.items()}
    if result.run_now is not None:
        content["runNow"] = result.run_now
    if result.sources:
        content["sources"] = dict(result.sources)


def result_from_json(value: object, path: str = "result") -> RoundResult:
    """Read one result; raises ContractError for a wrong field or figures that contradict one another."""
    source = fields.mapping(value, path)
    sent = fields.integer(source, "sent", path, at_most=MAX_COUNT)
    received = fields.integer(source, "received", path, at_most=sent)
    losses = _losses(source.get("losses") or {}, f"{path}.losses")
    rtt = Histogram.from_json(source.get("rtt") or {}, f"{path}.rtt")
    if rtt.count > received:
        raise ContractError(f"{path}.rtt: {rtt.count} values for {received} packets received")
    if sum(losses.values()) != sent - received:
        raise ContractError(f"{path}.losses: do not add up to the {sent - received} packets lost")
    lost = {
        key: fields.optional_integer(source, key, path, at_most=sent - received)
        for key in ("forwardLost", "reverseLost")
    }
    return RoundResult(
        check=CheckRef(
            uid=fields.text(source, "uid", path),
            namespace=fields.text(source, "namespace", path),
            name=fields.text(source, "name", path),
            generation=fields.integer(source, "generation", path),
            nonce=fields.text(source, "nonce", path),
            path=fields.text(source, "path", path),
        ),
        probe=fields.text(source, "probe", path),
        type=fields.member(source, "type", path, ProbeType),
        started_at=fields.integer(source, "startedAt", path),
        duration=fields.integer(source, "duration", path),
        sent=sent,
        received=received,
        duplicates=fields.optional_integer(source, "duplicates", path) or 0,
        reordered=fields.optional_integer(source, "reordered", path, at_most=received) or 0,
        forward_lost=lost["forwardLost"],
        reverse_lost=lost["reverseLost"],
        losses=MappingProxyType(losses),
        rtt=rtt,
        jitter_sum=fields.optional_integer(source, "jitterSum", path) or 0,
        jitter_count=fields.optional_integer(source, "jitterCount", path, at_most=max(received - 1, 0)) or 0,
        clock=fields.member(source, "clock", path, ClockSource),
        remote_ip=fields.optional_text(source, "remoteIP", path),
        invalid=fields.member(source, "invalid", path, Invalidity) if source.get("invalid") else None,
        path_mtu=_path_mtu(source["pathMTU"], f"{path}.pathMTU") if source.get("pathMTU") else None,
        certificate_expiry=fields.optional_integer(source, "certificateExpiry", path),
        nat=None if source.get("nat") is None else fields.flag(source, "nat", path),
        unanswered=MappingProxyType(
            _unanswered(source.get("unanswered") or {}, f"{path}.unanswered", lost=sent - received)
        ),
        run_now=fields.optional_text(source, "runNow", path),
        sources=MappingProxyType(_sources(source.get("sources") or {}, f"{path}.sources", received=received)),
    )


def _path_mtu_to_json(found: PathMtu) -> dict[str, Any]:
    content = {"forward": found.forward, "reverse": found.reverse, "tooBig": found.too_big}
    return {key: value for key, value in content.items() if value is not None}


def _path_mtu(value: object, path: str) -> PathMtu:
    source = fields.mapping(value, path)
    forward = fields.optional_integer(source, "forward", path, at_most=65_535)
    return PathMtu(
        forward=forward,
        reverse=fields.optional_integer(source, "reverse", path, at_most=forward or 0),
        too_big=fields.flag(source, "tooBig", path),
    )


def _sources(value: object, path: str, *, received: int) -> dict[str, int]:
    source = fields.mapping(value, path)
    if len(source) > MAX_SOURCES:
        raise ContractError(f"{path}: {len(source)} addresses, at most {MAX_SOURCES} are allowed")
    counts = {_address(key, path): fields.integer(source, key, path, at_least=1) for key in source}
    if sum(counts.values()) > received:
        raise ContractError(f"{path}: more packets than the {received} received")
    return counts


def _unanswered(value: object, path: str, *, lost: int) -> dict[int, LossReason]:
    source = fields.mapping(value, path)
    if len(source) > min(lost, MAX_PORTS):
        raise ContractError(f"{path}: {len(source)} ports, at most {min(lost, MAX_PORTS)} can be")
    if any(key not in _PORTS for key in source):
        raise ContractError(f"{path}: IKE has the ports {', '.join(_PORTS)} only")
    return {int(key): fields.member(source, key, path, LossReason) for key in source}


def _address(text: str, path: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ContractError(f"{path}: {text[:64]!r} is not an IP address") from None


def _losses(value: object, path: str) -> dict[LossReason, int]:
    source = fields.mapping(value, path)
    unknown = sorted(set(source) - set(LossReason))
    if unknown:
        raise ContractError(f"{path}: {unknown[0]!r} is not one of {', '.join(LossReason)}")
    return {LossReason(key): fields.integer(source, key, path, at_least=1) for key in source}
