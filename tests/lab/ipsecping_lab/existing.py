"""LAB=existing: kubectl and helm go to a cluster of the user's own, named explicitly."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .building.binaries import binaries
from .errors import LabError
from .host.commands import run
from .progress import Progress

_CONTEXT_FLAG = {"kubectl": "--context", "helm": "--kube-context"}


def chosen(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the user asked for their own cluster.

    Raises:
        LabError: ``LAB`` says something else than ``existing``.
    """
    wish = environment.get("LAB", "")
    if wish not in {"", "existing"}:
        raise LabError(
            f"LAB={wish!r}: the only value is 'existing'; without LAB the lab's own cluster is used"
        )
    return wish == "existing"


def require_own_lab(command: str) -> None:
    """Refuse a command that works on the lab's own machines only.

    Raises:
        LabError: with LAB=existing.
    """
    if chosen():
        raise LabError(
            f"`lab {command}` does not apply with LAB=existing: "
            "your cluster and your tunnels are not the lab's"
        )


def context(available: list[str], environment: Mapping[str, str] = os.environ) -> str:
    """The kubeconfig's context that the user named.

    Raises:
        LabError: none was named, or there is no such context.
    """
    wanted = environment.get("LAB_CONTEXT", "")
    listed = ", ".join(sorted(available)) or "none"
    if not wanted:
        raise LabError(
            "LAB=existing changes a real cluster: name its context explicitly with LAB_CONTEXT=... "
            f"(the kubeconfig has: {listed})"
        )
    if wanted not in available:
        raise LabError(f"LAB_CONTEXT={wanted!r} is not in the kubeconfig (it has: {listed})")
    return wanted


def far_end(environment: Mapping[str, str] = os.environ) -> str:
    """The host behind the user's own tunnel.

    Raises:
        LabError: none was named.
    """
    if not (named := environment.get("IPSECPING_TARGET")):
        raise LabError(
            "LAB=existing: name the target, a host with a STAMP reflector: IPSECPING_TARGET=ADDRESS"
        )
    return named


def image(variable: str, environment: Mapping[str, str] = os.environ) -> str:
    """An image that the user's cluster can pull.

    Raises:
        LabError: none was named.
    """
    if not (named := environment.get(variable)):
        raise LabError(f"LAB=existing: name an image that the cluster can pull: {variable}=REPOSITORY:TAG")
    return named


def serves(deployment: Mapping[str, Any], namespace: str) -> bool:
    """Whether a Deployment runs an operator of ours that serves the namespace."""
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        first, *flags = container.get("args") or [""]
        if first == "run" and any(flag.startswith("--probe-image=") for flag in flags):
            named = [flag.partition("=")[2] for flag in flags if flag.startswith("--namespaces=")]
            return not named or namespace in named[-1].split(",")
    return False


def command(program: str) -> list[str]:
    """The words of ``kubectl`` or ``helm`` for the user's cluster.

    Raises:
        LabError: KUBECONFIG is not set, or no context was named.
    """
    if not os.environ.get("KUBECONFIG"):
        raise LabError("LAB=existing needs KUBECONFIG=/path/to/kubeconfig")
    listing = run([_find("kubectl"), "config", "get-contexts", "--output=name"]).stdout
    return [str(_find(program)), _CONTEXT_FLAG[program], context(listing.split())]


def _find(program: str) -> Path:
    """The user's own program, else the lab's."""
    own = shutil.which(program)
    return Path(own) if own else binaries([program], progress=Progress())[program]
