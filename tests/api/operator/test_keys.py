"""Keys: mounted by name, never read by the operator; a missing one is said, and heals by itself."""

import signal

from ipsecping.contract import Invalidity

from ...ports import free_port
from .cluster import Cluster
from .processes import OperatorProcess

SPEC = {
    "schedule": {"cron": "*/5 * * * *"},
    "probes": [{"name": "datapath", "stamp": {"auth": {"secretName": "tunnel-keys", "key": "hq-dc1"}}}],
}


def test_an_agent_without_its_key_says_so(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check(SPEC | {"schedule": {"interval": "2s"}})
    cluster.run_agent()
    cluster.says("Ready", "False", "KeyMissing")
    cluster.says("Healthy", "Unknown", "MeasurementInvalid")


def test_a_missing_key_is_said_and_forgotten_once_it_is_there(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(SPEC)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.finish_round(cron_job, plan, received=0, invalid=Invalidity.KEY_MISSING)
    cluster.says("Ready", "False", "KeyMissing")
    assert "Secret tunnel-keys has no usable key hq-dc1" in cluster.condition("Ready")["message"]
    assert cluster.condition("Healthy")["reason"] == "MeasurementInvalid"
    cluster.finish_round(cron_job, plan)
    cluster.says("Ready", "True", "Reconciled")
    cluster.says("Healthy", "True", "WithinThresholds")


def test_missing_certificates_are_said_by_a_real_agent_and_forgotten_once_they_are_there(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    tls = {"ca": {"configMapName": "authorities", "key": "ca.crt"}}
    probe = {"name": "web", "count": 1, "timeout": "500ms", "tcp": {"port": free_port(), "tls": tls}}
    cluster.check({"schedule": {"interval": "1s"}, "probes": [probe]})
    agent = cluster.run_agent()
    cluster.says("Ready", "False", "KeyMissing")
    assert cluster.condition("Ready")["message"].startswith(
        "ConfigMap authorities has no usable certificates ca.crt, which default/web trusts: put it there"
    )
    agent.process.end(signal.SIGKILL)  # as it goes with its Deployment; here nobody would remove it
    cluster.check({"schedule": {"cron": "*/5 * * * *"}, "probes": [probe]})
    cluster.finish_round(cluster.one("cronjob"), cluster.one("configmap"))
    cluster.says("Ready", "True", "Reconciled")
