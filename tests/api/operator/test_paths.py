"""Several paths: a workload for each, none left over, and word of it when another one is preferred."""

from typing import Any

from .cluster import Cluster
from .processes import OperatorProcess, eventually

PATHS = [{"name": "primary"}, {"name": "backup", "target": "127.0.0.2"}]
CRON = {"schedule": {"cron": "*/5 * * * *"}, "thresholds": {"downAfter": 1}}


def test_each_path_has_children_and_a_removed_path_leaves_none(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"paths": PATHS})
    for path in ("primary", "backup"):
        cluster.one("configmap", path=path)
        cluster.one("deployment", path=path)
    primary = cluster.one("deployment", path="primary")["metadata"]["uid"]
    cluster.check({"paths": PATHS[:1]})
    eventually(lambda: len(cluster.children("deployment")) == 1, what="the Deployment removed")
    eventually(lambda: len(cluster.children("configmap")) == 1, what="the ConfigMap removed")
    assert cluster.one("deployment", path="primary")["metadata"]["uid"] == primary, "it goes on measuring"


def test_another_preferred_path_is_an_event_that_says_why(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON | {"paths": PATHS})

    def rounds(**received: int) -> None:
        for path, count in received.items():
            cron_job, plan = (cluster.one(kind, path=path) for kind in ("cronjob", "configmap"))
            cluster.finish_round(cron_job, plan, received=count)

    def state(path: str) -> Any:
        return next((p["state"] for p in cluster.status().get("paths", []) if p["name"] == path), None)

    rounds(primary=10, backup=10)
    cluster.says("Healthy", "True", "WithinThresholds")
    assert cluster.status()["preferredPath"] == "primary"
    rounds(primary=0)
    cluster.says("Healthy", "False", "Down")
    eventually(lambda: cluster.status()["preferredPath"] == "backup", what="the other path preferred")
    assert (state("primary"), state("backup")) == ("Unhealthy", "Healthy")
    assert cluster.status()["headline"]["path"] == "backup"
    eventually(
        lambda: any(each["reason"] == "PreferredPathChanged" for each in cluster.events()),
        what="the event of the other path",
    )
    (told,) = (each for each in cluster.events() if each["reason"] == "PreferredPathChanged")
    assert told["type"] == "Warning"
    assert told["note"].startswith("backup instead of primary: Down: no answer to the last 10 packets")
    (change,) = cluster.status()["preferredPathChanges"]
    assert (change["from"], change["to"], change["reason"]) == ("primary", "backup", "Down")
    rounds(backup=0)
    eventually(lambda: state("backup") == "Unhealthy", what="both paths unhealthy")
    assert cluster.status()["preferredPath"] == "backup", "no other is better"
    cluster.says("Healthy", "False", "Down", saying="; all 2 paths fail")


def test_a_dead_backup_is_a_warning_where_any_path_will_do(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON | {"paths": PATHS, "healthyWhen": "Any"})
    for path, received in (("primary", 10), ("backup", 0)):
        cron_job, plan = (cluster.one(kind, path=path) for kind in ("cronjob", "configmap"))
        cluster.finish_round(cron_job, plan, received=received)
    eventually(
        lambda: [path["state"] for path in cluster.status().get("paths", [])] == ["Healthy", "Unhealthy"],
        what="a backup that is unhealthy",
    )
    warning = "; warning: path backup of 2: Down: no answer"
    cluster.says("Healthy", "True", "WithinThresholds", saying=warning)
    assert "outages" not in cluster.status()
    eventually(
        lambda: (
            [each["type"] for each in cluster.events() if each["reason"] == "PathUnhealthy"] == ["Warning"]
        ),
        what="one event of the backup",
    )
