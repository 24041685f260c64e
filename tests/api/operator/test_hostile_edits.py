"""What somebody who may edit checks can try: odd values, many of them, and checks that are never gone."""

import hashlib
import json
import signal
from typing import Any

import pytest

from ipsecping.printable import within
from ipsecping_operator.report.events import MAX_NOTE

from .cluster import Cluster
from .processes import OperatorProcess, eventually

CRON = {"schedule": {"cron": "0 0 1 1 *"}}
FINALIZERS = ("patch", "itc", "hq", "--type=merge", "--patch")
EMOJI = "\N{PUBLIC ADDRESS LOUDSPEAKER}\x85\N{BELL}"
"""Two characters that take two units of UTF-16 each, and one that YAML does not take as it is."""


def run_now(cluster: Cluster, value: str) -> None:
    patch = json.dumps({"metadata": {"annotations": {"ipsecping.dev/run-now": value}}})
    cluster.kubectl("patch", "itc", "hq", "--type=merge", f"--patch={patch}")


def said(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.status().get("runNow", {})
    return found


def test_any_characters_of_an_annotation_reach_the_status(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON)
    cluster.one("cronjob")
    run_now(cluster, EMOJI)
    eventually(lambda: said(cluster).get("value") == EMOJI, what="the value in the status", seconds=20)
    assert operator.sample('ipsecping_operator_faults_total{where="write"}') == 0


@pytest.mark.long
def test_extra_rounds_come_one_after_the_other_however_many_are_asked_for(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    """No controller makes pods here, as where a quota is used up."""
    cluster.check(CRON)
    cluster.one("cronjob")
    run_now(cluster, "0")
    eventually(lambda: said(cluster).get("value") == "0", what="the first extra round")
    for value in range(1, 10):
        run_now(cluster, str(value))
    cluster.check({**CRON, "thresholds": {"lossPercent": "2"}})
    eventually(lambda: cluster.condition("Ready").get("observedGeneration") == 2, what="the edit taken up")
    (job,) = cluster.children("job")
    assert said(cluster)["value"] == "0"
    cluster.kubectl("delete", "job", job["metadata"]["name"])
    # A Job that goes tells nobody.
    eventually(lambda: said(cluster)["value"] == "9", what="the newest of those asked for", seconds=30)
    assert len(cluster.children("job")) == 1


def test_a_check_that_a_finalizer_keeps_is_measured_no_more(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"interval": "1s"}, "probes": [{"name": "p", "count": 1, "tcp": {"port": 1}}]})
    cluster.kubectl(*FINALIZERS, '{"metadata": {"finalizers": ["example.com/mine"]}}')
    cluster.run_agent()
    cluster.says("Healthy", "False", "Down")
    cluster.kubectl("delete", "itc", "hq", "--wait=false")
    cluster.says("Ready", "False", "WorkloadUnavailable", saying="is being deleted")
    left = ("deployment", "configmap")
    eventually(lambda: not [each for kind in left for each in cluster.children(kind)], what="no children")
    cluster.says("Healthy", "Unknown", "StaleResults")
    cluster.kubectl(*FINALIZERS, '{"metadata": {"finalizers": []}}')
    assert operator.sample("ipsecping_operator_faulty_checks") == 0


def test_a_job_that_somebody_made_beforehand_is_not_the_extra_round(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    """Its name follows from the check's UID, the annotation and the status, which many may read."""
    uid = cluster.check(CRON)
    cron_job = cluster.one("cronjob")
    cluster.says("Ready", "True", "Reconciled")
    request_id = hashlib.sha256(b"1/").hexdigest()[:8]
    name = f"{cron_job['metadata']['name']}-{request_id}"
    template = cron_job["spec"]["jobTemplate"]
    metadata = {"name": name, "labels": {"ipsecping.dev/check-uid": uid}}
    cluster.make({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]})
    run_now(cluster, "1")
    eventually(lambda: said(cluster), what="what has become of it")
    assert (said(cluster)["outcome"], said(cluster)["message"]) == (
        "NotStarted",
        f"Job {name} is there already and is not the check's: delete it",
    )
    run_now(cluster, "2")
    eventually(lambda: said(cluster)["value"] == "2", what="the next one")
    assert said(cluster)["outcome"] == "Started"


def test_an_invalid_spec_does_not_keep_what_an_earlier_run_made(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    """Nobody knows any more what was valid, nor whether it is permitted; its results could not be read."""
    cluster.check({"schedule": {"interval": "1m"}})
    cluster.one("deployment")
    cluster.check({"schedule": {"cron": "0 0 31 2-2 *"}})
    cluster.says("Ready", "False", "InvalidSpec")
    cluster.one("deployment")
    operator.end(signal.SIGKILL)
    operator.start()
    left = ("deployment", "configmap")
    eventually(lambda: not [each for kind in left for each in cluster.children(kind)], what="no children")
    unmeasured = "nothing is measured while the spec is invalid"
    eventually(
        lambda: cluster.condition("Healthy").get("message") == unmeasured, what="a status that says so"
    )


def test_a_note_as_long_as_may_be_about_a_check_whose_name_is_cut_at_a_dot_is_posted(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    name = "a" * 199 + "." + "b" * 50
    cluster.check({**CRON, "suspend": True}, name=name)
    cluster.kubectl("annotate", "itc", name, "ipsecping.dev/run-now=1")
    eventually(lambda: cluster.events(name), what="an event")
    told = cluster.events(name)[0]
    again = {key: told[key] for key in told if key != "metadata"} | {"metadata": {"name": "long"}}
    cluster.make(again | {"note": within("a" * 1022 + "\N{BELL}" * 2, MAX_NOTE)})
    with pytest.raises(AssertionError, match="1024"):
        cluster.make(again | {"metadata": {"name": "longer"}, "note": "a" * 1023 + "…"})
