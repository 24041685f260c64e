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
from . import packet_filter, topology
from .control import Command, Control
from .topology import PATHS, TunnelPath

PLAIN, DECRYPTED = "FLOWS-PLAIN", "FLOWS-DECRYPTED"
_TABLE = "mangle"
_FILTERS = [(gateway, version) for gateway in topology.GATEWAYS for version in topology.VERSIONS]
COUNTERS = (
    "forward_before_encryption",
    "forward_after_decryption",
    "reverse_before_encryption",
    "reverse_after_decryption",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_COUNTED = re.compile(r"^\[(\d+):\d+\] -A \S+ .*--comment \"?flow:([^:\s]+):(\w+)\"?", re.MULTILINE)
_TRANSPORT = 8
"""Bytes of a UDP or ICMP header."""
_IP_HEADER = {4: 20, 6: 40}
"""Bytes without options."""
_ICMP = {"forward": "echo-request", "reverse": "echo-reply"}


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets from ``source`` to ``destination`` (networks) and the answers; ``port``: the responder's.

    ``size`` (bytes of payload) counts packets of that size only: so one check's flow is told from another's.
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
                ipaddress.ip_network(network)
            except ValueError as error:
                raise LabError(f"flow {self.name}: {network!r} is no network: {error}") from error
        if ipaddress.ip_network(self.source).version != self.version:
            raise LabError(
                f"flow {self.name}: {self.source} and {self.destination} are IPv4 and IPv6: take one"
            )
        if (self.protocol == "icmp") == (self.port is not None):
            raise LabError(f"flow {self.name}: udp needs --dport, icmp takes none")
        most = topology.MTU - _IP_HEADER[self.version] - _TRANSPORT
        if self.size is not None and not 0 <= self.size <= most:
            raise LabError(f"flow {self.name}: --size {self.size}: from 0 to {most} bytes, unfragmented")

    @property
    def version(self) -> int:
        """Of IP."""
        return ipaddress.ip_network(self.destination).version

    @property
    def path(self) -> TunnelPath:
        """The path whose far network holds the destination."""
        destination = ipaddress.ip_network(self.destination)
        for path in PATHS.values():
            lan = path.addresses[self.version].lan.network
            if destination.network_address in lan and destination.broadcast_address in lan:
                return path
        far = ", ".join(network for path in PATHS.values() for network in path.lan_networks)
        raise LabError(f"flow {self.name}: {self.destination} is in no far network ({far})")


def rules(flow: Flow) -> dict[str, list[str]]:
    """Gateway to the lines that add its counters."""
    forward, reverse = _match(flow, "forward"), _match(flow, "reverse")
    path, ipsec = flow.path, "-m policy --dir in --pol ipsec"
    return {
        topology.LEFT: [
            f"-A {PLAIN} -i {topology.LEFT_DEVICE} {forward} {_comment(flow, COUNTERS[0])}",
            f"-A {DECRYPTED} -o {topology.LEFT_DEVICE} {reverse} {ipsec} {_comment(flow, COUNTERS[3])}",
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
        control.check(_restore(gateway, flow.version, lines))


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
    for gateway, version in _FILTERS:
        for name, counters in parse(_save(control, gateway, version)).items():
            merged.setdefault(name, {}).update(counters)
    return merged


def clear(control: Control) -> None:
    """Forget all flows."""
    for gateway, version in _FILTERS:
        control.check(_restore(gateway, version, [f"-F {PLAIN}", f"-F {DECRYPTED}"]))


def _rewrite(control: Control, *, without: str) -> None:
    """Take one flow's rules out and leave the others' counters as they are."""
    for gateway, version in _FILTERS:
        for line in _save(control, gateway, version).splitlines():
            if f"flow:{without}:" in line:
                rule = line.partition("] ")[2].replace("-A ", "-D ", 1)
                control.check(_restore(gateway, version, [rule]))


def _match(flow: Flow, way: str) -> str:
    source, destination = flow.source, flow.destination
    if way == "reverse":
        source, destination = destination, source
    if flow.protocol == "icmp":
        kind = f"{packet_filter.ICMP[flow.version]} {_ICMP[way]}"
    else:
        kind = f"-p udp --{'dport' if way == 'forward' else 'sport'} {flow.port}"
    return f"-s {source} -d {destination} {kind}{_sized(flow)}"


def _sized(flow: Flow) -> str:
    if flow.size is None:
        return ""
    if flow.version == 4:  # the total length: the second half of the header's first word
        return f" -m u32 --u32 0&0xffff={flow.size + _TRANSPORT + _IP_HEADER[4]}"
    # the payload length: the first half of the header's second word
    return f" -m u32 --u32 4>>16&0xffff={flow.size + _TRANSPORT}"


def _comment(flow: Flow, counter: str) -> str:
    return f"-m comment --comment flow:{flow.name}:{counter}"


def _save(control: Control, gateway: str, version: int) -> str:
    return control.check(packet_filter.save(gateway, version, _TABLE))


def _restore(gateway: str, version: int, lines: list[str]) -> Command:
    return packet_filter.restore(gateway, version, [f"*{_TABLE}", *lines, "COMMIT"])
