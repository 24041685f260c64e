"""The steps of a diagnosis that are no train of packets: hops, path MTU and IKE, by what the commands use."""

import time
from collections.abc import Sequence

from ..addresses import is_ipv6
from ..contract import PathMtu, ProbeType, StampOptions
from ..contract.trace import Trace, TraceMethod
from ..diagnosis.evidence import IkeFound, PathMtuFound
from ..measure.mtu_evidence import ProbePacket
from ..measure.mtu_search import Step
from ..net.connected_socket import ConnectedSocket, open_connected_ping, open_connected_udp
from ..net.sender import Sender
from ..probes.ike_exchange import ask_ports
from ..probes.mtu_packets import EchoPackets, Packets, StampPackets
from ..probes.mtu_run import ICMP_PAIR_SPACING, PAIR_SPACING, MtuRun
from ..probes.stamp import keys_now
from ..trace.connections import ConnectionProbes
from ..trace.datagrams import open_icmp, open_udp
from ..trace.driver import TraceDriver
from ..trace.machine import Limits, TraceMachine
from ..trace.record import Asked, record
from ..trace.sockets import Probes
from .convert import ike_of, path_mtu_of
from .steps import (
    IKE_TIME,
    MTU_ATTEMPTS,
    MTU_HIGH,
    MTU_SPACING,
    TRACE_TIME,
    TRACE_TRIES,
    TRACE_TTL,
    IkeStep,
    Method,
    MtuStep,
    TraceStep,
)

_MS = 1_000_000
_METHODS = {ProbeType.ICMP: TraceMethod.ICMP, ProbeType.TCP: TraceMethod.TCP}
_LOW = {False: 576, True: 1280}
"""What every host takes (RFC 791), and every link carries (RFC 8200 section 5)."""


class TraceRun:
    """One trace. Belongs to one event loop."""

    def __init__(self, step: TraceStep, host: str) -> None:
        """Open the socket. Raises OSError, PingForbidden, and RoundInvalid while keys cannot be used."""
        method = _METHODS.get(step.method.type, TraceMethod.UDP)
        self._probes, self._sends = _open(step), step.sends
        limits = Limits(max_ttl=TRACE_TTL, tries=TRACE_TRIES, wait=step.timeout_ms * _MS, total=TRACE_TIME)
        self._asked = Asked(
            host=host,
            address=step.address,
            method=method,
            port=step.method.port,
            size=self._probes.least_size,
            limits=limits,
            started_at=time.time_ns(),
        )
        self._driver = TraceDriver(
            TraceMachine(
                limits,
                size=self._probes.least_size,
                least_size=self._probes.least_size,
                start=time.monotonic_ns(),
            )
        )

    @property
    def source(self) -> str:
        """The address that the packets leave with."""
        return self._probes.source

    @property
    def packets_sent(self) -> int:
        """So far, at most."""
        return self._driver.machine.packets_sent * self._sends

    def stop(self) -> None:
        """Break it off."""
        self._driver.stop()

    async def run(self) -> Trace:
        """Trace; returns what was found. Raises OSError: this host does not send."""
        self._probes.start(self._driver.hear)
        try:
            await self._driver.run(self._probes, lambda _: None)
        finally:
            self._probes.close()
        machine = self._driver.machine
        return record(self._asked, self._probes, machine, whole=machine.whole(time.monotonic_ns()))


class MtuSearchRun:
    """One search for the path MTU. Belongs to one event loop."""

    def __init__(self, step: MtuStep) -> None:
        """Open the socket. Raises OSError, PingForbidden, and RoundInvalid while keys cannot be used."""
        address, method = step.address, step.method
        icmp = method.port is None
        self._sock, packets = open_unfragmented(method, address)
        self._within = step.within
        self._cut, self._whole = False, not icmp
        self.reached = False
        """A small packet was answered."""
        self._run = MtuRun(
            sock=self._sock,
            packets=packets,
            low=_LOW[is_ipv6(address)],
            high=MTU_HIGH,
            timeout=step.timeout_ms * _MS,
            pair_spacing=ICMP_PAIR_SPACING if icmp else PAIR_SPACING,
            tried=self._tried,
            most=step.most,
        )

    @property
    def packets_sent(self) -> int:
        """So far, companions included."""
        return self._run.packets_sent

    async def run(self) -> PathMtuFound | None:
        """Search; None: the target is silent, or the search did not end in time."""
        until = time.monotonic_ns() + self._within
        try:
            found: PathMtu | None = None
            self.reached = await self._run.reach(count=MTU_ATTEMPTS, spacing=MTU_SPACING)
            if self.reached:
                found = await self._run.find(until=until)
        finally:
            self._run.close()
            self._sock.close()
        if found is None:
            return None
        return path_mtu_of(found, high=MTU_HIGH, cut=self._cut, whole=self._whole)

    def _tried(self, _: Step, probe: ProbePacket) -> None:
        self._cut |= probe.answered and not probe.whole


def open_unfragmented(method: Method, address: str) -> tuple[ConnectedSocket, Packets]:
    """Open a socket whose packets leave in one piece, of any size, and what makes them.

    Raises OSError, PingForbidden, and RoundInvalid while keys cannot be used.
    """
    ipv6, keys, sender = is_ipv6(address), _keys(method), _sender(method)
    if method.port is None:
        return open_connected_ping(address, sender=sender, dont_fragment=True), EchoPackets(ipv6=ipv6)
    sock = open_connected_udp(address, method.port, sender=sender, dont_fragment=True)
    return sock, StampPackets(ipv6=ipv6, keys=keys)


async def ask_ike(step: IkeStep) -> IkeFound | None:
    """Ask the gateway on both ports; None: this host could not. Raises OSError."""
    return ike_of(await ask_ports(step.address, timeout=IKE_TIME))


def _open(step: TraceStep) -> Probes:
    method, sender = step.method, _sender(step.method)
    if method.port is None:
        return open_icmp(step.address, sender)
    if method.type == ProbeType.TCP:
        return ConnectionProbes(step.address, method.port, sender, wait=step.timeout_ms * _MS)
    return open_udp(step.address, method.port, sender, key=next(iter(_keys(method)), None))


def _sender(method: Method) -> Sender:
    return Sender(dscp=method.dscp, source=method.source)


def _keys(method: Method) -> Sequence[bytes]:
    options = method.options
    if not isinstance(options, StampOptions):
        return ()
    return keys_now(options.key_file, marked=options.marked_keys)
