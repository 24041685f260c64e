"""The log of an operator to whose checks nothing but ordinary things happen: nothing that needs a person."""

import re
import time

from .cluster import Cluster
from .processes import OperatorProcess, eventually
from .reflectors import TIMEOUT, Reflector

LOUD = re.compile(r"^\S+ (WARNING|ERROR|CRITICAL)\b.*$", re.MULTILINE)
STAMP = {"name": "s", "count": 5, "spacing": "10ms", "timeout": TIMEOUT}


def spec(reflector: Reflector, **changed: object) -> dict[str, object]:
    probe = STAMP | {"stamp": {"port": reflector.port}}
    return {"schedule": {"interval": "1s"}, "probes": [probe], "thresholds": {"window": "10s"}} | changed


def test_the_whole_life_of_checks_is_no_warning(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    cluster.check(spec(reflector))
    # As a kubelet does it: the address is known and followed before the agent listens.
    cluster.run_agent()
    cluster.says("Healthy", "True", "WithinThresholds")
    # An edit, which the agent takes over; then a rollout: the old pod ends, another one begins.
    cluster.check(spec(reflector, thresholds={"window": "20s"}))
    cluster.processes[-1].end()
    cluster.kubectl("delete", "pod", "--all", "--wait=false", "--grace-period=0", "--force")
    cluster.run_agent()
    cluster.says("Healthy", "True", "WithinThresholds")
    # A round by cron; suspended; deleted; and the namespace with what is left in it.
    cluster.check({"schedule": {"cron": "@hourly"}}, name="hourly")
    eventually(lambda: cluster.children("cronjob"), what="a CronJob")
    cluster.check(spec(reflector, suspend=True))
    cluster.says("Healthy", "Unknown", "Suspended")
    cluster.kubectl("delete", "itc", "hq")
    namespace = cluster.kubectl.namespace
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    cluster.kubectl("annotate", "itc", "hourly", "ipsecping.dev/run-now=now")
    cluster.kubectl("delete", "cronjob,configmap", "--all")
    time.sleep(2)  # for what the operator does about it
    cluster.kubectl("delete", "itc", "hourly")
    operator.end()
    assert LOUD.findall(operator.log.read_text()) == []
