"""Each kind of probe, from the spec to what the prober executes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping.contract import (
    METHODS,
    AuditFinding,
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
    PlannedProbe,
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
from ipsecping_operator.compile import CompiledCheck, InvalidSpec, compile_check
from ipsecping_operator.compile.compiled import KeyRef
from ipsecping_operator.compile.effective import effective_spec

METADATA = {"uid": "7d6e", "namespace": "network", "name": "hq-dc1", "generation": 3}
GATEWAY = {"gateway": "198.51.100.2"}


def compiled(*probes: dict[str, Any], **spec: Any) -> CompiledCheck:
    named = [{"name": f"p{number}"} | probe for number, probe in enumerate(probes)]
    body: dict[str, Any] = {"target": "203.0.113.10", "tunnel": GATEWAY, "probes": named}
    if any("audit" in probe for probe in probes):
        body["schedule"] = {"interval": "1h"}  # the shortest that it may have
    body |= spec
    return compile_check({"metadata": METADATA, "spec": body})


def planned(probe: dict[str, Any]) -> PlannedProbe:
    (made,) = compiled(probe).paths[0].plan.probes
    return made


HTTPS = "https://app.dc1.example/healthz"
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


def test_an_answer_that_is_no_record_of_the_type_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidSpec, match=r"^spec\.probes\[0\]\.dns\.answers\[0\]: 'mail' is no MX record"):
        compiled({"dns": {"query": "db.example", "recordType": "MX", "answers": ["mail"]}})
    long = ".".join(["a" * 60] * 4)
    with pytest.raises(InvalidSpec, match=r"^spec\.probes\[1\]\.dns\.query: too long for sequenceLabel"):
        compiled({"icmp": {}}, {"dns": {"query": long, "sequenceLabel": True}})


def test_the_code_point_and_the_expectation_reach_the_prober() -> None:
    made = planned({"dscp": 46, "expect": "Blocked", "tcp": {"port": 23}})
    assert (made.dscp, made.expect) == (46, Expect.BLOCKED)
    assert planned({"icmp": {}}).expect is Expect.REACHABLE


def test_authenticated_stamp_is_as_long_as_its_packet_and_names_the_file_of_its_keys() -> None:
    check = compiled({"stamp": {"auth": {"secretName": "tunnel-keys", "key": "hq-dc1"}}})
    (made,) = check.paths[0].plan.probes
    key = KeyRef(kind="Secret", name="tunnel-keys", key="hq-dc1")
    assert made.size == 112
    assert made.options == StampOptions(key_file=key.file, marked_keys=True)
    assert dict(check.files) == {"p0": {"auth": key}}


def test_an_authenticated_search_for_the_path_mtu_names_the_file_of_its_keys() -> None:
    check = compiled({"pathMTU": {"auth": {"secretName": "tunnel-keys", "key": "hq-dc1"}}}, {"pathMTU": {}})
    key = KeyRef(kind="Secret", name="tunnel-keys", key="hq-dc1")
    options = [probe.options for probe in check.paths[0].plan.probes]
    assert options == [PathMtuOptions(key_file=key.file, marked_keys=True), PathMtuOptions()]
    assert dict(check.files) == {"p0": {"auth": key}}
    assert check.mounted == (key,)
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_authorities_of_one_s_own_are_mounted_and_named_in_the_plan() -> None:
    tls = {"ca": {"configMapName": "dc1-ca", "key": "ca.crt"}}
    check = compiled({"tcp": {"port": 443, "tls": tls}}, {"http": {"url": HTTPS, "tls": tls}})
    authority = KeyRef(kind="ConfigMap", name="dc1-ca", key="ca.crt")
    tcp, http = (probe.options for probe in check.paths[0].plan.probes)
    assert tcp == TcpOptions(tls=TlsOptions(ca_file=authority.file))
    assert http == HttpOptions(url=HTTPS, tls=TlsOptions(ca_file=authority.file))
    assert check.mounted == (authority,)
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_credentials_and_a_client_certificate_are_mounted_and_named_in_the_plan() -> None:
    password, certificate, key = (
        {"secretName": "ipsecping-app", "key": each} for each in ("password", "tls.crt", "tls.key")
    )
    check = compiled(
        {
            "http": {
                "url": HTTPS,
                "basicAuth": {"username": "probe", "password": password},
                "tls": {"clientCertificate": certificate, "clientKey": key},
            }
        },
        {"http": {"url": "http://a/", "bearerToken": password, "insecureCredentials": True}},
    )
    refs = {path: ref.key for path, ref in check.files["p0"].items()}
    assert refs == {
        "basicAuth.password": "password", "tls.clientCertificate": "tls.crt", "tls.clientKey": "tls.key"
    }  # fmt: skip
    first, second = (probe.options for probe in check.paths[0].plan.probes)
    assert first == HttpOptions(
        url=HTTPS,
        username="probe",
        password_file=check.files["p0"]["basicAuth.password"].file,
        tls=TlsOptions(
            certificate_file=check.files["p0"]["tls.clientCertificate"].file,
            certificate_key_file=check.files["p0"]["tls.clientKey"].file,
        ),
    )
    assert second is not None
    assert second.discloses_secret
    assert len(check.mounted) == 3
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_a_pattern_that_the_schema_cannot_judge_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidSpec) as refused:
        compiled({"http": {"url": HTTPS, "bodyMatches": ["ok", "(a"]}})
    assert str(refused.value).startswith("spec.probes[0].http.bodyMatches[1]: a ( without its )")


def test_a_secret_and_a_config_map_of_the_same_name_do_not_collide() -> None:
    secret, config_map = (KeyRef(kind=kind, name="a", key="b") for kind in ("Secret", "ConfigMap"))
    assert secret.file != config_map.file


def test_the_longest_names_of_a_key_fit_into_the_plan() -> None:
    auth = {"secretName": "s" * 253, "key": "k" * 128}
    plan = Plan(checks=(compiled({"stamp": {"auth": auth}}).paths[0].plan,))
    assert plan_from_json(plan_to_json(plan)) == plan


def test_how_long_a_certificate_must_be_valid_is_judged_by_the_operator_not_the_prober() -> None:
    one = compiled({"tcp": {"port": 443, "tls": {"minValidDays": 14}}})
    other = compiled({"tcp": {"port": 443, "tls": {"minValidDays": 30}}})
    assert dict(one.thresholds.certificate_ns) == {"p0": 14 * 24 * 3600 * 10**9}
    assert one.paths[0].plan.nonce == other.paths[0].plan.nonce


def test_limits_of_jitter_and_path_mtu_are_kept() -> None:
    check = compiled({"icmp": {}}, {"pathMTU": {}}, thresholds={"jitter": "0.5ms", "pathMTU": 1400})
    assert (check.thresholds.jitter_ns, check.thresholds.path_mtu) == (500_000, 1400)
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_an_ike_probe_has_no_series_of_packets() -> None:
    made = planned({"timeout": "3s", "ike": {}})
    assert made.count == 1
    assert made.round_ms == 3000


def test_an_audit_is_made_at_most_once_an_hour_and_has_time_for_all_its_packets() -> None:
    check = compiled({"audit": {"rate": 5}}, schedule={"cron": "0 * * * *"})
    assert check.paths[0].plan.probes[0].round_ms == 299 * 100 + 2000
    assert effective_spec(check)["probes"][0]["audit"] == {
        "port": 862, "protocol": "STAMP", "rate": 5,
    }  # fmt: skip
    with pytest.raises(InvalidSpec) as refused:
        compiled({"audit": {}}, schedule={"cron": "*/30 * * * *"})
    assert str(refused.value) == (
        "spec.probes: audit must not come more often than every 1h, but spec.schedule.cron fires 1800s apart"
    )


def test_what_an_audit_may_find_is_judged_anew_and_measured_no_other_way() -> None:
    strict, tolerant = compiled({"audit": {}}), compiled({"audit": {"accept": ["AnswersUnsigned"]}})
    assert strict.paths[0].plan.nonce == tolerant.paths[0].plan.nonce
    assert dict(tolerant.thresholds.accepted) == {"p0": (AuditFinding.UNSIGNED,)}
    assert effective_spec(tolerant)["probes"][0]["audit"]["accept"] == ["AnswersUnsigned"]
    assert compile_check({"metadata": METADATA, "spec": effective_spec(tolerant)}) == tolerant


def test_nat_is_looked_for_only_where_asked_for_and_by_no_cron_line_that_fires_too_often() -> None:
    assert planned({"ike": {}}).options == IkeOptions(gateway="198.51.100.2")
    check = compiled({"ike": {"detectNAT": True}}, schedule={"cron": "*/10 * * * *"})
    assert check.paths[0].plan.probes[0].options == IkeOptions(gateway="198.51.100.2", detect_nat=True)
    assert effective_spec(check)["probes"][0]["ike"] == {
        "ports": [500, 4500], "require": "All", "detectNAT": True,
    }  # fmt: skip
    with pytest.raises(InvalidSpec) as refused:
        compiled({"ike": {"detectNAT": True}}, schedule={"cron": "0,9 * * * *"})
    assert str(refused.value) == (
        "spec.probes: ike.detectNAT must not be asked for more often than every 10 minutes, but "
        "spec.schedule.cron fires 540s apart"
    )


def test_with_verify_the_stamp_probes_ask_for_their_source_and_have_room_for_it() -> None:
    auth = {"secretName": "s", "key": "k"}
    check = compiled(
        {"stamp": {}},
        {"stamp": {"auth": auth}},
        {"size": 500, "stamp": {}},
        {"expect": "Blocked", "stamp": {}},
        {"icmp": {}},
        verify={"sourceSeen": ["10.244.0.0/16", "2001:db8::/64"]},
    )
    probes = check.paths[0].plan.probes
    assert [probe.size for probe in probes] == [72, 160, 500, 44, 56]
    asked = [isinstance(probe.options, StampOptions) and probe.options.ask_source for probe in probes]
    assert asked == [True, True, True, False, False]
    assert effective_spec(check)["verify"] == {"sourceSeen": ["10.244.0.0/16", "2001:db8::/64"]}
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


@pytest.mark.parametrize(
    ("verify", "sizes", "effective"),
    [
        ({"dscp": {}}, [52, 140], {"dscp": {}}),
        ({"dscp": {"allowed": [46, 34]}}, [52, 140], {"dscp": {"allowed": [46, 34]}}),
        ({"hops": {"min": 2}}, [44, 112], {"hops": {"min": 2, "max": 254}}),
        ({"hops": {"max": 3}}, [44, 112], {"hops": {"min": 0, "max": 3}}),
        (
            {"sourceSeen": ["10.244.0.0/16"], "dscp": {}, "hops": {"min": 2, "max": 2}},
            [80, 168],
            {"sourceSeen": ["10.244.0.0/16"], "dscp": {}, "hops": {"min": 2, "max": 2}},
        ),
    ],
)
def test_what_is_verified_of_arriving_packets_is_asked_for_and_written_out(
    verify: dict[str, Any], sizes: list[int], effective: dict[str, Any]
) -> None:
    check = compiled(
        {"stamp": {}}, {"stamp": {"auth": {"secretName": "s", "key": "k"}}}, {"icmp": {}}, verify=verify
    )
    first, signed, other = check.paths[0].plan.probes
    assert [first.size, signed.size] == sizes
    for each in (first, signed):
        assert isinstance(each.options, StampOptions)
        asked = {
            "sourceSeen": each.options.ask_source,
            "dscp": each.options.ask_dscp,
            "hops": each.options.ask_hops,
        }
        assert {name for name, wanted in asked.items() if wanted} == set(verify)
    assert other.options is None
    assert effective_spec(check)["verify"] == effective
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.member)
def test_every_type_has_a_section_and_stands_in_the_sample_of_all(method: MethodSpec) -> None:
    root = Path(__file__).parents[3]
    assert f"\n## {method.member}\n" in (root / "docs" / "probes.md").read_text()
    name = method.member if method.least_interval_ms else "every-probe"  # which has an interval of a minute
    sample = yaml.safe_load((root / "manifests" / "samples" / f"{name}.yaml").read_text())
    assert any(method.member in probe for probe in sample["spec"]["probes"])
