"""What the operator was not told to permit is refused in the status, and nothing runs for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ipsecping_lab.apiserver import ApiServer

from .cluster import Cluster
from .processes import OperatorProcess, eventually, operator_process


def test_the_node_s_own_network_is_not_had_without_permission(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({})
    cluster.one("deployment")
    cluster.check({"placement": {"hostNetwork": True}})
    said = cluster.says("Ready", "False", "NotPermitted")
    assert said.startswith("spec.placement.hostNetwork: ")
    eventually(lambda: not cluster.children("deployment"), what="the Deployment removed")
    cluster.check({"placement": {"hostNetwork": False}})
    assert "hostNetwork" not in cluster.one("deployment")["spec"]["template"]["spec"]
    cluster.says("Ready", "False", "WorkloadUnavailable")


@pytest.fixture
def limited(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator that permits the namespace nothing but two networks."""
    namespace = cluster.kubectl.namespace
    process = operator_process(
        server.kubeconfig,
        tmp_path,
        f"--namespaces={namespace}",
        f"--allow-targets={namespace}=203.0.113.0/24,2001:db8::/32;*=0.0.0.0/0",
    )
    process.start()
    yield process
    process.clear_up()


def test_a_target_outside_of_the_permitted_networks_is_refused_by_its_field(
    limited: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"target": "203.0.113.10"})
    cluster.one("deployment")
    web = {"name": "web", "http": {"url": "http://192.0.2.7/"}}
    cluster.check({"target": "203.0.113.10", "probes": [{"name": "a", "icmp": {}}, web]})
    assert cluster.says("Ready", "False", "NotPermitted") == (
        "spec.probes[1].http.url: 192.0.2.7 is not a permitted target in namespace "
        f"{cluster.kubectl.namespace}: allowed is 203.0.113.0/24, 2001:db8::/32 "
        "(--allow-targets of the operator)"
    )
    eventually(lambda: not cluster.children("deployment"), what="the Deployment removed")


def test_a_name_is_refused_by_the_prober_for_the_address_it_has(
    limited: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"target": "localhost", "schedule": {"interval": "1s"}})
    cluster.run_agent()
    message = cluster.says("Ready", "False", "NotPermitted")
    assert message.startswith("spec.target: ")
    assert "the address of localhost on path default, is not a permitted target in namespace" in message
    cluster.says("Healthy", "Unknown", "MeasurementInvalid", saying="is not permitted")
