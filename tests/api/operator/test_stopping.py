"""SIGTERM: what is known is written before the operator ends."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipsecping_lab.apiserver import ApiServer

from .cluster import Cluster
from .processes import OperatorProcess, eventually, operator_process

CRON = {"schedule": {"cron": "0 0 1 1 *"}}


@pytest.fixture
def slow_writer(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator that writes figures every ten minutes."""
    namespace = cluster.kubectl.namespace
    process = operator_process(
        server.kubeconfig, tmp_path, f"--namespaces={namespace}", "--status-interval=10m"
    )
    process.start()
    yield process
    process.clear_up()


def test_a_stopped_operator_has_written_its_last_figures_and_events(
    slow_writer: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.finish_round(cron_job, plan)
    cluster.says("Healthy", "True", "WithinThresholds")
    cluster.finish_round(cron_job, plan)
    eventually(lambda: slow_writer.results("Accepted") == 2, what="the second round counted")
    assert cluster.status()["probes"][0]["sent"] == 10, "its figures wait for their turn"
    cluster.finish_round(cron_job, plan, received=0)
    eventually(lambda: slow_writer.results("Accepted") == 3, what="the third round counted")
    assert slow_writer.end(signal.SIGTERM) == 0
    assert cluster.status()["probes"][0]["sent"] == 30
    assert cluster.condition("Healthy")["reason"] == "LossHigh"
    assert [each["reason"] for each in cluster.events()][-1] == "LossHigh"
