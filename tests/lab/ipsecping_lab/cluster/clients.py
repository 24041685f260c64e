"""Command lines of kubectl and helm against the lab's cluster, from any directory of the machine."""

from __future__ import annotations

import os
from pathlib import Path

from ..host.namespaces import in_network
from ..layout import Layout


def command(layout: Layout, program: Path) -> list[str]:
    """``kubectl`` or ``helm`` in the lab's network namespace, to be run with :func:`environment`."""
    return [*in_network(layout.netns), str(program)]


def environment(layout: Layout) -> dict[str, str]:
    """The administrator's credentials, and caches inside the lab's state, so that `lab down` removes them."""
    clients = layout.state / "clients"
    return {
        **os.environ,
        "KUBECONFIG": str(layout.kubeconfig),
        "KUBECACHEDIR": str(clients / "kube"),
        "HELM_CACHE_HOME": str(clients / "helm-cache"),
        "HELM_CONFIG_HOME": str(clients / "helm-config"),
        "HELM_DATA_HOME": str(clients / "helm-data"),
    }
