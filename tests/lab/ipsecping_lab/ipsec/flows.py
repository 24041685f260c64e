"""Exact packet counters of single flows, before encryption and after decryption, in both directions.

They sit in chains of their own on the gateways, which no fault touches. Plain packets are counted when they
reach the gateway, before it looks for a policy; decrypted ones when they leave it, and only if they came by
IPsec. So of a packet that leaks in clear only the first counter knows.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ..errors import LabError
from . import topology
from .control import Command, Control
from .topology import PATHS, TunnelPath

PLAIN, DECRYPTED = "FLOWS-PLAIN", "FLOWS-DECRYPTED"
COUNTERS = (
    "forward_before_encryption",
    "forward_after_decryption",
    "reverse_before_encryption",
    "reverse_after_decryption",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_COUNTED = re.compile(r"^\[(\d+):\d+\] -A \S+ .*--comment \"?flow:([^:\s]+):(\w+)\"?", re.MULTILINE)
_HEADERS = 28
"""Octets of an IPv4 header without options and a UDP or ICMP header."""
_MOST = 1500 - _HEADERS
_ICMP = {"forward": "echo-request", "reverse": "echo-reply"}


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets from ``source`` to ``destination`` (networks) and the answers; ``port``: the responder's.

    ``size`` (octets of payload) counts packets of that size only: so one check's flow is told from another's.
    """

    name: str
    source: str
    destination: str
    protocol: str
    port: int | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise LabError(f"flow {self.name!r}: use at most 40 letters, digits, dots, dashes, underscores")
        for network in (self.source, self.destination):
            try:
                ipaddress.IPv4Network(network)
            except ValueError as error:
                raise LabError(f"flow {self.name}: {network!r} is no IPv4 network: {error}") from error
        if (self.protocol == "icmp") == (self.port is not None):
            raise LabError(f"flow {self.name}: udp needs --dport, icmp takes none")
        if self.size is not None and not 0 <= self.size <= _MOST:
            raise LabError(f"flow {self.name}: --size {self.size}: from 0 to {_MOST} octets, unfragmented")

    @property
    def path(self) -> TunnelPath:
        """The path whose far network holds the destination."""
        for path in PATHS.values():
            if ipaddress.IPv4Network(self.destination).subnet_of(ipaddress.IPv4Network(path.lan_network)):
                return path
        far = ", ".join(path.lan_network for path in PATHS.values())
        raise LabError(f"flow {self.name}: {self.destination} is in no far network ({far})")


def rules(flow: Flow) -> dict[str, list[str]]:
    """Gateway to the lines that add its counters."""
    forward, reverse = _match(flow, "forward"), _match(flow, "reverse")
    path, ipsec = flow.path, "-m policy --dir in --pol ipsec"
    return {
        topology.LEFT: [
            f"-A {PLAIN} -i vec0 {forward} {_comment(flow, COUNTERS[0])}",
            f"-A {DECRYPTED} -o vec0 {reverse} {ipsec} {_comment(flow, COUNTERS[3])}",
        ],
        path.right: [
            f"-A {DECRYPTED} -o {topology.LAN} {forward} {ipsec} {_comment(flow, COUNTERS[1])}",
            f"-A {PLAIN} -i {topology.LAN} {reverse} {_comment(flow, COUNTERS[2])}",
        ],
    }


def parse(text: str) -> dict[str, dict[str, int]]:
    """Flow name to counters, from ``iptables-save -c``."""
    found: dict[str, dict[str, int]] = {}
    for packets, name, counter in _COUNTED.findall(text):
        found.setdefault(name, {})[counter] = int(packets)
    return found


def add(control: Control, flow: Flow) -> None:
    """Count this flow from zero; one of the same name is replaced."""
    if flow.name in read_all(control):
        _rewrite(control, without=flow.name)
    for gateway, lines in rules(flow).items():
        control.check(_restore(gateway, lines))


def read(control: Control, name: str) -> dict[str, int]:
    """The four counters of a flow.

    Raises:
        LabError: no such flow was added.
    """
    found = read_all(control)
    if name not in found:
        raise LabError(f"no flow named {name!r} (there are: {', '.join(sorted(found)) or 'none'})")
    return {counter: found[name].get(counter, 0) for counter in COUNTERS}


def read_all(control: Control) -> dict[str, dict[str, int]]:
    """All flows with what was counted."""
    merged: dict[str, dict[str, int]] = {}
    for gateway in topology.GATEWAYS:
        for name, counters in parse(_save(control, gateway)).items():
            merged.setdefault(name, {}).update(counters)
    return merged


def clear(control: Control) -> None:
    """Forget all flows."""
    for gateway in topology.GATEWAYS:
        control.check(_restore(gateway, [f"-F {PLAIN}", f"-F {DECRYPTED}"]))


def _rewrite(control: Control, *, without: str) -> None:
    """Take one flow's rules out and leave the others' counters as they are."""
    for gateway in topology.GATEWAYS:
        for line in _save(control, gateway).splitlines():
            if f"flow:{without}:" in line:
                rule = line.partition("] ")[2].replace("-A ", "-D ", 1)
                control.check(_restore(gateway, [rule]))


def _match(flow: Flow, way: str) -> str:
    source, destination = flow.source, flow.destination
    if way == "reverse":
        source, destination = destination, source
    if flow.protocol == "icmp":
        kind = f"-p icmp --icmp-type {_ICMP[way]}"
    else:
        kind = f"-p udp --{'dport' if way == 'forward' else 'sport'} {flow.port}"
    # u32: the total length, the second half of the IPv4 header's first word
    sized = "" if flow.size is None else f" -m u32 --u32 0&0xffff={flow.size + _HEADERS}"
    return f"-s {source} -d {destination} {kind}{sized}"


def _comment(flow: Flow, counter: str) -> str:
    return f"-m comment --comment flow:{flow.name}:{counter}"


def _save(control: Control, gateway: str) -> str:
    return control.check(Command(("iptables-legacy-save", "-c", "-t", "mangle"), namespace=gateway))


def _restore(gateway: str, lines: list[str]) -> Command:
    text = "\n".join(["*mangle", *lines, "COMMIT"]) + "\n"
    argv = ("iptables-legacy-restore", "--noflush", "--wait", "5")
    return Command(argv, namespace=gateway, stdin=text)
