"""Cron checks: one round by a Job, without any access to the API."""

import time
from typing import Any

from ipsecping_lab import workbench
from ipsecping_lab.workbench import kubectl, wait_for

from .bench import FAR_A, FAR_B, STAMP, Bench, milliseconds, operator_pods


def job_pods(bench: Bench, name: str) -> list[dict[str, Any]]:
    """Those that have ended well, at least one: a result is read before its pod is said to have ended."""
    deadline = time.monotonic() + 30
    while not (ended := _succeeded(bench, name)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return ended


def _succeeded(bench: Bench, name: str) -> list[dict[str, Any]]:
    return [pod for pod in bench.children("pods", name) if pod["status"]["phase"] == "Succeeded"]


def test_a_cron_check_brings_its_result_home_in_the_termination_message(bench: Bench) -> None:
    # The second check drops all packets: its Job must succeed all the same, for it did measure.
    bench.declare("minutely", target=FAR_A, schedule={"cron": "* * * * *"}, probes=[STAMP])
    bench.declare(
        "lost",
        target=FAR_B,
        schedule={"cron": "* * * * *", "timeZone": "Europe/Berlin"},
        probes=[{"name": "echo", "count": 3, "timeout": "300ms", "udpEcho": {"port": 55999}}],
        thresholds={"downAfter": 1},
    )
    check = bench.wait_for_reason("minutely", "WithinThresholds", seconds=100)
    (probe,) = check["status"]["probes"]
    assert probe["sent"] == probe["received"] == STAMP["count"]
    assert milliseconds(probe["rtt"]["p50"]) > 0
    (pod, *_) = job_pods(bench, "minutely")
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert [v["name"] for v in pod["spec"]["volumes"]] == ["plan"]
    bench.wait_for_reason("lost", "Down", seconds=30)
    assert job_pods(bench, "lost")

    # A message from a pod that is dressed up as the check's, but belongs to nobody, changes nothing.
    message = pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"]
    impostor = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "impostor",
            "namespace": bench.namespace,
            "labels": pod["metadata"]["labels"],
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": pod["spec"]["securityContext"],
            "containers": [
                {
                    "name": pod["spec"]["containers"][0]["name"],
                    "image": pod["spec"]["containers"][0]["image"],
                    "command": ["python3", "-c", f"open('/dev/termination-log', 'w').write({message!r})"],
                    "securityContext": pod["spec"]["containers"][0]["securityContext"],
                }
            ],
        },
    }
    # Suspended, so that no honest round changes the figures meanwhile.
    kubectl(
        "-n", bench.namespace, "patch", "itc", "minutely", "--type=merge", "-p", '{"spec":{"suspend":true}}'
    )
    before = bench.wait_for_reason("minutely", "Suspended")["status"]["probes"]
    workbench.apply(impostor)
    wait_for(
        "the impostor's message",
        lambda: workbench.get("pod", "impostor", namespace=bench.namespace)["status"]["phase"],
        lambda phase: phase == "Succeeded",
        seconds=60,
    )
    wait_for(
        "the operator to have counted the foreign pod as dropped",
        lambda: kubectl("get", "--raw", f"{metrics_path()}/metrics"),
        lambda text: 'ipsecping_operator_objects_dropped_total{kind="Pod",reason="NoOwner"}' in text,
        seconds=30,
    )
    assert bench.check("minutely")["status"]["probes"] == before


def metrics_path() -> str:
    namespace = workbench.OPERATOR_NAMESPACE
    (pod,) = operator_pods()
    return f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}:9090/proxy"


def test_a_check_changes_between_interval_and_cron_by_apply_edit_and_patch(bench: Bench) -> None:
    namespace = bench.namespace
    bench.declare("both", target=FAR_A, schedule={"interval": "5s"})

    def kinds() -> tuple[bool, bool]:
        return bool(bench.children("deployments", "both")), bool(bench.children("cronjobs", "both"))

    wait_for("a Deployment", kinds, lambda k: k == (True, False), seconds=30)
    bench.declare("both", target=FAR_A, schedule={"cron": "0 3 * * *"})
    wait_for("a CronJob only", kinds, lambda k: k == (False, True), seconds=30)
    patch = '{"spec":{"schedule":{"cron":null,"interval":"5s"}}}'
    kubectl("-n", namespace, "patch", "itc", "both", "--type=merge", "-p", patch)
    wait_for("a Deployment only", kinds, lambda k: k == (True, False), seconds=30)
    refused = workbench.kubectl_refused(
        "-n",
        namespace,
        "patch",
        "itc",
        "both",
        "--type=merge",
        "-p",
        '{"spec":{"schedule":{"cron":"0 4 * * *"}}}',
    )
    assert "spec.schedule" in refused
    # kubectl edit, with an editor that changes the line as a person would
    editor = 'sed -i "s/interval: 5s/cron: 0 3 * * */"'
    kubectl("-n", namespace, "edit", "itc", "both", environment={"KUBE_EDITOR": editor})
    wait_for("a CronJob only, after the edit", kinds, lambda k: k == (False, True), seconds=30)
