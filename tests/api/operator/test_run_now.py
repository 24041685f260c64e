"""kubectl annotate itc NAME ipsecping.dev/run-now=VALUE: one extra round for each new value."""

import json
import signal
from pathlib import Path
from typing import Any

from .cluster import Cluster, ended
from .processes import OperatorProcess, eventually
from .rounds import message

CRON = {"schedule": {"cron": "0 0 1 1 *"}}
# Nothing listens there: a round takes no time, and its results are there all the same.
RARE = {
    "schedule": {"interval": "24h"},
    "probes": [{"name": "port", "count": 1, "tcp": {"port": 1}}],
}


def run_now(cluster: Cluster, value: str) -> None:
    cluster.kubectl("annotate", "itc", "hq", f"ipsecping.dev/run-now={value}", "--overwrite")


def outcome(cluster: Cluster, value: str) -> dict[str, Any]:
    """Wait until something has become of the value."""
    eventually(lambda: cluster.status().get("runNow", {}).get("value") == value, what=f"run-now={value} done")
    found: dict[str, Any] = cluster.status()["runNow"]
    return found


def told(cluster: Cluster) -> list[str]:
    return [each["reason"] for each in cluster.events() if each["reason"].startswith("RunNow")]


def jobs(cluster: Cluster) -> list[dict[str, Any]]:
    return sorted(cluster.children("job"), key=lambda job: str(job["metadata"]["creationTimestamp"]))


def test_a_cron_check_gets_a_job_from_its_template_whose_result_counts_once_for_each_value(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    run_now(cluster, "1")
    said = outcome(cluster, "1")
    (job,) = jobs(cluster)
    assert (said["outcome"], said["message"]) == ("Started", f"started Job {job['metadata']['name']}")
    (reference,) = job["metadata"]["ownerReferences"]
    assert (reference["kind"], reference["uid"]) == ("CronJob", cron_job["metadata"]["uid"])
    template = cron_job["spec"]["jobTemplate"]["spec"]
    assert job["spec"]["template"]["spec"] == template["template"]["spec"]
    assert job["spec"]["activeDeadlineSeconds"] == template["activeDeadlineSeconds"]
    assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    cluster.run_job(job, plan)
    cluster.says("Healthy", "True", "WithinThresholds")

    # The value stays on the check; neither a restart nor the Job's end of life brings another round.
    cluster.kubectl("delete", "job", job["metadata"]["name"])
    operator.end(signal.SIGKILL)
    operator.start()
    cluster.check({**CRON, "thresholds": {"lossPercent": "2"}})
    eventually(
        lambda: cluster.condition("Ready").get("observedGeneration") == 2,
        what="the new generation reconciled",
    )
    assert jobs(cluster) == []
    run_now(cluster, "2")
    outcome(cluster, "2")
    (second,) = jobs(cluster)
    assert second["metadata"]["name"] != job["metadata"]["name"]
    # Back to an earlier value: that is a new one as well.
    cluster.run_job(second, plan)
    eventually(lambda: operator.results("Accepted") >= 1, what="the second extra round counted")
    run_now(cluster, "1")
    outcome(cluster, "1")
    assert len({each["metadata"]["name"] for each in (job, *jobs(cluster))}) == 3
    eventually(lambda: told(cluster) == ["RunNow"] * 3, what="an event for each")


def test_a_round_that_runs_comes_to_its_end_first(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    pod = cluster.round_pod(cron_job)
    by_the_schedule = jobs(cluster)
    cluster.check(CRON, name="witness")
    run_now(cluster, "1")
    cluster.kubectl("annotate", "itc", "witness", "ipsecping.dev/run-now=1")
    eventually(lambda: "runNow" in cluster.status("witness"), what="the extra round of the other check")
    mine = [job for job in jobs(cluster) if job["metadata"]["labels"]["ipsecping.dev/check"] == "hq"]
    assert mine == by_the_schedule
    cluster.set_status("pod", pod, ended(message(plan)))
    assert outcome(cluster, "1")["outcome"] == "Started"


def test_a_suspended_check_says_why_nothing_runs(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({**CRON, "suspend": True})
    cluster.one("cronjob")
    run_now(cluster, "1")
    said = outcome(cluster, "1")
    assert (said["outcome"], said["message"]) == ("NotStarted", "spec.suspend is true; set it to false first")
    eventually(lambda: told(cluster) == ["RunNowNotStarted"], what="an event that says so")
    cluster.check({**CRON, "suspend": False})
    cluster.says("Ready", "True", "Reconciled")
    assert jobs(cluster) == [], "what was asked for while it was suspended is over"


def test_an_agent_runs_an_extra_round_once_and_keeps_its_window(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(RARE)
    agent = cluster.run_agent()
    cluster.says("Ready", "True", "Reconciled")
    nonce = cluster.one("configmap")["metadata"]["annotations"]["ipsecping.dev/plan-nonce"]
    for value in ("1", "2"):
        run_now(cluster, value)
        eventually(lambda: request_id(cluster), what="a request in the plan")
        named = request_id(cluster)
        eventually(lambda named=named: told_of(cluster, agent.name) == named, what="the pod refreshed")  # type: ignore[misc]
        deliver(cluster, agent.process.log.parent)
        assert outcome(cluster, value)["message"] == "an extra round was measured on default"
        eventually(lambda: not request_id(cluster), what="the request taken from the plan")
        deliver(cluster, agent.process.log.parent)
    eventually(lambda: cluster.status()["probes"][0]["sent"] == 2, what="both rounds in one window")
    annotations = cluster.one("configmap")["metadata"]["annotations"]
    assert annotations["ipsecping.dev/plan-nonce"] == nonce
    assert "ipsecping.dev/run-now" not in annotations
    operator.end(signal.SIGKILL)
    operator.start()
    cluster.says("Ready", "True", "Reconciled")
    assert operator.results("OtherPlan") == 0
    assert told(cluster) == ["RunNow", "RunNow"]
    assert request_id(cluster) is None


def request_id(cluster: Cluster) -> str | None:
    """The one plan's request for an extra round."""
    found: str | None = json.loads(cluster.one("configmap")["data"]["plan.json"])["checks"][0].get("runNow")
    return found


def told_of(cluster: Cluster, pod: str) -> str | None:
    """The request that a pod was told of."""
    return cluster.annotation(pod, "ipsecping.dev/run-now")


def deliver(cluster: Cluster, directory: Path) -> None:
    """What the kubelet does with an edited ConfigMap."""
    (directory / "next").write_text(cluster.one("configmap")["data"]["plan.json"])
    (directory / "next").replace(directory / "plan.json")
