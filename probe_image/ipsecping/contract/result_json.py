"""The JSON form of a result: one line of the stream, one item of a termination message."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from . import fields
from .check import CheckRef, LossReason, ProbeType
from .fields import ContractError
from .histogram import Histogram
from .result import IKE_PORTS, MAX_SOURCES, ClockSource, Invalidity, PathMtu, RoundResult
from .rules import check_result

_REASONS = frozenset(reason.value for reason in LossReason)
_PORTS = tuple(str(port) for port in IKE_PORTS)


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
    result = RoundResult(
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
        sent=fields.integer(source, "sent", path),
        received=fields.integer(source, "received", path),
        duplicates=fields.optional_integer(source, "duplicates", path) or 0,
        reordered=fields.optional_integer(source, "reordered", path) or 0,
        forward_lost=fields.optional_integer(source, "forwardLost", path),
        reverse_lost=fields.optional_integer(source, "reverseLost", path),
        losses=MappingProxyType(_losses(source, path)),
        rtt=Histogram.from_json(fields.optional_mapping(source, "rtt", path), f"{path}.rtt"),
        jitter_sum=fields.optional_integer(source, "jitterSum", path) or 0,
        jitter_count=fields.optional_integer(source, "jitterCount", path) or 0,
        clock=fields.member(source, "clock", path, ClockSource),
        remote_ip=fields.optional_address(source, "remoteIP", path),
        invalid=None if source.get("invalid") is None else fields.member(source, "invalid", path, Invalidity),
        path_mtu=None if source.get("pathMTU") is None else _path_mtu(source["pathMTU"], f"{path}.pathMTU"),
        certificate_expiry=fields.optional_integer(source, "certificateExpiry", path),
        nat=None if source.get("nat") is None else fields.flag(source, "nat", path),
        unanswered=MappingProxyType(_unanswered(source, path)),
        run_now=fields.optional_text(source, "runNow", path),
        sources=MappingProxyType(_sources(source, path)),
    )
    check_result(result, path)
    return result


def _path_mtu_to_json(found: PathMtu) -> dict[str, Any]:
    content = {"forward": found.forward, "reverse": found.reverse, "tooBig": found.too_big}
    return {key: value for key, value in content.items() if value is not None}


def _path_mtu(value: object, path: str) -> PathMtu:
    source = fields.mapping(value, path)
    return PathMtu(
        forward=fields.optional_integer(source, "forward", path),
        reverse=fields.optional_integer(source, "reverse", path),
        too_big=fields.flag(source, "tooBig", path),
    )


def _losses(source: Mapping[str, Any], path: str) -> dict[LossReason, int]:
    losses, where = fields.optional_mapping(source, "losses", path), f"{path}.losses"
    unknown = next((key for key in losses if key not in _REASONS), None)
    if unknown is not None:
        raise ContractError(f"{where}: {fields.shown(unknown)} is not one of {', '.join(LossReason)}")
    return {LossReason(key): fields.integer(losses, key, where) for key in losses}


def _unanswered(source: Mapping[str, Any], path: str) -> dict[int, LossReason]:
    ports, where = fields.optional_mapping(source, "unanswered", path), f"{path}.unanswered"
    if any(key not in _PORTS for key in ports):
        raise ContractError(f"{where}: IKE has the ports {', '.join(_PORTS)} only")
    return {int(key): fields.member(ports, key, where, LossReason) for key in ports}


def _sources(source: Mapping[str, Any], path: str) -> dict[str, int]:
    sources, where = fields.optional_mapping(source, "sources", path), f"{path}.sources"
    if len(sources) > MAX_SOURCES:
        raise ContractError(f"{where}: {len(sources)} addresses, at most {MAX_SOURCES} are allowed")
    read = {fields.address(key, where): count for key, count in sources.items()}
    if len(read) < len(sources):
        raise ContractError(f"{where}: the same address stands there twice")
    return {key: fields.integer(read, key, where) for key in read}
