"""The JSON form of evidence: strict, bounded, the same for whoever collects, keeps and reads it."""

from collections.abc import Mapping
from types import MappingProxyType

from ..contract import ContractError, LossReason, ProbeType
from ..contract import fields as read
from ..contract.bounds import MAX_COUNT, MAX_DURATION, MAX_INSTANT, MAX_MTU, MAX_RTT
from ..contract.json_text import decode
from ..contract.methods import loss_reasons, type_in
from ..contract.result import Invalidity
from . import evidence as data
from . import json_fields as fields
from . import refusal
from .evidence import Batch, Evidence, Part
from .evidence_rules import check_evidence
from .json_fields import Source
from .too_big import OversizedFound, TooBig


def evidence_from_bytes(content: bytes, path: str = "evidence") -> Evidence:
    """Read the JSON text of evidence; raises ContractError, which names the field and its mistake."""
    if len(content) > data.MAX_BYTES:
        raise ContractError(f"{path}: larger than {data.MAX_BYTES} bytes")
    return evidence_from_json(decode(content, path), path)


def evidence_from_json(value: object, path: str = "evidence") -> Evidence:
    """Read evidence; raises ContractError for a wrong field or figures that contradict one another."""
    source = read.mapping(value, path)
    fields.check_keys(source, path, _KEYS)
    version = read.integer(source, "version", path)
    if version != data.VERSION:
        raise ContractError(f"{path}.version: {version} is not {data.VERSION}, which this program reads")
    known = read_known(source, path)
    made = Evidence(
        at=fields.instant(source, "at", path),
        path=read.text(source, "path", path),
        target=read.text(source, "target", path),
        address=read.optional_address(source, "address", path),
        expected=fields.object_of(source, "expected", path, _expected) or data.Expected(),
        batches=fields.several(source, "batches", path, _batch, data.MAX_BATCHES) or (),
        hops=fields.several(source, "hops", path, _hop, data.MAX_HOPS),
        path_mtu=fields.object_of(source, "pathMTU", path, _path_mtu),
        oversized=fields.object_of(source, "oversized", path, _oversized),
        ike=fields.object_of(source, "ike", path, _ike),
        names=fields.object_of(source, "names", path, _names),
        host=fields.object_of(source, "host", path, _host),
        paths=known.paths,
        reflector=fields.object_of(source, "reflector", path, _reflector),
        rounds=known.rounds,
        outages=known.outages,
        refused_before=fields.several(source, "refusedBefore", path, _past_error, data.MAX_KINDS),
        baseline=known.baseline,
        not_tested=fields.by_part(source, "notTested", path, read.text),
    )
    check_evidence(made, path)
    return made


def read_known(source: Source, path: str) -> data.Known:
    """Read the fields of evidence that others may know; raises ContractError. The rules are `check_known`."""
    return data.Known(
        rounds=fields.several(source, "rounds", path, _past_round, data.MAX_ROUNDS),
        outages=fields.several(source, "outages", path, _past_outage, data.MAX_OUTAGES),
        baseline=fields.object_of(source, "baseline", path, _baseline),
        paths=fields.several(source, "paths", path, _other_path, data.MAX_PATHS),
    )


KNOWN_KEYS = frozenset({"rounds", "outages", "baseline", "paths"})
_KEYS = frozenset({
    "version", "at", "path", "target", "address", "expected", "batches", "hops", "pathMTU", "oversized",
    "ike", "names", "host", "paths", "reflector", "rounds", "outages", "refusedBefore",
    "baseline", "notTested",
})  # fmt: skip


def _batch(source: Source, path: str) -> Batch:
    kind = type_in(source, "type", path)
    return Batch(
        part=read.member(source, "part", path, Part),
        type=kind,
        address=read.address(source.get("address"), f"{path}.address"),
        window=read.optional_integer(source, "window", path, at_least=1, at_most=2) or 1,
        at=fields.instant(source, "at", path),
        size=read.integer(source, "size", path, at_most=MAX_MTU),
        spacing=read.integer(source, "spacing", path, at_most=MAX_RTT),
        dscp=read.optional_integer(source, "dscp", path, at_most=63) or 0,
        source_port=read.optional_integer(source, "sourcePort", path, at_least=1, at_most=65_535),
        idle=read.optional_integer(source, "idle", path, at_most=MAX_DURATION),
        sent=fields.count(source, "sent", path),
        answered=fields.count(source, "answered", path),
        answers=_answers(source, path),
        late=_answers(source, path, "late"),
        forward_lost=fields.some(source, "forwardLost", path),
        reverse_lost=fields.some(source, "reverseLost", path),
        duplicates=fields.some(source, "duplicates", path) or 0,
        reordered=fields.some(source, "reordered", path) or 0,
        rtt_min=fields.time(source, "rttMin", path),
        rtt_p50=fields.time(source, "rttP50", path),
        rtt_p90=fields.time(source, "rttP90", path),
        ttl_seen=read.optional_integer(source, "ttlSeen", path, at_most=255),
        dscp_seen=read.optional_integer(source, "dscpSeen", path, at_most=63),
        congestion_marks=fields.some(source, "congestionMarks", path) or 0,
        sources=fields.counts(source, "sources", path, read.address),
        errors=fields.several(source, "errors", path, _error, data.MAX_KINDS) or (),
        misanswered=_misanswered(source, kind, path),
    )


def _error(source: Source, path: str) -> refusal.PathError:
    return refusal.PathError(
        kind=read.member(source, "kind", path, refusal.ErrorKind),
        sender=read.optional_address(source, "sender", path),
        count=read.integer(source, "count", path, at_least=1, at_most=MAX_COUNT),
        code=_code(source, path),
        cut_short=read.flag(source, "cutShort", path),
    )


def _past_error(source: Source, path: str) -> refusal.PastError:
    error = _error(source, path)
    return refusal.PastError(
        kind=error.kind,
        sender=error.sender,
        count=error.count,
        code=error.code,
        cut_short=error.cut_short,
        type=type_in(source, "type", path),
        until=fields.instant(source, "until", path),
        delay=fields.time(source, "delay", path),
    )


def _code(source: Source, path: str) -> tuple[int, int] | None:
    code = source.get("code")
    if code is None:
        return None
    numbers = read.sequence(code, f"{path}.code", at_most=2)
    if len(numbers) != 2:
        raise ContractError(f"{path}.code: expected ICMP type and code")
    kind, number = (read.whole_number(each, f"{path}.code", at_most=255) for each in numbers)
    return kind, number


def _misanswered(source: Source, kind: ProbeType, path: str) -> Mapping[LossReason, int]:
    known = {name: reason for name, reason in loss_reasons(kind).items() if reason.misanswered}
    found, where = read.optional_mapping(source, "misanswered", path), f"{path}.misanswered"
    for name in found:
        if name not in known:
            raise read.not_one_of(name, where, known)
    return MappingProxyType({known[name]: fields.count(found, name, where) for name in found})


def _answers(source: Source, path: str, key: str = "answers") -> str | None:
    value = source.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_COUNT:
        raise ContractError(f"{path}.{key}: expected a string of at most {MAX_COUNT} characters 0 and 1")
    return value


def _hop(source: Source, path: str) -> data.Hop:
    return data.Hop(
        type=type_in(source, "type", path),
        ttl=read.integer(source, "ttl", path, at_least=1, at_most=64),
        kind=read.member(source, "kind", path, data.HopKind),
        address=read.optional_address(source, "address", path),
        rtt=fields.time(source, "rtt", path),
        quoted=read.flag(source, "quoted", path),
    )


def _path_mtu(source: Source, path: str) -> data.PathMtuFound:
    return data.PathMtuFound(
        forward=read.optional_integer(source, "forward", path, at_most=MAX_MTU),
        reverse=read.optional_integer(source, "reverse", path, at_most=MAX_MTU),
        forward_told=fields.truth(source, "forwardTold", path),
        reverse_told=fields.truth(source, "reverseTold", path),
        too_big=fields.object_of(source, "tooBig", path, _too_big),
    )


def _oversized(source: Source, path: str) -> OversizedFound:
    return OversizedFound(
        size=read.integer(source, "size", path, at_most=MAX_MTU),
        sent=fields.count(source, "sent", path),
        told=fields.several(source, "told", path, _too_big, data.MAX_KINDS) or (),
    )


def _too_big(source: Source, path: str) -> TooBig:
    count = read.optional_integer(source, "count", path, at_least=1, at_most=MAX_COUNT)
    return TooBig(
        router=read.address(source.get("router"), f"{path}.router"),
        mtu=read.integer(source, "mtu", path, at_most=MAX_MTU),
        count=count or 1,
    )


def _ike(source: Source, path: str) -> data.IkeFound:
    ports, where = read.optional_mapping(source, "ports", path), f"{path}.ports"
    if not 1 <= len(ports) <= 4:
        raise ContractError(f"{where}: expected 1 to 4 UDP ports")
    found = dict[int, data.IkeAnswer]()
    for name in ports:
        if not (
            name.isascii() and name.isdigit() and name[0] != "0" and len(name) < 6 and int(name) < 65_536
        ):
            raise ContractError(f"{where}: {read.shown(name)} is not a UDP port")
        found[int(name)] = read.member(ports, name, where, data.IkeAnswer)
    return data.IkeFound(ports=MappingProxyType(found), nat=fields.truth(source, "nat", path))


def _names(source: Source, path: str) -> data.NamesFound:
    return data.NamesFound(
        answer=read.member(source, "answer", path, data.NameAnswer),
        now=fields.items(source, "now", path, read.address),
        before=fields.items(source, "before", path, read.address),
        server=read.optional_address(source, "server", path),
    )


def _host(source: Source, path: str) -> data.HostFound:
    return data.HostFound(
        source=read.optional_address(source, "source", path),
        link_mtu=read.optional_integer(source, "linkMTU", path, at_most=MAX_MTU),
        rounds=fields.some(source, "rounds", path) or 0,
        invalid=fields.counts(source, "invalid", path, _invalidity),
    )


def _other_path(source: Source, path: str) -> data.OtherPath:
    return data.OtherPath(
        name=read.text(source, "name", path),
        sent=fields.count(source, "sent", path),
        answered=fields.count(source, "answered", path),
        same_target=read.flag(source, "sameTarget", path),
    )


def _reflector(source: Source, path: str) -> data.ReflectorFound:
    return data.ReflectorFound(
        expected=fields.count(source, "expected", path),
        received=fields.count(source, "received", path),
        answered=fields.count(source, "answered", path),
        dropped=fields.some(source, "dropped", path) or 0,
    )


def _past_round(source: Source, path: str) -> data.PastRound:
    return data.PastRound(
        at=fields.instant(source, "at", path),
        sent=fields.count(source, "sent", path),
        answers=_answers(source, path) or "",
        idle=read.optional_integer(source, "idle", path, at_most=MAX_DURATION),
        spacing=read.integer(source, "spacing", path, at_most=MAX_RTT),
        forward_lost=fields.some(source, "forwardLost", path),
        reverse_lost=fields.some(source, "reverseLost", path),
    )


def _past_outage(source: Source, path: str) -> data.PastOutage:
    return data.PastOutage(
        start=fields.instant(source, "start", path),
        end=read.optional_integer(source, "end", path, at_most=MAX_INSTANT),
    )


def _baseline(source: Source, path: str) -> data.Baseline:
    return data.Baseline(
        at=fields.instant(source, "at", path),
        methods=frozenset(fields.items(source, "methods", path, _method)),
        controls=frozenset(fields.items(source, "controls", path, _part)),
        answered_at=fields.by_part(source, "answeredAt", path, fields.instant),
        silent=frozenset(fields.items(source, "silent", path, _part)),
        ttl_seen=read.optional_integer(source, "ttlSeen", path, at_most=255),
        rtt_min=fields.time(source, "rttMin", path),
        path_mtu=read.optional_integer(source, "pathMTU", path, at_most=MAX_MTU),
        too_big=fields.object_of(source, "tooBig", path, _too_big),
    )


def _expected(source: Source, path: str) -> data.Expected:
    return data.Expected(
        sources=fields.items(source, "sources", path, fields.network),
        inside=fields.items(source, "inside", path, fields.network),
        underlay=fields.items(source, "underlay", path, fields.network),
        path_mtu=read.optional_integer(source, "pathMTU", path, at_most=MAX_MTU),
        rekey=read.optional_integer(source, "rekey", path, at_least=1_000_000_000, at_most=MAX_DURATION),
        controls=fields.by_part(source, "controls", path, fields.address),
    )


def _invalidity(value: object, path: str) -> str:
    return str(read.member({"": value}, "", path, Invalidity))


def _method(value: object, path: str) -> ProbeType:
    return type_in({"": value}, "", path)


def _part(value: object, path: str) -> Part:
    return read.member({"": value}, "", path, Part)
