"""A check gets what the settings permit its namespace; what it does not get is told by its field."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import Invalidity
from ipsecping_lab.apiserver import ApiServer

from ...yaml_text import from_yaml
from .cluster import Cluster
from .processes import OperatorProcess, eventually, operator_process

ASKING = from_yaml((Path(__file__).parents[2] / "not_permitted.yaml").read_text())
Start = Callable[..., OperatorProcess]
AUTH = {"secretName": "ipsecping-tunnel-keys", "key": "hq-dc1"}
SIGNED: dict[str, Any] = {
    "target": "203.0.113.10",
    "schedule": {"cron": "*/5 * * * *"},
    "probes": [{"name": "datapath", "stamp": {"auth": AUTH}}],
}


@pytest.fixture
def start(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[Start]:
    """Starts an operator that permits only what the flags say; one at a time."""
    made: list[OperatorProcess] = []

    def begin(*flags: str) -> OperatorProcess:
        strict = (f"--namespaces={cluster.kubectl.namespace}", "--allow-targets=")
        process = operator_process(server.kubeconfig, tmp_path, *strict, *flags, name=f"operator-{len(made)}")
        made.append(process)
        process.start()
        return process

    yield begin
    for process in made:
        process.clear_up()


def test_what_is_not_permitted_is_told_in_the_status_in_the_words_of_render(
    start: Start, cluster: Cluster
) -> None:
    start()
    for index, asking in enumerate(ASKING):
        cluster.check(asking["spec"], name=f"a{index}")
    for index, asking in enumerate(ASKING):
        said = cluster.says("Ready", "False", "NotPermitted", name=f"a{index}")
        assert said == asking["says"].replace("NAMESPACE", cluster.kubectl.namespace)
        cluster.says("Healthy", "Unknown", "NoResults", name=f"a{index}")
    assert not [each for kind in ("deployment", "cronjob", "configmap") for each in cluster.children(kind)]


@pytest.mark.long
def test_children_go_with_the_permission_and_come_back_with_it(start: Start, cluster: Cluster) -> None:
    egress = f"--allow-pod-labels={cluster.kubectl.namespace}=egress"
    permissive = start(egress)
    cluster.check({"target": "203.0.113.10", "placement": {"podLabels": {"egress": "tunnel"}}})
    labels = cluster.one("deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["egress"] == "tunnel"
    assert permissive.end() == 0
    strict = start()
    cluster.says("Ready", "False", "NotPermitted")
    eventually(lambda: not cluster.children("deployment"), what="the Deployment removed")
    assert strict.end() == 0
    start(egress)
    cluster.one("deployment")


def test_the_api_server_s_own_address_is_no_target(start: Start, cluster: Cluster) -> None:
    start("--allow-targets=*=0.0.0.0/0,127.0.0.0/8")
    cluster.check({"target": "127.0.0.1"})
    assert cluster.says("Ready", "False", "NotPermitted").startswith(
        "spec.target: 127.0.0.1 is an address of the API server, not a permitted target"
    )
    cluster.check({"target": "127.0.0.2"})
    cluster.one("deployment")


def test_a_key_that_is_text_takes_a_setting(start: Start, cluster: Cluster) -> None:
    strict = start()
    cluster.check(SIGNED)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    assert options_in(plan)["markedKeys"] is True
    cluster.finish_round(cron_job, plan, received=0, invalid=Invalidity.KEY_NOT_PERMITTED)
    message = cluster.says("Ready", "False", "NotPermitted")
    assert message.startswith(
        "spec.probes[0].stamp.auth.key: key hq-dc1 of Secret ipsecping-tunnel-keys is not"
    )
    assert "(--allow-text-keys of the operator)" in message
    assert strict.end() == 0
    start(f"--allow-text-keys={cluster.kubectl.namespace}")
    eventually(
        lambda: "markedKeys" not in options_in(cluster.one("configmap")), what="a plan that takes any key"
    )


def options_in(config_map: dict[str, Any]) -> dict[str, Any]:
    """Options of the plan's first probe."""
    plan = json.loads(config_map["data"]["plan.json"])
    options: dict[str, Any] = plan["checks"][0]["probes"][0]["options"]
    return options
