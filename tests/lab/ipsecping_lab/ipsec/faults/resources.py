"""The things of the guest that faults change. Several faults on one thing compose where the kernel can.

A resource knows how contributions of several faults become one value, and the commands that give it that
value or put it back. Everything here is pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...errors import LabError
from .. import packet_filter, strongswan, topology
from ..control import Command
from ..topology import PATHS


@dataclass(frozen=True, slots=True)
class Kill:
    """End a service of the far host."""

    key: str


@dataclass(frozen=True, slots=True)
class Start:
    """Start a service of the far host again."""

    key: str


@dataclass(frozen=True, slots=True)
class OnNode:
    """Lines of a shell, in the node's network. ``tolerant``: whatever fails does not matter."""

    script: str
    tolerant: bool = False


NODE = "node"
"""In place of one of the guest's namespaces: the machine's own, in which the cluster's node is."""
Step = Command | Kill | Start | OnNode


class Resource(Protocol):
    """Hashable; equal resources are the same thing."""

    def merge(self, contributions: Sequence[Any]) -> Any:
        """One value of all contributions; raises LabError where they exclude one another."""

    def establish(self, value: Any) -> tuple[Step, ...]:
        """Give it the value, whatever it has."""

    def revoke(self) -> tuple[Step, ...]:
        """Put it back as it was before any fault."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one fault contributes to one resource."""

    resource: Resource
    contribution: Any


@dataclass(frozen=True, slots=True)
class Queue:
    """The egress queue of a device: netem, and below it a token bucket when there is a rate."""

    namespace: str
    device: str

    def merge(self, contributions: Sequence[Mapping[str, float]]) -> dict[str, float]:
        merged: dict[str, float] = {}
        for contribution in contributions:
            merged |= contribution
        return merged

    def establish(self, value: Mapping[str, float]) -> tuple[Step, ...]:
        # The same handle makes it a change in place, which loses no packet that waits. A change keeps what it
        # does not name, so all is named.
        netem = f"qdisc replace dev {self.device} root handle 1: netem {netem_options(value)}"
        if "kbit" in value:
            # a burst of 5 ms, but at least a full frame: a smaller bucket lets none pass
            burst = max(1600, round(value["kbit"] * 1000 / 8 * 0.005))
            bucket = f"tbf rate {value['kbit']:g}kbit burst {burst} latency 50ms"
            child = f"qdisc replace dev {self.device} parent 1:1 handle 2: {bucket}"
            return (self._tc(netem), self._tc(child))
        return (self._tc(netem), self._tc(f"qdisc del dev {self.device} parent 1:1 handle 2:", tolerant=True))

    def revoke(self) -> tuple[Step, ...]:
        return (self._tc(f"qdisc del dev {self.device} root", tolerant=True),)

    def _tc(self, words: str, *, tolerant: bool = False) -> Command:
        return Command(("tc", *words.split()), namespace=self.namespace, tolerant=tolerant)


def netem_options(value: Mapping[str, float]) -> str:
    """Options of netem. Times in ms, shares in percent.

    Jitter varies the delay evenly by so much to both sides; the mean is raised to the jitter where it is
    less, for no packet can arrive before it was sent.
    """
    jitter = value.get("jitter_ms", 0)
    delay = max(value.get("delay_ms", 0), jitter, value.get("late_ms", 0))
    options = [
        "limit 10000",
        f"delay {delay:g}ms {jitter:g}ms",
        f"loss random {value.get('loss', 0):g}%",
        f"duplicate {value.get('duplicate', 0):g}%",
        f"corrupt {value.get('corrupt', 0):g}%",
    ]
    if "late" in value:
        # netem sends the share named "reorder" at once and delays the others
        options.append(f"reorder {100 - value['late']:g}%")
    return " ".join(options)


@dataclass(frozen=True, slots=True)
class RouteMtu:
    """The MTU of a transit's route in one direction. A link's own MTU would drop larger frames silently."""

    path: str
    direction: str

    def merge(self, contributions: Sequence[int]) -> int:
        return min(contributions)

    def establish(self, value: int) -> tuple[Step, ...]:
        return (self._route("mtu", "lock", str(value)),)

    def revoke(self) -> tuple[Step, ...]:
        return (self._route(),)

    def _route(self, *options: str) -> Command:
        path = PATHS[self.path]
        ends = path.between_gateways
        device, here = (
            (topology.TO_RIGHT, ends.transit_right)
            if self.direction == "out"
            else (topology.TO_LEFT, ends.transit_left)
        )
        # the very route that came with the address
        same = f"scope link src {here.ip}" if path.outer == 4 else "metric 256"
        words = f"ip route replace {here.network} dev {device} proto kernel {same}"
        return Command((*words.split(), *options), namespace=path.transit)


@dataclass(frozen=True, slots=True)
class Chain:
    """One of the chains that are kept for faults, for a version of IP (guest_files.chains_of)."""

    namespace: str
    version: int
    table: str
    chain: str

    def merge(self, contributions: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(contributions))

    def establish(self, value: Sequence[str]) -> tuple[Step, ...]:
        rules = [f"-A {self.chain} {rule}" for rule in value]
        lines = [f"*{self.table}", f":{self.chain} - [0:0]", *rules, "COMMIT"]
        return (packet_filter.restore(self.namespace, self.version, lines),)

    def revoke(self) -> tuple[Step, ...]:
        return self.establish(())


@dataclass(frozen=True, slots=True)
class Policy:
    """An IPsec policy without a template, before strongSwan's: traffic passes in clear, or not at all."""

    namespace: str
    source: str
    destination: str
    direction: str

    def merge(self, contributions: Sequence[str]) -> str:
        if len(set(contributions)) > 1:
            raise LabError(
                "these faults want unlike policies at one place and exclude one another: clear one first"
            )
        return contributions[0]

    def establish(self, value: str) -> tuple[Step, ...]:
        return (self._command("update", "priority", "1", "action", value),)

    def revoke(self) -> tuple[Step, ...]:
        return (self._command("delete", tolerant=True),)

    def _command(self, verb: str, *options: str, tolerant: bool = False) -> Command:
        selector = ("src", self.source, "dst", self.destination, "dir", self.direction)
        argv = ("ip", "xfrm", "policy", verb, *selector, *options)
        return Command(argv, namespace=self.namespace, tolerant=tolerant)


@dataclass(frozen=True, slots=True)
class GatewayLink:
    """The right gateway's link to the internet."""

    path: str

    def merge(self, contributions: Sequence[str]) -> str:
        return contributions[0]

    def establish(self, value: str) -> tuple[Step, ...]:
        return (Command(("ip", "link", "set", topology.WAN, value), namespace=PATHS[self.path].right),)

    def revoke(self) -> tuple[Step, ...]:
        path = PATHS[self.path]
        # the default routes went with the link
        routes = [
            Command(
                ("ip", "route", "replace", "default", "via", str(each.transit_right.ip)), namespace=path.right
            )
            for each in path.addresses.values()
        ]
        return (*self.establish("up"), *routes)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the right gateway knows of the hardware addresses on its far network (ARP, RFC 4861)."""

    path: str

    def merge(self, contributions: Sequence[str]) -> str:
        return contributions[0]

    def establish(self, value: str) -> tuple[Step, ...]:
        flush = ("ip", "neigh", "flush", "dev", topology.LAN)
        return (Command(flush, namespace=PATHS[self.path].right, tolerant=True),)

    def revoke(self) -> tuple[Step, ...]:
        return self.establish("forgotten")


@dataclass(frozen=True, slots=True)
class Service:
    """A responder on the far host."""

    key: str

    def merge(self, contributions: Sequence[str]) -> str:
        return contributions[0]

    def establish(self, value: str) -> tuple[Step, ...]:
        return (Kill(self.key),) if value == "stopped" else (Start(self.key),)

    def revoke(self) -> tuple[Step, ...]:
        return (Start(self.key),)


@dataclass(frozen=True, slots=True)
class Switch:
    """What no other resource is about: lines of a shell that do it, and those that undo it from any state."""

    namespace: str
    on: str
    off: str

    def merge(self, contributions: Sequence[str]) -> str:
        return contributions[0]

    def establish(self, value: str) -> tuple[Step, ...]:
        # It may be on already, after an interruption.
        script = f"{{ {self.off}\n}} >/dev/null 2>&1 || true\n{self.on}\n"
        if self.namespace == NODE:
            return (OnNode(script),)
        return (Command(("sh", "-e"), namespace=self.namespace, stdin=script),)

    def revoke(self) -> tuple[Step, ...]:
        if self.namespace == NODE:
            return (OnNode(self.off, tolerant=True),)
        return (Command(("sh",), namespace=self.namespace, stdin=f"{self.off}\n", tolerant=True),)


@dataclass(frozen=True, slots=True)
class Ingress:
    """What a transit's device does to packets that come in: filters of ``tc``, one behind the other."""

    namespace: str
    device: str

    def merge(self, contributions: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(contributions))

    def establish(self, value: Sequence[str]) -> tuple[Step, ...]:
        lines = [f"qdisc add dev {self.device} handle ffff: ingress"]
        lines += [
            f"filter add dev {self.device} parent ffff: pref {number} {words}"
            for number, words in enumerate(value, 1)
        ]
        add = [Command(("tc", *line.split()), namespace=self.namespace) for line in lines]
        return (*self.revoke(), *add)

    def revoke(self) -> tuple[Step, ...]:
        words = ("tc", "qdisc", "del", "dev", self.device, "ingress")
        return (Command(words, namespace=self.namespace, tolerant=True),)


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a gateway's swanctl.conf, as sed does it; ``prepare``: lines of a shell before it."""

    sed: str
    prepare: str = ""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a gateway's IKE daemon is configured with; connections that stay the same live on."""

    gateway: str

    def merge(self, contributions: Sequence[Edit]) -> tuple[Edit, ...]:
        return tuple(dict.fromkeys(contributions))

    def establish(self, value: Sequence[Edit]) -> tuple[Step, ...]:
        new, before = f"{self._changed}.new", f"{self._changed}.before"
        lines = [line for edit in value for line in edit.prepare.splitlines()]
        lines.append(f"mkdir -p {strongswan.changed(self.gateway)}")
        lines.append(f"cp {strongswan.configuration(self.gateway)} {new}")
        for edit in value:
            # An edit that changes nothing would be a fault that is none.
            lines += [f"cp {new} {before}", f"sed -i {shlex.quote(edit.sed)} {new}"]
            lines.append(f"if cmp -s {before} {new}; then exit 1; fi")
        lines += [f"mv {new} {self._changed}", strongswan.load_command(self.gateway, self._changed)]
        return (Command(("sh", "-e"), namespace=self.gateway, stdin="\n".join(lines) + "\n"),)

    def revoke(self) -> tuple[Step, ...]:
        load = strongswan.load_command(self.gateway, strongswan.configuration(self.gateway))
        script = f"[ ! -e {self._changed} ] || {{ {load}; rm {self._changed}; }}\n"
        return (Command(("sh",), namespace=self.gateway, stdin=script, tolerant=True),)

    @property
    def _changed(self) -> str:
        return f"{strongswan.changed(self.gateway)}/swanctl.conf"
