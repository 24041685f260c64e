"""The chart's objects of the Prometheus Operator, and manifests/monitoring on a real API server."""

import json
from dataclasses import replace

from ..yaml_text import from_yaml
from .chart import IMAGES, REPOSITORY, objects, template
from .kubectl import Kubectl
from .monitored import MONITORED, define_monitoring

NAMES = [
    {"sourceLabels": ["exported_namespace"], "regex": "(.+)", "targetLabel": "namespace"},
    {"action": "labeldrop", "regex": "exported_namespace"},
]
SCRAPED = {"port": "metrics", "honorLabels": True, "metricRelabelings": NAMES}
"""What it comes to: tests/interop/test_monitor_labels.py."""
RULES = REPOSITORY / "manifests" / "monitoring" / "rules.yaml"


def test_nothing_asks_for_definitions_that_a_cluster_may_lack() -> None:
    assert not [each for each in objects() if each["kind"] in MONITORED]


def test_monitors_scrape_each_operator_and_leave_the_labels_of_checks_alone() -> None:
    pod_monitor = "enabled=true", "labels.release=stack", "interval=15s"
    values = ",".join(f"monitoring.podMonitor.{each}" for each in pod_monitor)
    made = {each["kind"]: each for each in objects("--set", values)}
    made |= {each["kind"]: each for each in objects("--set", "monitoring.serviceMonitor.enabled=true")}
    pods, services = made["PodMonitor"]["spec"], made["ServiceMonitor"]["spec"]
    template = made["Deployment"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert pods["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert services["selector"]["matchLabels"].items() <= made["Service"]["metadata"]["labels"].items()
    assert pods["podMetricsEndpoints"] == [SCRAPED | {"interval": "15s"}]
    assert services["endpoints"] == [SCRAPED]
    assert "metrics" in {port["name"] for port in container["ports"]}
    assert "metrics" in {port["name"] for port in made["Service"]["spec"]["ports"]}
    assert made["PodMonitor"]["metadata"]["labels"]["release"] == "stack"


def test_monitoring_is_applied_where_its_definitions_are(kubectl: Kubectl) -> None:
    kubectl.run("create", "namespace", "ipsecping-system")  # unless another test has made it
    system = replace(kubectl, namespace="ipsecping-system")
    define_monitoring(system)
    system("apply", "--server-side", "-k", str(REPOSITORY / "manifests" / "monitoring"))
    words = (
        "get",
        "podmonitors,prometheusrules",
        "--output=json",
        "--selector=release=kube-prometheus-stack",
    )
    monitor, rule = (each["spec"] for each in json.loads(system(*words))["items"])
    assert monitor["podMetricsEndpoints"] == [SCRAPED]
    assert rule == from_yaml(RULES.read_text())


def test_a_service_monitor_without_a_service_is_refused() -> None:
    values = "monitoring.serviceMonitor.enabled=true,metrics.service.enabled=false"
    done = template(*IMAGES, "--set", values)
    assert done.returncode != 0
    assert "monitoring.serviceMonitor needs metrics.service.enabled: true" in done.stderr


def ours() -> str:
    """The rules, with the operator that has to be there."""
    lease = '{lease="ipsecping-system/ipsecping-operator"}'
    return RULES.read_text().replace(
        "absent(ipsecping_operator_leader)", f"absent(ipsecping_operator_leader{lease})"
    )


def test_the_rules_of_the_chart_are_those_of_the_file_but_for_the_release_and_where_runbooks_are() -> None:
    on = ("--set", "monitoring.prometheusRule.enabled=true,monitoring.prometheusRule.labels.release=stack")
    (rule,) = (each for each in objects(*on) if each["kind"] == "PrometheusRule")
    assert rule["metadata"]["labels"]["release"] == "stack"
    assert rule["spec"] == from_yaml(ours())
    elsewhere = (*on, "--set", "monitoring.prometheusRule.runbookURL=https://git.example.com/runbooks/")
    (rule,) = (each for each in objects(*elsewhere) if each["kind"] == "PrometheusRule")
    moved = ours().replace("docs/runbooks/", "https://git.example.com/runbooks/")
    assert rule["spec"] == from_yaml(moved)
