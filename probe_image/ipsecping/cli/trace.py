"""`ipsecping trace`: the hops of a path, without privileges."""

import argparse
import asyncio
import json
import signal
import sys
import time
from typing import TYPE_CHECKING

from .arguments import add_family_arguments, duration_ms, family_of, host, network, port, positive
from .errors import NO_ANSWER, SUCCESS, CommandError

if TYPE_CHECKING:
    from ..contract.trace import Hop, Trace
    from ..net.reverse import Names
    from ..net.sender import Sender
    from ..trace.record import Asked
    from ..trace.sockets import Probes

NAME = "trace"
HELP = "show the hops of a path, as traceroute(8) does, in the flow of the probes and without privileges"
EPILOG = """examples:
  ipsecping trace 10.50.1.10                       UDP to the STAMP port 862: the flow of a STAMP probe
  ipsecping trace 10.50.1.10 --icmp                ICMP echo
  ipsecping trace 10.50.1.10 --tcp 443             the SYN of a TCP connection
  ipsecping trace 10.50.1.10 --inside 10.0.0.0/8   who else quotes our packet has seen it in clear
  ipsecping trace 10.50.1.10 --size 1500           and where the packets become too large
  ipsecping trace db.example -6 --names --json     one JSON object, durations in nanoseconds

A hop that does not answer is a line with *: routers need not tell that a packet ended there, and often limit
how many they tell of. Sizes are bytes of the IP packet, headers included.
exit codes: 0 the host was reached; 1 it was not; 2 wrong usage, unknown host, or this host does not send
"""
MOST_SIZE = 9000
TOTAL_SECONDS = 20
NAME_SECONDS = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("host", metavar="HOST", type=host, help="IPv4 or IPv6 address, or a name")
    add_family_arguments(parser)
    method = parser.add_mutually_exclusive_group()
    method.add_argument(
        "--udp", metavar="PORT", type=port, default=862, help="UDP to this port (default: 862, STAMP)"
    )
    method.add_argument("--icmp", action="store_true", help="ICMP echo")
    method.add_argument("--tcp", metavar="PORT", type=port, help="TCP connections to this port")
    parser.add_argument(
        "-m",
        "--max-ttl",
        metavar="N",
        type=positive,
        default=30,
        help=("largest number of hops, up to 64 (default: 30)"),
    )
    parser.add_argument(
        "-q",
        "--tries",
        metavar="N",
        type=positive,
        default=3,
        help="largest number of packets to a hop that does not answer, up to 10 (default: 3)",
    )
    parser.add_argument(
        "-w",
        "--wait",
        metavar="TIME",
        type=duration_ms,
        default=2000,
        help="time to wait for each answer (default: 2s); shortened to 1s, or twice the host's time, once "
        "the host has answered",
    )
    parser.add_argument(
        "-I", "--source", metavar="SOURCE", help="address or interface of this host to send from"
    )
    parser.add_argument(
        "--size", metavar="B", type=positive, help="bytes of a packet (default: the smallest possible)"
    )
    parser.add_argument(
        "--inside",
        metavar="NET",
        type=network,
        action="append",
        default=[],
        help="network at either end of the tunnel, or its gateway's address (repeatable): a hop outside of "
        "all of them that quotes our packet has seen it unencrypted",
    )
    parser.add_argument("--names", action="store_true", help="look up the names of the hops")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def execute(options: argparse.Namespace) -> int:
    """Trace, print each hop and how the path ends."""
    from ..contract.trace import MAX_HOPS, MAX_TRIES

    if options.max_ttl > MAX_HOPS:
        raise CommandError(f"trace: -m: at most {MAX_HOPS} hops")
    if options.tries > MAX_TRIES:
        raise CommandError(f"trace: -q: at most {MAX_TRIES} tries")
    if not 10 <= options.wait <= 10_000:
        raise CommandError("trace: -w: 10ms to 10s")
    if options.size is not None and (options.tcp is not None or options.size > MOST_SIZE):
        raise CommandError(f"trace: --size: at most {MOST_SIZE} bytes, and not with --tcp")
    return asyncio.run(_trace(options))


async def _trace(options: argparse.Namespace) -> int:
    from ..contract.fields import packet_address
    from ..contract.trace import TraceEnd
    from ..net.errors import PingForbidden
    from ..net.resolve import ResolveError, Resolver
    from ..trace.findings import is_inside

    try:
        address = packet_address((await Resolver().resolve(options.host, family=family_of(options))).ip)
        if options.inside and not is_inside(address, options.inside):
            raise CommandError(f"trace: {address} is in none of the networks of --inside: add its own")
        probes = _open(options, address)
    except (PingForbidden, ResolveError) as error:
        raise CommandError(f"trace: {error}") from error
    except OSError as error:
        raise CommandError(f"trace: {options.host}: {error.strerror or error}") from error
    try:
        trace = await _Run(options, address, probes).finish()
    finally:
        probes.close()
    return SUCCESS if trace.end is TraceEnd.REACHED else NO_ANSWER


def _open(options: argparse.Namespace, address: str) -> "Probes":
    from ..trace.connections import ConnectionProbes
    from ..trace.datagrams import open_icmp, open_udp

    sender = _sender(options)
    if options.tcp is not None:
        return ConnectionProbes(address, options.tcp, sender, wait=options.wait * 1_000_000)
    probes = open_icmp(address, sender) if options.icmp else open_udp(address, options.udp, sender)
    if options.size is not None and options.size < probes.least_size:
        probes.close()
        raise CommandError(f"trace: --size: these packets have at least {probes.least_size} bytes")
    return probes


def _sender(options: argparse.Namespace) -> "Sender":
    from ..contract import ContractError
    from ..contract.sources import read_source
    from ..net.sender import Sender

    try:
        return Sender(source=read_source(options.source, "-I"))
    except ContractError as error:
        raise CommandError(f"trace: {error}") from error


class _Run:
    """One trace, printed while it runs."""

    def __init__(self, options: argparse.Namespace, address: str, probes: "Probes") -> None:
        from ..net.reverse import Names
        from ..trace.driver import TraceDriver
        from ..trace.machine import TraceMachine
        from .terminal import StatusLine

        self._options, self._probes = options, probes
        self._asked = _asked(options, address, probes)
        self._machine = TraceMachine(
            self._asked.limits,
            size=self._asked.size,
            least_size=probes.least_size,
            start=time.monotonic_ns(),
        )
        self._driver = TraceDriver(self._machine)
        self._names = Names() if options.names else None
        self._status = StatusLine(sys.stderr)
        self._printed = self._limits_printed = 0
        self._shown = ""

    async def finish(self) -> "Trace":
        """Run it to its end, or until SIGINT or SIGTERM; returns what was found."""
        from ..contract.trace import check_trace
        from ..contract.trace_json import trace_to_json
        from ..net.timestamp_warmup import await_timestamps
        from .trace_report import closing_lines, heading, silence_line

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._driver.stop)
        if not self._options.json:
            print(heading(self._trace(whole=False)), flush=True)
        await_timestamps()
        self._probes.start(self._driver.hear)
        try:
            await self._driver.run(self._probes, self._progressed)
        except OSError as error:
            said = error.strerror or error
            raise CommandError(f"trace: this host does not send to {self._asked.address}: {said}") from error
        finally:
            self._status.clear()
        if self._names is not None:
            await self._names.settle(NAME_SECONDS)
        trace = self._trace(whole=self._machine.whole(time.monotonic_ns()))
        check_trace(trace)
        if self._options.json:
            print(json.dumps(trace_to_json(trace)))
            return trace
        self._print_hops(trace, len(trace.hops))
        if self._printed < len(trace.hops):
            print(silence_line(self._printed + 1, len(trace.hops)))
        print("\n".join(["", *closing_lines(trace, self._options.inside)]))
        return trace

    def _progressed(self, now: int) -> None:
        trace = self._trace(whole=False)
        if self._names is not None:
            for sender in {reply.sender for hop in trace.hops for reply in hop.replies}:
                if sender is not None:
                    self._names.ask(sender)
        if not self._options.json:
            self._print_hops(trace, self._settled(trace, now))
        self._show(
            f"waiting for hop {self._machine.settled(now) + 1}; {self._machine.packets_sent} packets sent, "
            f"{self._machine.replies} hops have answered"
        )

    def _show(self, text: str) -> None:
        if text != self._shown:
            self._shown = text
            self._status.show(text)

    def _settled(self, trace: "Trace", now: int) -> int:
        """So many hops can be printed: they are settled, and have their names."""
        settled = self._machine.settled(now)
        names = self._names
        if names is None:
            return settled
        for hop in trace.hops[:settled]:
            if any(reply.sender and names.waits_for(reply.sender) for reply in hop.replies):
                return hop.ttl - 1
        return settled

    def _print_hops(self, trace: "Trace", settled: int) -> None:
        from .trace_report import hop_lines, limit_line, silence_line

        for hop in trace.hops[self._printed : settled]:
            if not hop.replies:  # a late reply may still come: the line is printed with the next hop
                continue
            lines = []
            if self._printed + 1 < hop.ttl:
                lines.append(silence_line(self._printed + 1, hop.ttl - 1))
            for limit in trace.limits[self._limits_printed :]:
                if limit.ttl <= hop.ttl:
                    lines.append(limit_line(limit, trace))
                    self._limits_printed += 1
            self._printed = hop.ttl
            self._status.clear()
            self._shown = ""
            print("\n".join([*lines, *hop_lines(hop, trace)]), flush=True)

    def _trace(self, *, whole: bool) -> "Trace":
        from dataclasses import replace

        from ..trace.record import record

        trace = record(self._asked, self._probes, self._machine, whole=whole)
        if self._names is None:
            return trace
        return replace(trace, hops=tuple(_named(hop, self._names) for hop in trace.hops))


def _asked(options: argparse.Namespace, address: str, probes: "Probes") -> "Asked":
    from ..contract.trace import TraceMethod
    from ..trace.machine import Limits
    from ..trace.record import Asked

    method, number = TraceMethod.UDP, options.udp
    if options.icmp:
        method, number = TraceMethod.ICMP, None
    elif options.tcp is not None:
        method, number = TraceMethod.TCP, options.tcp
    wait = options.wait * 1_000_000
    total = max(TOTAL_SECONDS * 1_000_000_000, 2 * options.tries * wait)
    return Asked(
        host=options.host,
        address=address,
        method=method,
        port=number,
        size=options.size or probes.least_size,
        limits=Limits(max_ttl=options.max_ttl, tries=options.tries, wait=wait, total=total),
        started_at=time.time_ns(),
    )


def _named(hop: "Hop", names: "Names") -> "Hop":
    """The hop with the names of who has answered, as far as they are known."""
    from dataclasses import replace

    if not hop.replies:
        return hop
    replies = tuple(
        each if each.sender is None else replace(each, name=names.known(each.sender)) for each in hop.replies
    )
    return replace(hop, replies=replies)
