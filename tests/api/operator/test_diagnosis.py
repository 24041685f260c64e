"""Diagnoses: a real agent and a real Job find out which layer is broken, and a real operator tells of it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipsecping_lab.apiserver import ApiServer

from ...ports import free_port
from .cluster import Cluster, ended
from .processes import OperatorProcess, eventually, operator_process

LONG = 90
"""Seconds that a diagnosis may take on a busy machine."""


@pytest.fixture
def operator(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator that diagnoses."""
    flags = (f"--namespaces={cluster.kubectl.namespace}", cluster.key_secret(), "--diagnosis=true")
    process = operator_process(server.kubeconfig, tmp_path, *flags)
    process.start()
    yield process
    process.clear_up()


def refused(**schedule: str) -> dict[str, Any]:
    """Nothing listens at the port: the target itself says so."""
    probes = [{"name": "port", "count": 2, "timeout": "500ms", "tcp": {"port": free_port()}}]
    return {"schedule": schedule, "probes": probes, "thresholds": {"downAfter": 1, "window": "10s"}}


def diagnosis(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.status().get("diagnosis", {})
    return found


def told(cluster: Cluster) -> list[str]:
    return [each["reason"] for each in cluster.events() if each["reason"].startswith("Diagnos")]


def test_an_outage_is_diagnosed_once_though_the_operator_is_killed_in_the_middle(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(refused(interval="1s"))
    agent = cluster.run_agent()

    def begun() -> int:
        return agent.process.log.read_text().count(" begins")

    eventually(lambda: begun() == 1, what="the diagnosis begun", seconds=LONG)
    operator.end(signal.SIGKILL)
    operator.start()
    eventually(lambda: diagnosis(cluster), what="a diagnosis", seconds=LONG)
    said = diagnosis(cluster)
    assert (said["outcome"], said["trigger"], said["path"]) == ("Fault", "Outage", "default")
    assert said["findings"][0]["reason"] == "ResponderDown"
    assert said["findings"][0]["confidence"] == "Proven"
    assert said["pod"] == agent.name
    assert said["evidenceDigest"] in agent.process.log.read_text()
    assert said["outage"] == cluster.status()["outages"][0]["start"]
    healthy = cluster.condition("Healthy")
    assert healthy["status"] == "False"
    assert healthy["message"].endswith(f"; diagnosed at {said['time']}: {said['summary']}")
    eventually(lambda: told(cluster) == ["Diagnosed"], what="one event")
    assert begun() == 1
    series = 'ipsecping_diagnosis_info{cause="ResponderDown"'
    eventually(lambda: operator.sample(series) == 1, what="the metric")


def test_a_diagnosis_is_asked_for_and_awaited_as_documented(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    probes = [{"name": "ping", "count": 2, "spacing": "100ms", "icmp": {}}]
    agent = cluster.measured({"schedule": {"interval": "1s"}, "probes": probes})
    value = str(int(time.time()))
    cluster.kubectl("annotate", "itc", "hq", f"ipsecping.dev/diagnose={value}", "--overwrite")
    request = f"--for=jsonpath={{.status.diagnosis.request}}={value}"
    cluster.kubectl("wait", "itc/hq", request, f"--timeout={LONG}s")
    said = diagnosis(cluster)
    assert (said["outcome"], said["trigger"]) == ("NoFault", "Annotation")
    assert "outage" not in said
    assert cluster.condition("Healthy")["status"] == "True"
    assert agent.process.log.read_text().count(" begins") == 1
    # The value stays on the check; a restart does nothing twice.
    operator.end(signal.SIGKILL)
    operator.start()
    cluster.says("Ready", "True", "Reconciled")
    cluster.check({"schedule": {"interval": "2s"}, "probes": probes})
    eventually(
        lambda: cluster.condition("Ready").get("observedGeneration") == 2,
        what="the next generation reconciled",
    )
    assert agent.process.log.read_text().count(" begins") == 1
    assert diagnosis(cluster) == said


def test_a_check_with_cron_is_diagnosed_by_a_job_once_no_round_runs(
    operator: OperatorProcess, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.check(refused(cron="0 0 1 1 *"))
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    running = cluster.round_pod(cron_job)
    cluster.kubectl("annotate", "itc", "hq", "ipsecping.dev/diagnose=1")
    cluster.says("Ready", "True", "Reconciled")
    assert [job for job in cluster.children("job") if "diagnose" in str(job["spec"])] == []
    cluster.set_status("pod", running, ended("", exit_code=1, reason="Error"))
    jobs: list[dict[str, Any]] = []

    def made() -> bool:
        jobs[:] = [job for job in cluster.children("job") if "diagnose" in str(job["spec"])]
        return len(jobs) == 1

    eventually(made, what="the Job", seconds=LONG)
    (job,) = jobs
    assert job["metadata"]["ownerReferences"][0]["uid"] == cron_job["metadata"]["uid"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    pod = cluster.start_job(job)
    report = run_as_job(container["args"], plan, tmp_path)
    cluster.set_status("pod", pod, ended(report))
    eventually(lambda: diagnosis(cluster).get("request") == "1", what="the report read", seconds=LONG)
    said = diagnosis(cluster)
    assert (said["outcome"], said["pod"]) == ("Fault", pod)
    assert said["findings"][0]["reason"] == "ResponderDown"
    assert operator.results("Malformed") == 1, "of the round that failed"


def run_as_job(args: list[str], plan: dict[str, Any], folder: Path) -> str:
    """The termination message of the container with these arguments."""
    file, said = folder / "plan.json", folder / "termination"
    file.write_text(plan["data"]["plan.json"])
    places = {"/etc/ipsecping/plan.json": str(file), "/dev/termination-log": str(said)}
    words = ["-m", "ipsecping", *(places.get(each, each) for each in args)]
    done = subprocess.run([sys.executable, *words], check=False, timeout=120, capture_output=True, text=True)
    assert said.exists(), done.stderr
    return said.read_text()
