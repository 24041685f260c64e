"""/healthz finds out that a watch is connected and shows nothing; a quiet cluster is no such thing."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipsecping_lab.apiserver import ApiServer

from .cluster import Cluster
from .deaf_proxy import DeafProxy
from .processes import OperatorProcess, eventually, operator_process

PLURALS = {
    "IPsecTunnelCheck": "ipsectunnelchecks",
    "Pod": "pods",
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "CronJob": "cronjobs",
}


@pytest.fixture
def proxy(server: ApiServer) -> Iterator[DeafProxy]:
    with DeafProxy(server) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def proxied(proxy: DeafProxy, cluster: Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator behind the proxy that compares every three seconds."""
    process = operator_process(
        proxy.kubeconfig(tmp_path),
        tmp_path,
        f"--namespaces={cluster.kubectl.namespace}",
        "--resync-interval=3s",
    )
    process.start()
    yield process
    process.clear_up()


def test_a_watch_that_is_open_and_silent_is_found_out_whatever_its_kind(
    proxied: OperatorProcess, cluster: Cluster, proxy: DeafProxy
) -> None:
    cluster.check({}, name="agent")
    cluster.check({"schedule": {"cron": "*/5 * * * *"}}, name="round")
    deployment, cron_job = cluster.one("deployment"), cluster.one("cronjob")
    cluster.finish_round(cron_job, cluster.one("configmap", check="round"))
    cluster.says("Healthy", "True", "WithinThresholds", name="round")

    # Nothing happens for a while, and nothing is wrong with that.
    quiet = time.monotonic() + 5
    while time.monotonic() < quiet:
        assert proxied.ask(proxied.health) == (200, "ok\n")
        time.sleep(0.2)

    proxy.deaf |= set(PLURALS.values())
    cluster.kubectl("label", "itc", "round", "touched=yes")
    cluster.kubectl("label", "configmap", deployment["metadata"]["name"], "touched=yes")
    cluster.kubectl("label", "cronjob", cron_job["metadata"]["name"], "touched=yes")
    cluster.available(deployment["metadata"]["name"])
    cluster.round_pod(cron_job)

    def unseen() -> dict[str, float]:
        name = "ipsecping_operator_watch_unseen_objects"
        return {kind: proxied.sample(f'{name}{{kind="{kind}"}}') for kind in PLURALS}

    eventually(lambda: all(unseen().values()), what="each kind's watch found deaf")
    status, said = proxied.ask(proxied.health)
    assert status == 503
    assert all(kind in said for kind in PLURALS)
    assert proxied.ask(proxied.ready)[0] == 503


def test_a_watch_that_does_not_show_what_the_operator_writes_is_found_out(
    proxied: OperatorProcess, cluster: Cluster, proxy: DeafProxy
) -> None:
    proxy.deaf.add("deployments")
    cluster.check({})
    eventually(lambda: proxied.ask(proxied.health)[0] == 503, what="the silence after a write noticed")
    assert "Deployment (not shown:" in proxied.ask(proxied.health)[1]
    assert "ConfigMap" not in proxied.ask(proxied.health)[1]
