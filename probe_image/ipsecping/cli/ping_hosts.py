"""The run of `ipsecping ping`: several hosts side by side, live lines, and the summary."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence

from ..addresses import is_address, parse_address
from ..contract import Family, PlannedProbe
from ..contract.bounds import MAX_ADDRESSES
from ..measure.packet import Packet
from ..net.clocks import Clock
from ..net.resolve import ResolveError, Resolver
from . import summary
from .arguments import MAX_HOSTS, family_of
from .errors import NO_ANSWER, SUCCESS, CommandError
from .flow_table import flow_table
from .histogram import histogram_lines
from .live import packet_line
from .pinging import HostPing, Target
from .summary import Outcome
from .terminal import StatusLine, terminal_of

STATUS_SECONDS = 0.2


async def ping_hosts(options: argparse.Namespace, probe: PlannedProbe) -> int:
    """Measure until the count is reached or a signal comes; returns the exit code."""
    family = family_of(options)
    for host in options.hosts:
        _check_family(host, family)
    clock, resolver = Clock(), Resolver()
    if options.all_addresses:
        targets = await _each_address(options.hosts, resolver, family)
    else:
        targets = [Target(host) for host in options.hosts]
    printer = _Printer(options, probe, targets)
    pings = [HostPing(target, probe, watcher=printer.watcher, samples=options.samples) for target in targets]
    await asyncio.gather(*(ping.open(resolver, clock, family) for ping in pings))
    told = _tell_troubles(pings)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for ping in pings:
            ping.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    printer.start(pings)
    try:
        await asyncio.gather(*(ping.run(options.count) for ping in pings))
    finally:
        printer.stop()
    _tell_troubles([ping for ping in pings if ping not in told])
    outcomes = [ping.outcome for ping in pings]
    printer.finish(outcomes)
    well = all(outcome.totals.received and outcome.trouble is None for outcome in outcomes)
    return SUCCESS if well else NO_ANSWER


async def _each_address(hosts: Sequence[str], resolver: Resolver, family: Family | None) -> list[Target]:
    """The addresses of each host; a name without one is a host as it is, and says why later."""
    targets = list[Target]()
    for host in hosts:
        try:
            found = (await resolver.resolve_all(host, family=family)).ips
        except ResolveError:
            targets.append(Target(host))
            continue
        if len(found) > MAX_ADDRESSES:
            _say(f"{host} has {len(found)} addresses, of which {MAX_ADDRESSES} are pinged")
        targets += [Target(host, address) for address in found[:MAX_ADDRESSES]]
    if len(targets) > MAX_HOSTS:
        raise CommandError(f"ping: {len(targets)} addresses, at most {MAX_HOSTS} at once")
    return targets


def _say(text: str) -> None:
    print(f"ipsecping: ping: {text}", file=sys.stderr)


def _tell_troubles(pings: Sequence[HostPing]) -> list[HostPing]:
    """Say which of the hosts cannot be pinged; where none can, that is the end. Returns those named."""
    troubled = [ping for ping in pings if ping.trouble is not None]
    # One cause for all (no ping sockets) is said once.
    troubles = dict.fromkeys(str(ping.trouble) for ping in troubled)
    if pings and len(troubled) == len(pings):
        raise CommandError(f"ping: {'; '.join(troubles)}")
    for trouble in troubles:
        _say(trouble)
    return troubled


class _Printer:
    """Prints packets as they come, or keeps a status line where only the end is printed."""

    def __init__(self, options: argparse.Namespace, probe: PlannedProbe, targets: Sequence[Target]) -> None:
        self._options = options
        self._probe = probe
        self._terminal = terminal_of(sys.stdout)
        self._status = StatusLine(sys.stderr)
        self._ticking: asyncio.Task[None] | None = None
        self._answers = 0
        self._prefix = max(len(target.label) for target in targets) if len(targets) > 1 else 0
        self._live = not (options.json or options.quiet)
        self.watcher = self._print_packet if self._live else self._count if self._status.visible else None
        """For HostPing."""

    def start(self, pings: Sequence[HostPing]) -> None:
        """Say what is going to happen."""
        if self._live:
            octets = f", {self._probe.size} bytes" if self._probe.size else ""
            for ping in pings:
                if ping.trouble is None:
                    print(f"{self._probe.type} to {ping.target.host} ({ping.where}){octets}")
            sys.stdout.flush()
        elif self._status.visible:
            self._ticking = asyncio.create_task(self._tick())

    def stop(self) -> None:
        """Nothing more is under way."""
        if self._ticking is not None:
            self._ticking.cancel()
        self._status.clear()

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Print the summary."""
        if self._options.json:
            lines = [json.dumps(summary.as_json(outcome)) for outcome in outcomes]
        elif len(outcomes) == 1:
            lines = [*summary.text(outcomes[0]), *flow_table(outcomes[0]), *self._bars(outcomes[0])]
        else:
            bars = [line for each in outcomes for line in (*flow_table(each), *self._bars(each))]
            lines = [*summary.rows(outcomes), *bars]
        print("\n".join(["", *lines] if self._live else lines))

    def _bars(self, outcome: Outcome) -> list[str]:
        if not self._options.histogram:
            return []
        bars = histogram_lines(outcome.totals.rtt, width=self._terminal.width, unicode=self._terminal.unicode)
        title = f"{outcome.label} round-trip times" if self._prefix else "round-trip times"
        return ["", f"{title}:" if bars else f"{title}: none", *bars]

    def _print_packet(self, ping: HostPing, flow: int, packet: Packet) -> None:
        text, mood = packet_line(packet)
        who = ping.target.label.ljust(self._prefix) if self._prefix else ping.address
        port = ping.port_of(flow)
        flow_port = "" if port is None else f" from={port}"
        print(f"{who}{flow_port} {self._terminal.paint(text, mood)}", flush=True)

    def _count(self, ping: HostPing, flow: int, packet: Packet) -> None:
        self._answers += packet.answered and packet.arrivals == 1

    async def _tick(self) -> None:
        while True:
            self._status.show(f"{self._answers} answers so far, Ctrl-C ends and prints the summary")
            await asyncio.sleep(STATUS_SECONDS)


def _check_family(host: str, family: Family | None) -> None:
    if family is None or not is_address(host):
        return
    version = parse_address(host).version
    if f"IPv{version}" != family:
        raise CommandError(f"ping: {host} is not an {family} address, as -{family[-1]} asks for")
