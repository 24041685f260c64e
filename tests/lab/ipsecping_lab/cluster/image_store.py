"""The images that the running cluster's containerd holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..building import oci
from ..host.commands import run
from ..layout import Layout
from . import node

_CTR = ("ctr", "--namespace=k8s.io", "images")


def held(layout: Layout) -> dict[str, str]:
    """Image name to the digest that it stands for."""
    lines = run([*node.inside(layout), *_CTR, "ls"]).stdout.splitlines()[1:]
    fields = (line.split() for line in lines)
    return {words[0]: words[2] for words in fields if len(words) > 2}


def bring(layout: Layout, archives: Iterable[tuple[str, Path]]) -> list[str]:
    """Import those (name, OCI archive) that containerd does not hold yet, and name them."""
    there = held(layout)
    missing = [(name, path) for name, path in archives if there.get(name) != oci.manifest_digest(path)]
    for _, path in missing:
        run([*node.inside(layout), *_CTR, "import", path])
    return [name for name, _ in missing]
