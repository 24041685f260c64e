"""The node: network, mount, PID and UTS namespaces, the way kind makes a node out of a container.

Its PID 1 is the pause program, which reaps orphans. Everything that runs on the node, containers and their
mounts included, ends with that one process, and it ends with the ``unshare`` that holds it.
"""

from __future__ import annotations

import shlex
from ipaddress import IPv4Interface
from pathlib import Path

from ..errors import LabError
from ..host import cgroups
from ..host.commands import run
from ..host.namespaces import in_network, in_node
from ..host.processes import Process, launch, running
from ..host.waiting import wait_until
from ..layout import Layout
from . import addresses

RECORD = "node"
# directory under the lab's state -> where the components, left at their defaults, look for it
_BINDS = {
    "containerd": "/var/lib/containerd",
    "kubelet": "/var/lib/kubelet",
    "cni": "/var/lib/cni",
    "conf/cni": "/etc/cni/net.d",
    "pod-logs": "/var/log/pods",
    "container-logs": "/var/log/containers",
}
MOUNT_POINTS = ("/etc/cni", *_BINDS.values())
"""Directories of the machine that the node mounts over."""


def start(layout: Layout, *, pause: Path) -> None:
    """Make the node's namespaces, unless they are there.

    Raises:
        LabError: it does not come up; the error carries its log.
    """
    if running(layout.record(RECORD)) is None:
        _launch(layout, pause)
    log = layout.log_file(RECORD)
    holder = running(layout.record(RECORD))
    wait_until(
        lambda: init(layout) is not None,
        what="node",
        seconds=10,
        log=log,
        alive=lambda: holder is None or holder.alive(),
    )
    _network(layout)


def init(layout: Layout) -> Process | None:
    """The node's PID 1, as the machine sees it, once its mounts are made; None when the node is not up."""
    holder = running(layout.record(RECORD))
    child = holder.child() if holder is not None else None
    return child if child is not None and child.name() == "pause" else None


def inside(layout: Layout) -> list[str]:
    """The words before a command that shall run on the node.

    Raises:
        LabError: the node is not up.
    """
    process = init(layout)
    if process is None:
        raise LabError("the cluster is not up: run `lab up`")
    return in_node(process.pid)


def stop(layout: Layout) -> None:
    """End the node with everything on it, at once."""
    holder, first = running(layout.record(RECORD)), init(layout)
    if holder is not None:
        holder.end(grace=0)
    if first is not None:
        first.end(grace=0)


def _launch(layout: Layout, pause: Path) -> None:
    for directory in _BINDS:
        (layout.state / directory).mkdir(parents=True, exist_ok=True)
    script = f"{cgroups.join_script(layout.name)}\n{_init_script(layout, pause)}"
    isolate = ["unshare", "--mount", "--propagation=private", "--uts", "--pid", "--fork", "--kill-child"]
    launch(
        [*in_network(layout.netns), *isolate, "--mount-proc", "sh", "-ec", script],
        record=layout.record(RECORD),
        log=layout.log_file(RECORD),
    )
    wait_until(lambda: layout.record(RECORD).exists(), what="node", seconds=5, log=layout.log_file(RECORD))


def _init_script(layout: Layout, pause: Path) -> str:
    """Mounts made here exist only in the node's mount namespace."""
    binds = {str(layout.state / source): target for source, target in _BINDS.items()}
    binds |= {f"{layout.conf}/hosts": "/etc/hosts", f"{layout.conf}/resolv.conf": "/etc/resolv.conf"}
    lines = [
        f"hostname {shlex.quote(layout.name)}",
        "mount --make-rshared /",
        "mount -t tmpfs -o mode=755 lab-run /run",
        "mkdir -p /run/netns /run/lock",
        *(f"mount --bind {shlex.quote(source)} {target}" for source, target in binds.items()),
        f"exec {shlex.quote(str(pause))}",
    ]
    return "\n".join(lines)


def _network(layout: Layout) -> None:
    """No uplink: ``node0`` is a bridge without ports that carries the node's address; idempotent.

    The route for services only has to exist; kube-proxy rewrites what takes it. Each bridge has a hardware
    address of its own: else it would have the lowest of its ports', another whenever a pod comes or goes, and
    packets of other pods to the former one would be lost.
    """
    bridges = {
        addresses.NODE_DEVICE: addresses.NODE_INTERFACES,
        addresses.POD_BRIDGE: addresses.POD_INTERFACES,
    }
    lines = []
    for device, interfaces in bridges.items():
        lines += [
            f"ip link show {device} >/dev/null 2>&1 || ip link add {device} type bridge",
            f"ip link set {device} address {_hardware_address(interfaces[0])}",
            *(f"ip addr replace {interface} dev {device}" for interface in interfaces),
            f"ip link set {device} up",
        ]
    lines += [
        *(
            f"ip route replace {network} dev {addresses.NODE_DEVICE}"
            for network in addresses.SERVICE_NETWORKS
        ),
        "echo 1 >/proc/sys/net/ipv4/ip_forward",
        "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
        # so that service replies on the same bridge pass conntrack
        "for f in /proc/sys/net/bridge/bridge-nf-call-ip*tables; do [ ! -e $f ] || echo 1 >$f; done",
    ]
    run([*inside(layout), "sh", "-ec", "\n".join(lines)])


def _hardware_address(interface: str) -> str:
    """A locally administered one that is made of the IPv4 address."""
    return "0a:58:" + ":".join(f"{octet:02x}" for octet in IPv4Interface(interface).ip.packed)
