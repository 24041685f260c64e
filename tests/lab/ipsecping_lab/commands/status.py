"""lab status: what is up, since when, in which version."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from .. import existing
from ..building.binaries import COREDNS_VERSION, HELM_VERSION, KUBERNETES_VERSION
from ..cluster import lifecycle as cluster
from ..cluster import node
from ..errors import LabError
from ..host.processes import running
from ..ipsec import faults, tunnels
from ..ipsec.control import Control
from ..ipsec.lifecycle import SUPERVISOR
from ..layout import REPOSITORY, Layout


def show(*, as_json: bool) -> int:
    """Print the state; exit 0 when all of the lab is up, else 1."""
    existing.require_own_lab("status")
    state = collect(Layout.from_environment())
    print(json.dumps(state, indent=2) if as_json else "\n".join(_lines(state)))
    return 0


def collect(layout: Layout) -> dict[str, Any]:
    """The state as plain data. ``up``: cluster and gateways with all tunnels."""
    cluster_state, gateways = _cluster(layout), _gateways(layout)
    return {
        "name": layout.name,
        "up": bool(cluster_state["up"] and gateways["up"]),
        "state_directory": str(layout.state),
        "repository": str(REPOSITORY),
        "kubeconfig": str(layout.kubeconfig),
        "network_namespace": str(layout.netns),
        "cluster": cluster_state,
        "gateways": gateways,
    }


def _cluster(layout: Layout) -> dict[str, Any]:
    first = node.init(layout)
    pids = cluster.component_pids(layout)
    return {
        "up": first is not None and all(pid is not None for pid in pids.values()),
        "seconds": round(first.age()) if first is not None else None,
        "versions": {"kubernetes": KUBERNETES_VERSION, "helm": HELM_VERSION, "coredns": COREDNS_VERSION},
        "pids": {"node": first.pid if first is not None else None, **pids},
    }


def _gateways(layout: Layout) -> dict[str, Any]:
    owner = running(layout.record(SUPERVISOR))
    down: dict[str, Any] = {"up": False, "seconds": None, "tunnels": [], "faults": [], "responders": {}}
    if owner is None:
        return down
    control = Control(layout)
    try:
        found = tunnels.tunnels(control)
        in_force = faults.in_force(control)
        services = control.services()
    except LabError as error:
        return {**down, "error": error.message}
    return {
        "up": all(tunnel.child == "INSTALLED" for tunnel in found.values()),
        "seconds": round(owner.age()),
        "tunnels": [{**asdict(tunnel), "established": tunnel.established} for tunnel in found.values()],
        "faults": [fault.as_data() for fault in in_force],
        "responders": {key: alive for key, alive in services.items() if "-" in key},
    }


def _lines(state: dict[str, Any]) -> list[str]:
    cluster_state, gateways = state["cluster"], state["gateways"]
    lines = [f"lab {state['name']}: {'up' if state['up'] else 'not (all) up'}"]
    versions = ", ".join(f"{name} {version}" for name, version in cluster_state["versions"].items())
    lines.append(f"  cluster    {_since(cluster_state)}  ({versions})")
    lines += [f"    not running: {name}" for name, pid in cluster_state["pids"].items() if pid is None]
    lines.append(f"  gateways   {_since(gateways)}")
    for tunnel in gateways["tunnels"]:
        ike, child = tunnel["ike"] or "none", tunnel["child"] or "none"
        lines.append(f"    path {tunnel['path']}: IKE {ike}, ESP {child} {tunnel['mode']}")
    lines += [
        f"    {key}: {'answers' if alive else 'stopped'}" for key, alive in gateways["responders"].items()
    ]
    lines += [f"    fault in force: {fault['text']}" for fault in gateways["faults"]]
    lines.append(f"  kubeconfig {state['kubeconfig']}, in the network namespace {state['name']}")
    return lines


def _since(part: dict[str, Any]) -> str:
    if not part["up"]:
        return f"down{': ' + part['error'] if 'error' in part else ''}"
    minutes, seconds = divmod(part["seconds"], 60)
    return f"up for {minutes} min {seconds:02d} s"
