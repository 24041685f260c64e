"""Two operators: one works, the other waits until the first is gone, however it goes."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipsecping_lab.apiserver import ApiServer

from .cluster import Cluster
from .processes import OperatorProcess, eventually, operator_process

CRON = {"schedule": {"cron": "*/5 * * * *"}}
LEASE = "ipsecping-operator"


@pytest.fixture
def pair(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[list[OperatorProcess]]:
    """Two operators for the same namespace, with a short Lease; not started."""
    namespace = cluster.kubectl.namespace
    made = [
        operator_process(
            server.kubeconfig,
            tmp_path,
            f"--namespaces={namespace}",
            f"--lease-namespace={namespace}",
            f"--lease-identity={name}",
            "--lease-duration=10s",
            name=name,
        )
        for name in ("first", "second")
    ]
    yield made
    for process in made:
        process.clear_up()


def holder(cluster: Cluster) -> str:
    found: str = cluster.kubectl.get("lease", LEASE)["spec"]["holderIdentity"]
    return found


def both(pair: list[OperatorProcess]) -> tuple[OperatorProcess, OperatorProcess]:
    """The first works, the second waits."""
    first, second = pair
    first.start()
    second.launch()
    eventually(lambda: "standby" in second.ask(second.ready)[1], what="the second operator waits")
    return first, second


@pytest.mark.smoke
@pytest.mark.long
def test_a_second_operator_waits_ready_and_takes_over_from_one_that_was_killed(
    pair: list[OperatorProcess], cluster: Cluster
) -> None:
    first, second = both(pair)
    status, said = second.ask(second.ready)
    assert (status, said) == (
        200,
        f"ok, standby: Lease {cluster.kubectl.namespace}/{LEASE} is held by first\n",
    )
    assert second.ask(second.health)[0] == 200
    leader = f'ipsecping_operator_leader{{lease="{cluster.kubectl.namespace}/{LEASE}"}}'
    assert (first.sample(leader), second.sample(leader)) == (1, 0)
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.finish_round(cron_job, plan, received=8)
    cluster.says("Healthy", "False", "LossHigh")
    eventually(lambda: len(cluster.events()) == 2, what="an event for each condition")
    assert "applying" not in second.log.read_text()
    first.end(signal.SIGKILL)
    cluster.finish_round(cron_job, plan, received=8)
    eventually(lambda: second.ask(second.ready) == (200, "ok\n"), what="the second operator works")
    eventually(lambda: cluster.status()["probes"][0]["sent"] == 20, what="both rounds in the status")
    assert holder(cluster) == "second"
    (again,) = cluster.children("cronjob")
    assert again["metadata"]["uid"] == cron_job["metadata"]["uid"]
    assert len(cluster.events()) == 2, "a change of operators is no transition"
    assert cluster.kubectl.get("lease", LEASE)["spec"]["leaseTransitions"] == 1


@pytest.mark.long
def test_an_operator_that_is_stopped_leaves_the_lease_to_the_next(
    pair: list[OperatorProcess], cluster: Cluster
) -> None:
    first, second = both(pair)
    cluster.check(CRON)
    cluster.finish_round(cluster.one("cronjob"), cluster.one("configmap"))
    assert first.end(signal.SIGTERM) == 0
    assert "released Lease" in first.log.read_text()
    eventually(lambda: second.ask(second.ready) == (200, "ok\n"), what="the second operator works")
    assert holder(cluster) == "second"
    cluster.says("Healthy", "True", "WithinThresholds")
    # Also one that waits goes when it is told to, and takes nothing along.
    first.launch()
    eventually(lambda: "standby" in first.ask(first.ready)[1], what="the first operator waits")
    assert first.end(signal.SIGTERM) == 0
    assert holder(cluster) == "second"


def test_an_operator_whose_lease_was_taken_exits(pair: list[OperatorProcess], cluster: Cluster) -> None:
    first, _ = pair
    first.start()
    patch = json.dumps({"spec": {"holderIdentity": "somebody"}})
    cluster.kubectl("patch", "lease", LEASE, "--type=merge", f"--patch={patch}")
    assert first.running is not None
    assert first.running.wait(20) == 1
    assert "the Lease is lost: somebody holds it now; exiting" in first.log.read_text()
    assert holder(cluster) == "somebody"


@pytest.mark.long
def test_an_operator_that_stood_still_for_too_long_writes_nothing_when_it_wakes(
    pair: list[OperatorProcess], cluster: Cluster
) -> None:
    first, second = both(pair)
    assert first.running is not None
    first.running.send_signal(signal.SIGSTOP)
    eventually(lambda: second.ask(second.ready) == (200, "ok\n"), what="the second operator works")
    cluster.check({}, name="new")
    eventually(lambda: cluster.children("deployment"), what="a Deployment by the second operator")
    before = versions(cluster)
    # It still has the news to read that came while it stood still, and thinks for a moment that it leads.
    first.running.send_signal(signal.SIGCONT)
    assert first.running.wait(20) == 1
    assert "the Lease is lost" in first.log.read_text()
    assert versions(cluster) == before


def versions(cluster: Cluster) -> list[str]:
    """Change with every write to a child."""
    return [
        child["metadata"]["resourceVersion"]
        for kind in ("configmap", "deployment")
        for child in cluster.children(kind)
    ]


def test_an_operator_that_may_not_read_its_lease_is_not_ready(
    server: ApiServer, cluster: Cluster, tmp_path: Path
) -> None:
    process = operator_process(server.kubeconfig, tmp_path, "--lease-namespace=no-such-namespace")
    process.launch()
    try:
        eventually(lambda: process.ask(process.ready)[0] == 503, what="not ready")
        eventually(lambda: "cannot take Lease" in process.ask(process.ready)[1], what="why it is not ready")
        assert process.ask(process.health)[0] == 200, "a restart would not help"
    finally:
        process.stop_if_running()
