"""From interval to cron and back, by every way that kubectl has."""

import json
from pathlib import Path
from typing import Any

import pytest

from .kubectl import Kubectl, manifest

INTERVAL = {"target": "203.0.113.10", "schedule": {"interval": "10s"}}
CRON = {"target": "203.0.113.10", "schedule": {"cron": "*/5 * * * *", "timeZone": "Europe/Berlin"}}


def schedule(kubectl: Kubectl) -> dict[str, str]:
    found: dict[str, str] = kubectl.get("itc", "hq-dc1")["spec"]["schedule"]
    return found


@pytest.mark.parametrize(
    "way",
    [("apply",), ("apply", "--server-side"), ("replace",)],
    ids=["apply", "server-side-apply", "replace"],
)
def test_the_new_manifest_is_enough(kubectl: Kubectl, way: tuple[str, ...]) -> None:
    first = ("create",) if way == ("replace",) else way
    kubectl(*first, "-f", "-", stdin=manifest(INTERVAL))
    kubectl(*way, "-f", "-", stdin=manifest(CRON))
    assert schedule(kubectl) == CRON["schedule"]
    kubectl(*way, "-f", "-", stdin=manifest(INTERVAL))
    assert schedule(kubectl) == INTERVAL["schedule"]


def test_an_edit_that_replaces_the_line_is_enough(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", "-", stdin=manifest(INTERVAL))
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s|interval: 10s|cron: "*/5 * * * *"|\' "$1"\n')
    editor.chmod(0o755)
    kubectl("edit", "itc", "hq-dc1", KUBE_EDITOR=str(editor))
    assert schedule(kubectl) == {"cron": "*/5 * * * *"}


def test_a_merge_patch_that_removes_the_other_is_enough(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest(INTERVAL))
    patch = json.dumps({"spec": {"schedule": {"interval": None, "cron": "@hourly"}}})
    kubectl("patch", "itc", "hq-dc1", "--type=merge", "--patch", patch)
    assert schedule(kubectl) == {"cron": "@hourly"}


def test_a_json_patch_that_replaces_the_schedule_is_enough(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest(INTERVAL))
    patch = json.dumps([{"op": "replace", "path": "/spec/schedule", "value": {"cron": "@hourly"}}])
    kubectl("patch", "itc", "hq-dc1", "--type=json", "--patch", patch)
    assert schedule(kubectl) == {"cron": "@hourly"}


def test_a_merge_patch_that_leaves_both_is_refused_naming_both(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest(INTERVAL))
    patch = json.dumps({"spec": {"schedule": {"cron": "@hourly"}}})
    said = kubectl.refused("patch", "itc", "hq-dc1", "--type=merge", "--patch", patch)
    assert "spec.schedule.cron: Forbidden" in said
    assert "spec.schedule.interval and spec.schedule.cron" in said
    assert schedule(kubectl) == INTERVAL["schedule"]


def test_a_probe_changes_its_type_by_the_new_manifest(kubectl: Kubectl) -> None:
    members: tuple[dict[str, Any], ...] = ({"icmp": {}}, {"stamp": {"port": 1862}}, {"udpEcho": {"port": 7}})
    for way in (["apply"], ["apply", "--server-side", "--force-conflicts"]):
        for member in members:
            spec = {"target": "203.0.113.10", "probes": [{"name": "a", **member}]}
            kubectl(*way, "-f", "-", stdin=manifest(spec))
            assert kubectl.get("itc", "hq-dc1")["spec"]["probes"] == [{"name": "a", **member}]
        kubectl("delete", "itc", "hq-dc1")
