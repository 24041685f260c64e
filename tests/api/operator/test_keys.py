"""Keys: mounted by name, never read by the operator; a missing one is said, and heals by itself."""

import signal
from typing import Any

from ipsecping.contract import Invalidity

from ...ports import free_port
from .cluster import Cluster
from .processes import OperatorProcess

AUTH = {"secretName": "ipsecping-tunnel-keys", "key": "hq-dc1"}
SPEC: dict[str, Any] = {
    "schedule": {"cron": "*/5 * * * *"},
    "probes": [{"name": "datapath", "stamp": {"auth": AUTH}}],
}


def test_an_agent_without_its_key_and_certificates_names_the_objects(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    tls = {"ca": {"configMapName": "ipsecping-authorities", "key": "ca.crt"}}
    web = {"name": "web", "count": 1, "timeout": "500ms", "tcp": {"port": free_port(), "tls": tls}}
    cluster.check({"schedule": {"interval": "2s"}, "probes": [web, *SPEC["probes"]]})
    agent = cluster.run_agent()
    cluster.says("Healthy", "Unknown", "MeasurementInvalid")
    said = cluster.says("Ready", "False", "KeyMissing", saying="1 more")
    lacking = "ConfigMap ipsecping-authorities has no usable certificates ca.crt, which default/web trusts"
    assert said.startswith(f"{lacking} (1 more is missing): put it there")
    agent.process.end(signal.SIGKILL)  # as it goes with its Deployment; here nobody would remove it
    cluster.check({"schedule": {"cron": "*/5 * * * *"}, "probes": [web]})
    cluster.finish_round(cluster.one("cronjob"), cluster.one("configmap"))
    cluster.says("Ready", "True", "Reconciled")


def test_a_missing_key_is_said_and_forgotten_once_it_is_there(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(SPEC)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.finish_round(cron_job, plan, received=0, invalid=Invalidity.KEY_MISSING)
    lacking = "Secret ipsecping-tunnel-keys has no usable key hq-dc1"
    cluster.says("Ready", "False", "KeyMissing", saying=lacking)
    cluster.says("Healthy", "Unknown", "MeasurementInvalid")
    cluster.finish_round(cron_job, plan)
    cluster.says("Ready", "True", "Reconciled")
    cluster.says("Healthy", "True", "WithinThresholds")
