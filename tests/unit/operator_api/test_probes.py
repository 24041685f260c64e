"""Each kind of probe, from the spec to what the prober executes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping.contract import (
    METHODS,
    AuditOptions,
    AuditProtocol,
    DnsOptions,
    Expect,
    HttpOptions,
    IkeOptions,
    MethodSpec,
    Options,
    PathMtuOptions,
    Plan,
    ProbeType,
    RecordType,
    StampOptions,
    TcpOptions,
    TlsOptions,
    plan_from_json,
    plan_to_json,
)
from ipsecping.contract.methods.dns import Rcode, Transport
from ipsecping.contract.methods.http import ConnectTo, Header, Method
from ipsecping.contract.methods.ike import Require
from ipsecping.contract.methods.path_mtu import Responder
from ipsecping.contract.methods.tcp import StartTls, Step
from ipsecping_operator.api.methods import MODELS
from ipsecping_operator.api.probes import probe_model
from ipsecping_operator.compile import compile_check
from ipsecping_operator.compile.effective import effective_spec

from .probe_plans import HTTPS, METADATA, compiled, planned

EVERY_KIND: list[tuple[dict[str, Any], ProbeType, int | None, int, Options | None]] = [
    ({"icmp": {}}, ProbeType.ICMP, None, 56, None),
    ({"udpEcho": {"port": 7}}, ProbeType.UDP_ECHO, 7, 56, None),
    ({"stamp": {}}, ProbeType.STAMP, 862, 44, StampOptions()),
    ({"tcp": {"port": 22}}, ProbeType.TCP, 22, 0, TcpOptions()),
    ({"tcp": {"port": 443, "tls": {}}}, ProbeType.TCP, 443, 0, TcpOptions(tls=TlsOptions())),
    (
        {"tcp": {"port": 443, "tls": {"serverName": "a.example", "insecureSkipVerify": True}}},
        ProbeType.TCP,
        443,
        0,
        TcpOptions(tls=TlsOptions(server_name="a.example", verify=False)),
    ),
    (
        {"tcp": {"port": 443, "tls": {"strict": True}}},
        ProbeType.TCP,
        443,
        0,
        TcpOptions(tls=TlsOptions(strict=True)),
    ),
    (
        {
            "tcp": {
                "port": 25,
                "tls": {},
                "startTLS": "SMTP",
                "steps": [{"send": "EHLO x\r\n"}, {"expect": "^250 ", "send": "QUIT\r\n"}],
            }
        },
        ProbeType.TCP,
        25,
        0,
        TcpOptions(
            tls=TlsOptions(),
            start_tls=StartTls.SMTP,
            steps=(Step(None, "EHLO x\r\n"), Step("^250 ", "QUIT\r\n")),
        ),
    ),
    ({"http": {"url": "http://a/"}}, ProbeType.HTTP, None, 0, HttpOptions(url="http://a/")),
    (
        {"http": {"url": HTTPS, "statusCodes": [200, 204], "tls": {"serverName": "b.example"}}},
        ProbeType.HTTP,
        None,
        0,
        HttpOptions(url=HTTPS, status_codes=(200, 204), tls=TlsOptions(server_name="b.example")),
    ),
    (
        {
            "http": {
                "url": HTTPS,
                "connectTo": "Target",
                "method": "POST",
                "host": "app.example:8443",
                "headers": [{"name": "X-Tenant", "value": "a b"}],
                "body": "{}",
                "maxRedirects": 3,
                "gzip": True,
                "sequenceHeader": True,
                "bodyMatches": ["ok|fine"],
                "bodyNotMatches": ["(?i)error"],
                "headerMatches": [{"name": "Server", "pattern": "^nginx"}],
                "headerNotMatches": [{"name": "Via", "pattern": "."}],
            }
        },
        ProbeType.HTTP,
        None,
        0,
        HttpOptions(
            url=HTTPS,
            connect_to=ConnectTo.TARGET,
            method=Method.POST,
            host="app.example:8443",
            headers=(Header("X-Tenant", "a b"),),
            body="{}",
            max_redirects=3,
            gzip=True,
            sequence_header=True,
            body_matches=("ok|fine",),
            body_not_matches=("(?i)error",),
            header_matches=(Header("Server", "^nginx"),),
            header_not_matches=(Header("Via", "."),),
        ),
    ),
    ({"dns": {"query": "db.example"}}, ProbeType.DNS, 53, 0, DnsOptions(query="db.example")),
    (
        {"dns": {"query": "_ike._udp.example.", "recordType": "SRV", "port": 5353}},
        ProbeType.DNS,
        5353,
        0,
        DnsOptions(query="_ike._udp.example.", record_type=RecordType.SRV),
    ),
    (
        {
            "dns": {
                "query": "db.example",
                "recordType": "AAAA",
                "transport": "TCP",
                "ednsSize": 1232,
                "rcodes": ["NOERROR", "NXDOMAIN"],
                "networks": ["2001:db8::/32"],
                "sequenceLabel": True,
            }
        },
        ProbeType.DNS,
        53,
        0,
        DnsOptions(
            query="db.example",
            record_type=RecordType.AAAA,
            transport=Transport.TCP,
            edns_size=1232,
            rcodes=(Rcode.NOERROR, Rcode.NXDOMAIN),
            networks=("2001:db8::/32",),
            sequence_label=True,
        ),
    ),
    (
        {"dns": {"query": "db.example", "recordType": "MX", "answers": ["10 mail.example"]}},
        ProbeType.DNS,
        53,
        0,
        DnsOptions(query="db.example", record_type=RecordType.MX, answers=("10 mail.example",)),
    ),
    ({"pathMTU": {}}, ProbeType.PATH_MTU, 862, 0, PathMtuOptions(min=1280, max=1500)),
    (
        {"pathMTU": {"min": 576, "max": 9000, "port": 1862}},
        ProbeType.PATH_MTU,
        1862,
        0,
        PathMtuOptions(min=576, max=9000),
    ),
    (
        {"pathMTU": {"icmp": {}, "max": 9000}},
        ProbeType.PATH_MTU,
        None,
        0,
        PathMtuOptions(max=9000, responder=Responder.ICMP),
    ),
    (
        {"pathMTU": {"udpEcho": {"port": 7}}},
        ProbeType.PATH_MTU,
        7,
        0,
        PathMtuOptions(responder=Responder.UDP_ECHO),
    ),
    ({"ike": {}}, ProbeType.IKE, None, 0, IkeOptions(gateway="198.51.100.2")),
    (
        {"ike": {"ports": [4500, 10500], "plainPorts": [10500], "require": "Any"}},
        ProbeType.IKE,
        None,
        0,
        IkeOptions(gateway="198.51.100.2", ports=(4500, 10500), plain_ports=(10500,), require=Require.ANY),
    ),
    ({"audit": {}}, ProbeType.AUDIT, 862, 0, AuditOptions()),
    (
        {"audit": {"protocol": "UDPEcho", "port": 7, "rate": 20}},
        ProbeType.AUDIT,
        7,
        0,
        AuditOptions(protocol=AuditProtocol.UDP_ECHO, rate=20),
    ),
]


@pytest.mark.parametrize(("written", "kind", "port", "size", "options"), EVERY_KIND)
def test_each_kind_becomes_what_the_prober_executes(
    written: dict[str, Any], kind: ProbeType, port: int | None, size: int, options: Options | None
) -> None:
    made = planned(written)
    assert (made.type, made.port, made.size, made.options) == (kind, port, size, options)


def test_every_type_of_the_contract_can_be_written() -> None:
    assert list(MODELS) == list(METHODS)
    assert set(METHODS) == {kind for _, kind, *_ in EVERY_KIND}
    written = {field.alias or name for name, field in probe_model().model_fields.items()}
    assert {method.member for method in METHODS.values()} <= written


@pytest.mark.parametrize("written", [probe for probe, *_ in EVERY_KIND])
def test_the_prober_reads_every_plan_that_is_compiled(written: dict[str, Any]) -> None:
    plan = Plan(checks=(compiled(written).paths[0].plan,))
    assert plan_from_json(plan_to_json(plan)) == plan


@pytest.mark.parametrize(
    ("written", "spacing", "port"),
    [
        ({"stamp": {}, "flows": 8}, 100, None),
        ({"udpEcho": {"port": 7}, "flows": 2, "sourcePort": 40_000}, 100, 40_000),
        ({"tcp": {"port": 22}, "flows": 8}, 2250, None),
        ({"tcp": {"port": 22}, "flows": 8, "timeout": "500ms"}, 750, None),
        ({"tcp": {"port": 22}, "flows": 8, "spacing": "3s", "sourcePort": 40_000}, 3000, 40_000),
        ({"tcp": {"port": 22}, "flows": 1}, 100, None),
    ],
)
def test_flows_have_the_spacing_that_they_need(
    written: dict[str, Any], spacing: int, port: int | None
) -> None:
    check = compiled(written)
    made = check.paths[0].plan.probes[0]
    assert (made.flows, made.spacing_ms, made.source_port) == (written["flows"], spacing, port)
    assert made.round_ms - made.timeout_ms <= 9 * spacing + 160
    assert plan_from_json(plan_to_json(Plan(checks=(check.paths[0].plan,)))).checks[0].probes == (made,)
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


@pytest.mark.parametrize("written", [probe for probe, *_ in EVERY_KIND])
def test_the_effective_spec_compiles_to_the_same_check(written: dict[str, Any]) -> None:
    check = compiled(written)
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


@pytest.mark.parametrize("written", [{"stamp": {}, "flows": 2}, {"udpEcho": {"port": 7}}, {"icmp": {}}])
def test_a_keepalive_is_planned_and_effective(written: dict[str, Any]) -> None:
    check = compiled(written | {"keepalive": "20s"})
    (made,) = check.paths[0].plan.probes
    assert made.keepalive_ms == 20_000
    assert plan_from_json(plan_to_json(Plan(checks=(check.paths[0].plan,)))).checks[0].probes == (made,)
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_the_modules_of_blackbox_exporter_are_probes_that_a_prober_reads() -> None:
    sample = Path(__file__).parents[3] / "manifests" / "samples" / "blackbox.yaml"
    spec = yaml.safe_load(sample.read_text())["spec"]
    check = compile_check({"metadata": METADATA, "spec": spec})
    plan = Plan(checks=(check.paths[0].plan,))
    assert plan_from_json(plan_to_json(plan)) == plan
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_the_code_point_and_the_expectation_reach_the_prober() -> None:
    made = planned({"dscp": 46, "expect": "Blocked", "tcp": {"port": 23}})
    assert (made.dscp, made.expect) == (46, Expect.BLOCKED)
    assert planned({"icmp": {}}).expect is Expect.REACHABLE


def test_an_ike_probe_has_no_series_of_packets() -> None:
    made = planned({"timeout": "3s", "ike": {}})
    assert made.count == 1
    assert made.round_ms == 3000


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.member)
def test_every_type_has_a_section_and_stands_in_the_sample_of_all(method: MethodSpec) -> None:
    root = Path(__file__).parents[3]
    assert f"\n## {method.member}\n" in (root / "docs" / "probes.md").read_text()
    name = method.member if method.least_interval_ms else "every-probe"  # which has an interval of a minute
    sample = yaml.safe_load((root / "manifests" / "samples" / f"{name}.yaml").read_text())
    assert any(method.member in probe for probe in sample["spec"]["probes"])
