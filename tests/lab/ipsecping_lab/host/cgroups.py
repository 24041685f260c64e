"""The lab's own cgroup: ``/LAB_NAME/system`` for the components, ``/LAB_NAME/kubepods`` by the kubelet.

Under cgroup v1 there is one tree for each controller, under v2 a single one.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from ..errors import LabError

ROOT = Path("/sys/fs/cgroup")
_V1 = (
    "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd", "unified",
)  # fmt: skip
_V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "pids")


def trees() -> list[Path]:
    """The mounted trees in which the lab makes a group."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    found = [ROOT / controller for controller in _V1 if (ROOT / controller / "cgroup.procs").exists()]
    if not found:
        raise LabError(f"no cgroups are mounted under {ROOT}: Kubernetes needs them (mount cgroup2 there)")
    return found


def make(name: str) -> None:
    """Create the groups; those that exist are left as they are."""
    for tree in trees():
        top = tree / name
        if tree == ROOT:
            _delegate(tree)
        top.mkdir(exist_ok=True)
        if tree == ROOT:
            _delegate(top)
        elif tree.name == "cpuset":
            # a new cpuset is empty, and nothing can run in it
            for file in ("cpuset.cpus", "cpuset.mems"):
                (top / file).write_text((tree / file).read_text())
            (top / "cgroup.clone_children").write_text("1")
        elif tree.name == "memory":
            with suppress(OSError):  # newer kernels have nothing else
                (top / "memory.use_hierarchy").write_text("1")
        (top / "system").mkdir(exist_ok=True)


def join_script(name: str) -> str:
    """Shell text that moves the shell itself to the group of the components."""
    files = " ".join(str(tree / name / "system" / "cgroup.procs") for tree in trees())
    return f"for g in {files}; do echo 0 >$g; done"


def remove(name: str, *, seconds: float = 5.0) -> None:
    """Remove the groups with all below them; their processes have ended.

    Raises:
        LabError: one still holds a process.
    """
    for tree in trees():
        top = tree / name
        deadline = time.monotonic() + seconds
        while top.is_dir() and not _remove_tree(top):
            if time.monotonic() > deadline:
                raise LabError(f"cgroup {top} cannot be removed: something still runs in it")
            time.sleep(0.05)


def network_namespaces(name: str) -> list[Path]:
    """One ``/proc/PID/ns/net`` for each network namespace that a process of the groups is in."""
    found: dict[int, Path] = {}
    for tree in trees():
        for folder, _, _ in os.walk(tree / name):  # unlike rglob, not ended by a group that ends meanwhile
            with suppress(OSError):
                for pid in (Path(folder) / "cgroup.procs").read_text().split():
                    namespace = Path(f"/proc/{pid}/ns/net")
                    with suppress(OSError):
                        found.setdefault(namespace.stat().st_ino, namespace)
    return list(found.values())


def _remove_tree(top: Path) -> bool:
    try:
        groups = [top, *(path for path in top.rglob("*") if path.is_dir())]
        for group in sorted(groups, key=lambda path: len(path.parts), reverse=True):
            group.rmdir()
    except OSError:
        return False
    return True


def _delegate(group: Path) -> None:
    available = (group / "cgroup.controllers").read_text().split()
    for controller in _V2_CONTROLLERS:
        if controller in available:
            with suppress(OSError):
                (group / "cgroup.subtree_control").write_text(f"+{controller}")
