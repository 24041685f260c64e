"""Hypothesis strategies for plans and results that keep the contract."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from ipsecping.contract import (
    METHODS,
    Addresses,
    Audit,
    AuditFinding,
    AuditOptions,
    AuditProtocol,
    CheckRef,
    ClockSource,
    Control,
    DnsOptions,
    Expect,
    Histogram,
    HttpOptions,
    IkeOptions,
    Invalidity,
    LossReason,
    Marking,
    Options,
    PathMtu,
    PathMtuOptions,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    RecordType,
    RoundResult,
    StampOptions,
    TcpOptions,
    TlsOptions,
)
from ipsecping.contract.bounds import (
    MAX_DUPLICATES,
    MAX_DURATION,
    MAX_EXPIRY,
    MAX_INSTANT,
    MAX_NAMED_ADDRESSES,
    MAX_RTT,
)
from ipsecping.contract.keepalive import LEAST_MS, MOST_MS
from ipsecping.contract.methods.dns import Rcode, Transport
from ipsecping.contract.methods.http import ConnectTo, Header, Method
from ipsecping.contract.methods.ike import Require
from ipsecping.contract.methods.path_mtu import Responder
from ipsecping.contract.methods.tcp import StartTls, Step
from ipsecping.contract.planned_probe import LEAST_REST_MS

from ...result_figures import keywords

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
)
names = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


tls = st.builds(
    TlsOptions,
    server_name=st.none() | names,
    ca_file=st.none() | st.just("/etc/ca.pem"),
    verify=st.booleans(),
    certificate_file=st.none() | st.just("/etc/tls.crt"),
    certificate_key_file=st.none() | st.just("/etc/tls.key"),
)
patterns = st.lists(st.sampled_from(["^ok$", "a|b", "[^x]+"]), max_size=8).map(tuple)
headers = st.lists(st.builds(Header, st.just("X-A"), st.sampled_from(["b", "c d"])), max_size=16).map(tuple)
options: dict[ProbeType, st.SearchStrategy[Options]] = {
    ProbeType.STAMP: st.builds(
        StampOptions,
        key_file=st.none() | st.just("/keys/hq"),
        ask_source=st.booleans(),
        ask_dscp=st.booleans(),
        ask_hops=st.booleans(),
    ),
    ProbeType.TCP: st.builds(
        TcpOptions,
        tls=tls,
        start_tls=st.none() | st.sampled_from(StartTls),
        steps=st.lists(st.builds(Step, st.just("^a"), st.none() | st.just("b\r\n")), max_size=16).map(tuple),
    ),
    ProbeType.HTTP: st.builds(
        HttpOptions,
        url=st.just("https://far.example:8443/healthz"),
        status_codes=st.lists(st.integers(100, 599), min_size=1, max_size=16).map(tuple),
        tls=tls,
        connect_to=st.sampled_from(ConnectTo),
        method=st.sampled_from(Method),
        host=st.none() | st.just("app.example:8443"),
        headers=headers,
        token_file=st.none() | st.just("/etc/token"),
        insecure_credentials=st.just(True),
        max_redirects=st.integers(0, 10),
        gzip=st.booleans(),
        sequence_header=st.booleans(),
        body_matches=patterns,
        body_not_matches=patterns,
        header_matches=headers,
        header_not_matches=headers,
    ),
    ProbeType.DNS: st.builds(
        DnsOptions,
        query=names,
        record_type=st.sampled_from((RecordType.A, RecordType.AAAA)),
        transport=st.sampled_from(Transport),
        edns_size=st.none() | st.integers(512, 4096),
        rcodes=st.lists(st.sampled_from(Rcode), min_size=1, max_size=6).map(tuple),
        networks=st.lists(st.just("10.0.0.0/8"), max_size=16).map(tuple),
    )
    | st.builds(
        DnsOptions, query=names, record_type=st.just(RecordType.MX), answers=st.just(("10 a.example",))
    ),
    ProbeType.PATH_MTU: st.builds(
        PathMtuOptions,
        min=st.integers(576, 1280),
        max=st.integers(1280, 9000),
        key_file=st.none() | st.just("/keys/hq"),
    )
    | st.builds(PathMtuOptions, responder=st.sampled_from(Responder)),
    ProbeType.IKE: st.builds(
        IkeOptions,
        gateway=names,
        ports=st.sampled_from([(500, 4500), (4500,), (1, 2, 3, 10_500)]),
        require=st.sampled_from(Require),
        detect_nat=st.booleans(),
    )
    | st.builds(IkeOptions, gateway=names, ports=st.just((10_500, 4500)), plain_ports=st.just((10_500,))),
    ProbeType.AUDIT: st.builds(
        AuditOptions,
        key_file=st.none() | st.just("/keys/hq"),
        rate=st.none() | st.integers(5, 40),
    )
    | st.builds(AuditOptions, protocol=st.just(AuditProtocol.UDP_ECHO)),
}
path_mtus = st.builds(
    PathMtu,
    forward=st.just(1438),
    reverse=st.none() | st.integers(576, 1438),
    too_big=st.booleans(),
) | st.builds(PathMtu, forward=st.none(), reverse=st.none(), too_big=st.booleans())


@st.composite
def probes(draw: st.DrawFn, name: str) -> PlannedProbe:
    kind = draw(st.sampled_from(list(METHODS)))
    chosen = draw(options[kind]) if kind in options else None
    method = METHODS[kind]
    least = method.least_payload(chosen)
    flows = draw(st.sampled_from([1, 1, 2, 16])) if method.has_flows else 1
    timeout = draw(st.integers(10, 10_000))
    resting = timeout + LEAST_REST_MS if method.one_at_a_time and flows > 1 else 10
    fixes = method.fixes_port or flows > 1
    return PlannedProbe(
        name=name,
        type=kind,
        count=draw(st.integers(1, 1000 // flows)),
        spacing_ms=draw(st.integers(resting, resting + 1000)),
        timeout_ms=timeout,
        size=draw(st.integers(least, 1400)) if least else 0,
        port=draw(st.integers(1, 65535)) if METHODS[kind].needs_port(chosen) else None,
        dscp=draw(st.integers(0, 63)),
        ttl=draw(st.none() | st.integers(1, 255)),
        source=draw(st.sampled_from([None, "10.0.0.1", "2001:db8::1", "eth0.100"])),
        source_port=draw(st.none() | st.integers(1, 65536 - flows)) if fixes else None,
        flows=flows,
        expect=draw(st.sampled_from(Expect)),
        options=chosen,
    )


@st.composite
def checks(draw: st.DrawFn) -> PlannedCheck:
    probe_names = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    interval = draw(st.one_of(st.none(), st.integers(1000, 3_600_000)))
    made = [draw(probes(name)) for name in probe_names]
    if interval is not None and interval > MOST_MS and draw(st.booleans()):
        made = [
            replace(probe, keepalive_ms=max(probe.timeout_ms, LEAST_MS))
            if METHODS[probe.type].keeps_mapping
            else probe
            for probe in made
        ]
    return PlannedCheck(
        uid=draw(st.uuids().map(str)),
        namespace=draw(names),
        name=draw(names),
        generation=draw(st.integers(1, 1000)),
        tunnel_name=draw(names),
        path=draw(names),
        target=draw(st.sampled_from(["10.50.1.10", "2001:db8::1", "far.example"])),
        interval_ms=interval,
        probes=tuple(made),
        allowed=draw(st.sampled_from([None, (), ("10.0.0.0/8", "2001:db8::/32")])),
        run_now=draw(st.none() | names),
        addresses=draw(st.sampled_from(Addresses)),
        targets=draw(st.sampled_from([None, (), ("10.50.1.10", "2001:db8::1")])),
        controls=draw(
            st.sampled_from([{}, {Control.FAR_INSIDE: "10.50.1.1", Control.GATEWAY: "vpn.example"}])
        ),
        inside=draw(st.sampled_from([(), ("10.244.0.0/16", "10.50.1.0/24")])),
        underlay=draw(st.sampled_from([(), ("198.51.100.0/24",)])),
    )


addresses: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "remote_ip": st.sampled_from(["10.50.1.10", "2001:db8::1", "fe80::1%eth0"]),
        "addresses": st.none() | st.integers(1, MAX_NAMED_ADDRESSES),
        "address_age": st.none() | st.integers(0, MAX_DURATION),
    }
)
"""Of a result: where the packets went."""


@st.composite
def results(draw: st.DrawFn, *, max_count: int = 100, kind: ProbeType | None = None) -> RoundResult:
    kind = kind or draw(st.sampled_from(list(METHODS)))
    invalid = draw(st.one_of(st.none(), st.sampled_from(Invalidity)))
    sent = draw(st.integers(1 if invalid is None and kind is not ProbeType.IKE else 0, max_count))
    rtts = draw(st.lists(st.integers(0, MAX_RTT) | st.integers(1000, 10**10), max_size=sent))
    received = draw(st.integers(len(rtts), sent))
    lost = sent - received
    varied = draw(st.integers(0, max(len(rtts) - 1, 0)))
    reasons: dict[LossReason, int] = {}
    if lost:
        refused = draw(st.integers(0, lost))
        split = {LossReason.REFUSED: refused, LossReason.TIMEOUT: lost - refused}
        reasons = {reason: count for reason, count in split.items() if count}
    return RoundResult(
        check=CheckRef(
            uid=draw(st.uuids().map(str)),
            namespace=draw(names),
            name=draw(names),
            generation=draw(st.integers(1, 99)),
            nonce=draw(st.from_regex(r"[0-9a-f]{16}", fullmatch=True)),
            path=draw(names),
        ),
        probe=draw(names),
        type=kind,
        started_at=draw(st.sampled_from([0, MAX_INSTANT]) | st.integers(10**18, 2 * 10**18)),
        duration=draw(st.just(MAX_DURATION) | st.integers(0, 10**11)),
        sent=sent,
        received=received,
        duplicates=draw(st.just(MAX_DUPLICATES) | st.integers(0, 10)) if received else 0,
        reordered=draw(st.integers(0, received)),
        losses=MappingProxyType(reasons),
        rtt=Histogram.of(rtts),
        jitter_sum=draw(st.integers(0, varied * (max(rtts) - min(rtts)))) if rtts else 0,
        jitter_count=varied,
        clock=draw(st.sampled_from(ClockSource)) if received else ClockSource.USER,
        invalid=invalid,
        run_now=draw(st.none() | names),
        **keywords(draw(particulars(kind, received=received, lost=lost)) | draw(st.just({}) | addresses)),
    )


@st.composite
def flows(draw: st.DrawFn, *, received: int, lost: int) -> list[tuple[int, int, int, int]]:
    """Packets sent and received of each of some flows, with round-trip times; none for a single packet."""
    fates = draw(st.permutations([True] * received + [False] * lost))
    number = draw(st.integers(2, min(16, len(fates)))) if len(fates) > 1 else 0
    split = [fates[flow::number] for flow in range(number)]
    times = st.integers(0, MAX_RTT)
    return [(len(each), sum(each), sum(each), draw(times) * sum(each)) for each in split]


@st.composite
def particulars(draw: st.DrawFn, kind: ProbeType, *, received: int, lost: int) -> dict[str, Any]:
    """What only probes of that type can tell, and of that type and some others."""
    several = METHODS[kind].has_flows and draw(st.booleans())
    rows = draw(flows(received=received, lost=lost)) if several else []
    return draw(own_particulars(kind, received=received, lost=lost)) | ({"flows": rows} if rows else {})


@st.composite
def own_particulars(draw: st.DrawFn, kind: ProbeType, *, received: int, lost: int) -> dict[str, Any]:
    """What only probes of that type can tell."""
    match kind:
        case ProbeType.STAMP:
            known, forward = draw(st.booleans()), draw(st.integers(0, lost))
            reverse = draw(st.integers(0, lost - forward))
            told = [{"10.244.0.7": received}, {"2001:db8::7": 1}] if received else []
            return {
                "forward_lost": forward if known else None,
                "reverse_lost": reverse if known else None,
                "min_forward_lost": 0 if known else forward,
                "min_reverse_lost": 0 if known else reverse,
                "sources": draw(st.sampled_from([{}, *told])),
                "markings": {Marking(46, 3, draw(st.booleans())): received} if received else {},
                "hops": {draw(st.integers(-255, 255)): received} if received else {},
            }
        case ProbeType.TCP | ProbeType.HTTP:
            return {
                "certificate_expiry": draw(st.sampled_from([None, 0, MAX_EXPIRY]) | st.integers(0, 2**33))
            }
        case ProbeType.PATH_MTU:
            return {"path_mtu": draw(st.none() | path_mtus)}
        case ProbeType.IKE:
            silent = {10_500: LossReason.TIMEOUT} if lost or received else {}
            return {
                "nat": draw(st.none() | st.booleans()),
                "unanswered": draw(st.sampled_from([{}, silent])),
            }
        case ProbeType.AUDIT:
            return {"audit": draw(st.none() | audits(tested=received > 0))}
        case _:
            return {}


@st.composite
def audits(draw: st.DrawFn, *, tested: bool) -> Audit:
    """What an audit may come to; nothing is closed where not one packet was answered."""
    outcomes = ("found", "not_tested", "closed") if tested else ("found", "not_tested")
    told = draw(st.dictionaries(st.sampled_from(AuditFinding), st.sampled_from(outcomes), min_size=1))
    return Audit(**{outcome: tuple(each for each in told if told[each] == outcome) for outcome in outcomes})
