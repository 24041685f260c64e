"""Whatever becomes of a check in its life, every way that kubectl has to change one takes it there."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from .kubectl import Kubectl, manifest

AUTH = {"secretName": "ipsecping-tunnel-keys", "key": "hq-dc1"}
LIFE: tuple[dict[str, Any], ...] = (
    {"target": "203.0.113.10"},
    {"target": "203.0.113.10", "probes": [{"name": "a", "stamp": {"auth": AUTH}}]},
    {
        "target": "203.0.113.10",
        "probes": [{"name": "a", "size": 160, "stamp": {"auth": AUTH}}, {"name": "b", "icmp": {}}],
        "verify": {"sourceSeen": ["10.244.0.0/16"]},
    },
    {
        "target": "db.dc1.example",
        "schedule": {"cron": "0 * * * *", "timeZone": "Europe/Berlin"},
        "probes": [{"name": "b", "count": 3, "tcp": {"port": 443, "tls": {"minValidDays": 7}}}],
        "thresholds": {"lossPercent": "2.5", "rtt": {"p99": "100ms"}},
    },
    {
        "target": "db.dc1.example",
        "paths": [
            {"name": "primary"},
            {"name": "backup", "target": "2001:db8::10", "placement": {"nodeSelector": {"uplink": "lte"}}},
        ],
        "probes": [
            {"name": "b", "expect": "Blocked", "tcp": {"port": 443}},
            {"name": "m", "pathMTU": {"auth": AUTH}},
        ],
        "thresholds": {"pathMTU": 1400},
        "placement": {"tolerations": [{"operator": "Exists"}], "hostNetwork": True},
    },
    {
        "target": "203.0.113.11",
        "tunnel": {"gateway": "198.51.100.2"},
        "paths": [{"name": "backup"}],
        "probes": [{"name": "m", "ike": {"detectNAT": True}}],
        "suspend": True,
    },
    {"target": "203.0.113.10"},
)

Way = Callable[[Kubectl, dict[str, Any], dict[str, Any], Path], None]


def applied(*flags: str) -> Way:
    def change(kubectl: Kubectl, before: dict[str, Any], after: dict[str, Any], folder: Path) -> None:
        kubectl("apply", *flags, "-f", "-", stdin=manifest(after))

    return change


def replaced(kubectl: Kubectl, before: dict[str, Any], after: dict[str, Any], folder: Path) -> None:
    kubectl("replace", "-f", "-", stdin=manifest(after))


def edited(kubectl: Kubectl, before: dict[str, Any], after: dict[str, Any], folder: Path) -> None:
    """An editor that leaves all but the spec as it was, and keeps what it was shown."""
    found = kubectl.get("itc", "hq-dc1")
    (folder / "edited").write_text(json.dumps({**found, "spec": after}))
    editor = folder / "editor"
    editor.write_text(f'#!/bin/sh\ncat "$1" >> "{folder}/shown"\ncp "{folder}/edited" "$1"\n')
    editor.chmod(0o755)
    done = kubectl.run("edit", "itc", "hq-dc1", KUBE_EDITOR=str(editor))
    assert done.returncode == 0, (folder / "shown").read_text()


def merged(kubectl: Kubectl, before: dict[str, Any], after: dict[str, Any], folder: Path) -> None:
    """A merge patch replaces lists, and what is no longer wanted has to be said."""
    patch = {"spec": dict.fromkeys(before) | after}
    for field in before.keys() & after.keys():
        if isinstance(before[field], dict):
            patch["spec"][field] = dict.fromkeys(before[field]) | after[field]
    kubectl("patch", "itc", "hq-dc1", "--type=merge", "--patch", json.dumps(patch))


def patched(kubectl: Kubectl, before: dict[str, Any], after: dict[str, Any], folder: Path) -> None:
    patch = [{"op": "replace", "path": "/spec", "value": after}]
    kubectl("patch", "itc", "hq-dc1", "--type=json", "--patch", json.dumps(patch))


WAYS: dict[str, Way] = {
    "apply": applied(),
    "server-side-apply": applied("--server-side"),
    "replace": replaced,
    "edit": edited,
    "merge-patch": merged,
    "json-patch": patched,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_check_can_become_any_other_by(kubectl: Kubectl, way: str, tmp_path: Path) -> None:
    first = WAYS[way] if "apply" in way else applied()
    first(kubectl, {}, LIFE[0], tmp_path)
    for before, after in pairwise(LIFE):
        WAYS[way](kubectl, before, after, tmp_path)
        assert kubectl.get("itc", "hq-dc1")["spec"] == after


@pytest.mark.parametrize("way", ["apply", "server-side-apply", "edit", "json-patch"])
def test_an_edit_to_something_wrong_is_refused_by_its_field_and_changes_nothing(
    kubectl: Kubectl, way: str, tmp_path: Path
) -> None:
    first = WAYS[way] if "apply" in way else applied()
    first(kubectl, {}, LIFE[0], tmp_path)
    wrong = LIFE[0] | {"probes": [{"name": "a", "icmp": {}}], "verify": {"sourceSeen": ["10.244.0.0/16"]}}
    with pytest.raises(AssertionError, match=r"spec\.verify: .*no probe asks for it"):
        WAYS[way](kubectl, LIFE[0], wrong, tmp_path)
    assert kubectl.get("itc", "hq-dc1")["spec"] == LIFE[0]
