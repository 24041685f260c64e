"""Argo CD's view of objects: the scripts of manifests/gitops/argocd/, run as Argo CD runs them."""

import copy
import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ipsecping_lab.building.binaries import binaries

CONFIG_MAP = Path(__file__).parents[1] / "manifests" / "gitops" / "argocd" / "argocd-cm.yaml"
_KIND = "ipsecping.dev_IPsecTunnelCheck"
Object = dict[str, Any]


@cache
def customizations() -> tuple[str, Mapping[str, str]]:
    """The script for health, and those for actions by name; `discovery.lua` is the one that lists them."""
    data = yaml.safe_load(CONFIG_MAP.read_text())["data"]
    actions = yaml.safe_load(data[f"resource.customizations.actions.{_KIND}"])
    scripts = {each["name"]: each["action.lua"] for each in actions["definitions"]}
    health: str = data[f"resource.customizations.health.{_KIND}"]
    return health, scripts | {"discovery.lua": actions["discovery.lua"]}


def run(script: str, *objects: Object) -> list[Any]:
    """What the script returns for each object; fails the test when it fails."""
    jobs = [{"script": script, "object": each} for each in objects]
    program = binaries(["argocd-lua"])["argocd-lua"]
    done = subprocess.run([program], input=json.dumps(jobs), capture_output=True, text=True, check=True)
    outcomes = json.loads(done.stdout)
    assert [each for each in outcomes if "error" in each] == []
    return [each["result"] for each in outcomes]


def health(*objects: Object) -> list[tuple[str, str]]:
    """Status and message of each object."""
    return [(each["status"], each["message"]) for each in run(customizations()[0], *objects)]


def offered(found: Object) -> set[str]:
    """The names of the actions that can be clicked."""
    (actions,) = run(customizations()[1]["discovery.lua"], found)
    return {name for name, said in actions.items() if not said["disabled"]}


def patch_of(action: str, found: Object) -> Object:
    """The JSON merge patch (RFC 7386) that Argo CD makes of what the action returns."""
    (returned,) = run(customizations()[1][action], copy.deepcopy(found))
    made = merge_patch(found, returned)
    return made if isinstance(made, dict) else {}


def merge_patch(before: Any, after: Any) -> Any:
    """What has to be merged into `before` to have `after`; None for nothing.

    An empty list for an empty object is none: Lua knows no difference, and Argo CD puts it right.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        changed: Object = {key: None for key in before.keys() - after.keys() if before[key] is not None}
        for key, value in after.items():
            inner = merge_patch(before.get(key), value)
            if inner is not None:
                changed[key] = inner
        return changed or None
    return None if _same(before, after) else after


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        return merge_patch(before, after) is None
    return before == after or (before in ({}, []) and after in ({}, []))
