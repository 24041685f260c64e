"""blackbox_exporter's modules, and whom Prometheus asks them about, as checks."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping_operator.importing.blackbox import import_blackbox
from ipsecping_operator.importing.outcome import Outcome

from .imports import Imported, imported

MODULES = """\
modules:
  http_2xx:
    prober: http
    timeout: 5s
    http:
      preferred_ip_protocol: ip4
      ip_protocol_fallback: false
  login:
    prober: http
    http:
      method: post
      headers: {Host: login.example.org, X-From: prober, Accept-Encoding: gzip}
      body: "{}"
      follow_redirects: false
      valid_status_codes: [200, 401]
      fail_if_body_matches_regexp: [Error, "(?=x)"]
      fail_if_header_matches:
      - {header: Set-Cookie, regexp: secret}
      basic_auth: {username: probe, password: hunter2}
      tls_config: {ca_file: /etc/ca.crt, server_name: login.example.org}
  smtp:
    prober: tcp
    tcp:
      query_response:
      - expect: "^220"
      - send: "EHLO prober\\r"
      - expect: "^250-STARTTLS"
      - send: "STARTTLS\\r"
      - starttls: true
      - send: "EHLO prober\\r"
      - send: "NOOP\\r"
      - expect: "^250-AUTH"
        send: "QUIT\\r"
  tls: {prober: tcp, tcp: {tls: true, tls_config: {insecure_skip_verify: true}}}
  soa: {prober: dns, dns: {query_name: example.org, query_type: SOA, validate_answer_rrs: {}}}
  ping: {prober: icmp, icmp: {payload_size: 1000, ttl: 9, dont_fragment: true}}
  proxied: {prober: http, http: {proxy_url: "http://u:hunter2@10.0.0.1"}}
  rpc: {prober: grpc, grpc: {service: s}}
  talk: {prober: tcp, tcp: {query_response: [{expect: "PING :(.+)", send: "PONG ${1}"}]}}
"""


def job(module: str, *targets: str, **more: Any) -> dict[str, Any]:
    """A job as every documentation of blackbox_exporter has it."""
    return {
        "job_name": module,
        "metrics_path": "/probe",
        "params": {"module": [module]},
        "static_configs": [{"targets": [*targets]}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": "127.0.0.1:9115"},
        ],
        **more,
    }


JOBS = {
    "global": {"scrape_interval": "15s", "evaluation_interval": "1m"},
    "rule_files": ["x.yml"],
    "scrape_config_files": ["jobs/*.yml"],
    "scrape_configs": [
        job("http_2xx", "www.example.org", "https://shop.example.org:8443/health?x=1", scrape_timeout="3s"),
        job(
            "login", "https://login.example.org", "https://me:hunter2@login.example.org", scrape_interval="5m"
        ),
        job("smtp", "mail.example.org:25", "mail.example.org"),
        job("tls", "[2001:db8::1]:443"),
        job(
            "ping",
            static_configs=[
                {
                    "targets": ["10.0.0.1"],
                    "labels": {
                        "team": "network",
                        "why": "not one of Kubernetes!",
                        "cluster": "eu",
                        "tab": "a\tb",
                    },
                },
                {"targets": ["ns.example.org"], "labels": {"__param_module": "soa"}},
            ],
            kubernetes_sd_configs=[{"role": "service"}],
            relabel_configs=[{"action": "labelmap", "regex": "x"}],
        ),
        job("proxied", "www.example.org"),
        job("rpc", "www.example.org"),
        job("talk", "irc.example.org:6667"),
        job("gone", "www.example.org"),
        {
            "job_name": "none",
            "metrics_path": "/probe",
            "static_configs": [{"targets": ["http://me:hunter2@a"]}],
        },
        {"job_name": "node", "static_configs": [{"targets": ["localhost:9100"]}]},
    ],
}


@pytest.fixture
def fleet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Imported:
    """MODULES and JOBS, imported."""
    return imported("blackbox", tmp_path, capsys, modules=MODULES, prometheus=yaml.safe_dump(JOBS))


def test_each_target_of_a_module_is_a_check(fleet: Imported) -> None:
    assert set(fleet.checks) == {
        "http-2xx-www-example-org",
        "http-2xx-https-shop-example-org-8443-health-x-1",
        "login-https-login-example-org",
        "smtp-mail-example-org-25",
        "tls-2001-db8-1-443",
        "ping-10-0-0-1",
        "soa-ns-example-org",
    }
    assert fleet.checks["ping-10-0-0-1"]["metadata"]["labels"] == {"team": "network", "cluster": "eu"}
    assert fleet.spec("ping-10-0-0-1")["alerting"] == {
        "labels": {"team": "network", "why": "not one of Kubernetes!"}
    }


def test_a_request_and_what_is_expected_of_it(fleet: Imported) -> None:
    shop = fleet.checks["http-2xx-https-shop-example-org-8443-health-x-1"]["spec"]
    assert (shop["target"], shop["family"], shop["schedule"]) == (
        "shop.example.org",
        "IPv4",
        {"interval": "15s"},
    )
    (probe,) = shop["probes"]
    assert (probe["count"], probe["timeout"]) == (1, "3s")
    assert probe["http"]["url"] == "https://shop.example.org:8443/health?x=1"
    assert (probe["http"]["maxRedirects"], probe["http"]["statusCodes"][0]) == (10, 200)
    login = fleet.probe("login-https-login-example-org")
    assert fleet.spec("login-https-login-example-org")["schedule"] == {"interval": "5m"}
    assert login["http"] == {
        "url": "https://login.example.org/",
        "method": "POST",
        "host": "login.example.org",
        "headers": [{"name": "X-From", "value": "prober"}],
        "gzip": True,
        "body": "{}",
        "statusCodes": [200, 401],
        "bodyNotMatches": ["Error"],
        "headerMatches": [{"name": "Set-Cookie", "pattern": ".*"}],
        "headerNotMatches": [{"name": "Set-Cookie", "pattern": "secret"}],
        "tls": {
            "serverName": "login.example.org",
            "ca": {"configMapName": "ipsecping-login", "key": "ca.crt"},
        },
        "basicAuth": {"username": "probe", "password": {"secretName": "ipsecping-login", "key": "password"}},
    }


def test_conversations_and_other_probes(fleet: Imported) -> None:
    assert fleet.probe("smtp-mail-example-org-25")["tcp"] == {
        "port": 25,
        "startTLS": "SMTP",
        "tls": {},
        "steps": [
            {"send": "EHLO prober\r\nNOOP\r\n"},
            {"expect": "^250-AUTH", "send": "QUIT\r\n"},
        ],
    }
    assert fleet.spec("tls-2001-db8-1-443")["target"] == "2001:db8::1"
    assert fleet.probe("tls-2001-db8-1-443")["tcp"] == {"port": 443, "tls": {"insecureSkipVerify": True}}
    assert fleet.probe("soa-ns-example-org")["dns"] == {"query": "example.org", "recordType": "SOA"}
    ping = fleet.probe("ping-10-0-0-1")
    assert (ping["size"], ping["ttl"], ping["icmp"]) == (1000, 9, {})


def test_what_is_left_behind_is_named_on_the_terminal_and_in_the_file(fleet: Imported) -> None:
    for words in (
        ("prometheus: rule_files: has nothing to do",),
        ("prometheus: scrape_config_files: name these files as well",),
        ("node: scrapes what others have measured",),
        ("ping: kubernetes_sd_configs",),
        ("ping: relabel_configs: 1 rules",),
        ("ping: label cluster: is on the check, not on its alerts",),
        ("ping: label tab: is none that",),
        ("login/https://login.example.org: not imported", "a URL with a user"),
        ("smtp/mail.example.org: not imported", "needs a port"),
        ("proxied", "not imported: http.proxy_url has no counterpart"),
        ("rpc", "prober grpc has no counterpart"),
        ("talk", "sends what was received before"),
        ("gone", "there is no module gone"),
        ("none: http://a: no module is named",),
        ("fail_if_body_matches_regexp: a pattern has no counterpart",),
        ("basic_auth.password: put it into Secret ipsecping-login, key password",),
        ("tls_config.ca_file: put it into ConfigMap ipsecping-login",),
        ("validate_answer_rrs: patterns have no counterpart",),
        ("dont_fragment: a probe of type pathMTU",),
    ):
        assert fleet.says(*words), (words, fleet.notes)
        assert any(all(word in line for word in words) for line in fleet.text.splitlines()), words


def test_what_the_operator_has_to_be_told_to_permit_is_named(fleet: Imported) -> None:
    assert fleet.says("login/https://login.example.org", "not permitted as it stands", "--allow-targets")


def test_of_the_asker_s_own_host_it_is_said_that_no_prober_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = ("localhost", "127.0.0.1", "::1", "localhost.localdomain", "10.0.0.1")
    jobs = yaml.safe_dump({"scrape_configs": [job("ping", *hosts)]})
    found = imported("blackbox", tmp_path, capsys, modules=MODULES, prometheus=jobs)
    assert len(found.checks) == 5
    assert found.says("ping/ping/localhost (and 3 more): target: is whoever asks")


@pytest.mark.parametrize(
    "modules",
    [
        {"config": yaml.safe_load(MODULES), "serviceMonitor": {"enabled": False}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "a"},
            "data": {"blackbox.yaml": MODULES},
        },
    ],
    ids=["values of its chart", "ConfigMap"],
)
def test_a_cluster_has_modules_and_jobs_in_other_forms(
    modules: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = yaml.safe_dump([job("ping", "10.0.0.1"), job("soa", "10.0.0.53")])  # additionalScrapeConfigs
    found = imported("blackbox", tmp_path, capsys, modules=yaml.safe_dump(modules), jobs=jobs)
    assert set(found.checks) == {"ping-10-0-0-1", "soa-10-0-0-53"}


def test_a_label_may_say_the_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    several = job(
        "ping",
        static_configs=[
            {"targets": ["10.0.0.1"], "labels": {"module": "ping"}},
            {"targets": ["10.0.0.53"], "labels": {"module": "soa"}},
        ],
    )
    del several["params"]
    several["relabel_configs"].append({"source_labels": ["module"], "target_label": "__param_module"})
    found = imported(
        "blackbox", tmp_path, capsys, modules=MODULES, p=yaml.safe_dump({"scrape_configs": [several]})
    )
    assert set(found.checks) == {"ping-10-0-0-1", "soa-10-0-0-53"}
    assert not found.says("relabel_configs")


def test_the_target_may_be_a_parameter_of_the_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = job("tls", "exporter:9115", params={"module": ["tls"], "target": ["10.0.0.1:443"]})
    asked["static_configs"][0]["labels"] = {"site": "hq"}
    del asked["relabel_configs"]
    found = imported(
        "blackbox", tmp_path, capsys, modules=MODULES, p=yaml.safe_dump({"scrape_configs": [asked]})
    )
    assert set(found.checks) == {"tls-10-0-0-1-443"}
    assert found.checks["tls-10-0-0-1-443"]["metadata"]["labels"] == {"site": "hq"}


@pytest.mark.parametrize(("coding", "gzip"), [("gzip", True), ("identity", None), ("br", None)])
def test_no_other_coding_is_asked_for_than_before(
    coding: str, gzip: bool | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    modules = f"modules: {{a: {{prober: http, http: {{headers: {{Accept-Encoding: {coding}}}}}}}}}\n"
    found = imported("blackbox", tmp_path, capsys, modules=modules)
    assert found.probe("a-target-invalid")["http"].get("gzip") is gzip
    assert found.says("of Accept-Encoding gzip alone") is (coding == "br")


def test_a_family_is_no_matter_of_an_address_and_a_source_is_of_another_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    icmp = "{preferred_ip_protocol: ip4, source_ip_address: 10.0.0.5}"
    modules = f"modules: {{a: {{prober: icmp, icmp: {icmp}}}}}\n"
    jobs = yaml.safe_dump({"scrape_configs": [job("a", "10.0.0.1", "gw.example.org")]})
    found = imported("blackbox", tmp_path, capsys, modules=modules, p=jobs)
    (said,) = (line for line in found.notes if "preferred_ip_protocol" in line)
    assert "a/a/gw.example.org: " in said
    assert found.says("source_ip_address", "pods have another")


def test_a_packet_that_is_too_small_for_us_is_no_reason_to_leave_the_target_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    modules = "modules: {a: {prober: icmp, icmp: {payload_size: 8}}}\n"
    found = imported("blackbox", tmp_path, capsys, modules=modules)
    assert found.probe("a-target-invalid")["size"] == 16
    assert found.says("icmp.payload_size: 16 bytes are the least here")


def test_no_password_is_shown(fleet: Imported) -> None:
    assert "hunter2" not in fleet.text + "".join(fleet.notes)


def test_modules_alone_are_measured_against_a_placeholder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = imported("blackbox", tmp_path, capsys, modules=MODULES)
    assert {each["spec"]["target"] for each in found.checks.values()} == {"target.invalid"}
    assert found.probe("smtp-target-invalid-25")["tcp"]["port"] == 25
    assert found.probe("login-https-target-invalid")["http"]["url"] == "https://target.invalid/"
    assert found.says("the targets: modules have none. Put yours for target.invalid")


def test_probes_of_prometheus_operator_tell_the_targets_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Probe",
        "metadata": {"name": "gateways"},
        "spec": {
            "module": "ping",
            "interval": "10s",
            "prober": {"url": "blackbox:9115"},
            "targets": {
                "staticConfig": {"static": ["10.0.0.1"], "labels": {"site": "hq"}},
                "ingress": {"selector": {}},
            },
            "tlsConfig": {},
        },
    }
    listed = yaml.safe_dump({"kind": "List", "items": [probe, {"kind": "Pod"}]})
    found = imported("blackbox", tmp_path, capsys, modules=MODULES, probes=listed)
    assert found.spec("ping-10-0-0-1")["schedule"] == {"interval": "10s"}
    assert found.checks["ping-10-0-0-1"]["metadata"]["labels"] == {"site": "hq"}
    for words in ("targets.ingress", "tlsConfig", "modules that no target names: http_2xx", "Pod: neither"):
        assert found.says(words), found.notes


def test_a_list_may_hold_the_config_maps() -> None:
    """As kubectl get configmap,probe -o yaml prints them."""
    modules = {"kind": "ConfigMap", "data": {"blackbox.yml": "modules: {ping: {prober: icmp}}"}}
    spec = {"module": "ping", "targets": {"staticConfig": {"static": ["203.0.113.10"]}}}
    probe = {"kind": "Probe", "metadata": {"name": "hq"}, "spec": spec}
    found = Outcome()
    import_blackbox(iter([("all.yaml", yaml.safe_dump({"kind": "List", "items": [modules, probe]}))]), found)
    assert [each.manifest["spec"]["target"] for each in found.checks] == ["203.0.113.10"]
    assert not found.notes
