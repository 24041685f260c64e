"""`ipsecping ping`: measure one host, as ping(8) does."""

import argparse
import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

from .arguments import duration_ms, positive
from .errors import NO_ANSWER, SUCCESS, CommandError
from .ping_probe import LEAST_INTERVAL_MS, add_probe_arguments, probe_from

if TYPE_CHECKING:
    from ..contract import PlannedProbe
    from ..measure.packet import Packet
    from ..measure.totals import Totals

NAME = "ping"
HELP = "send probes to one host and print round-trip times and losses, as ping(8) does"
EPILOG = """examples:
  ipsecping ping 10.50.1.10                              ICMP echo until Ctrl-C
  ipsecping ping 10.50.1.10 --stamp 862 -c 100 -i 10ms   STAMP: also tells the direction of loss
  ipsecping ping 10.50.1.10 --stamp 862 --key-file keys  authenticated STAMP
  ipsecping ping db.example --udp-echo 7 -c 5 --json     one JSON object, times in milliseconds
  ipsecping ping db.example --tcp 5432                   TCP connect
  ipsecping ping db.example --tcp 636 --tls              TCP connect, TLS handshake, certificate check
  ipsecping ping 10.50.1.10 --http https://app.example/healthz
  ipsecping ping 10.50.1.53 --dns db.example/AAAA

exit codes: 0 at least one answer; 1 no answer; 2 wrong usage, unknown host, or not permitted
"""
MAX_SAMPLES = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("host", metavar="HOST", help="IPv4 or IPv6 address, or a name")
    add_probe_arguments(parser)
    parser.add_argument("-c", "--count", metavar="N", type=positive, help="stop after N packets")
    parser.add_argument(
        "-i",
        "--interval",
        metavar="TIME",
        type=duration_ms,
        default=1000,
        help=f"between packets, {LEAST_INTERVAL_MS}ms and up (default: 1s)",
    )
    parser.add_argument(
        "-W", "--timeout", metavar="TIME", type=duration_ms, default=2000, help="per packet (default: 2s)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print the summary only")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument(
        "--samples", action="store_true", help="with --json and -c: also each answered packet's figures"
    )


def execute(options: argparse.Namespace) -> int:
    """Measure and print until the count is reached, SIGINT or SIGTERM."""
    probe = probe_from(options)
    if options.samples and not (options.json and options.count and options.count <= MAX_SAMPLES):
        raise CommandError(f"ping: --samples needs --json and -c of at most {MAX_SAMPLES}")
    return asyncio.run(_Ping(options, probe).run())


class _Ping:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace, probe: "PlannedProbe") -> None:
        self._options = options
        self._probe = probe
        self._address = ""
        self._samples: list[dict[str, Any]] = []

    async def run(self) -> int:
        from ..contract import named
        from ..net.clocks import Clock
        from ..net.datagram import PingForbidden
        from ..net.resolve import ResolveError, Resolver
        from ..probes.base import RoundInvalid
        from ..probes.registry import METHODS
        from ..rounds.stream import PacketStream

        options, probe = self._options, self._probe
        try:
            self._address = await Resolver().resolve(options.host)
            session = METHODS[probe.type].open(named(probe, options.host), self._address, Clock())
        except (PingForbidden, ResolveError, RoundInvalid) as error:
            raise CommandError(f"ping: {error}") from error
        except OSError as error:
            raise CommandError(f"ping: {options.host}: {error.strerror}") from error
        live = not options.json and not options.quiet
        stream = PacketStream(
            session,
            probe,
            observer=self._print_packet if live else None,
            sent=self._watch_timeout if live else None,
            settled=self._stretch_over,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stream.stop)
        if live:
            octets = f", {probe.size} octets" if probe.size else ""
            print(f"{probe.type} to {options.host} ({self._where()}){octets}", flush=True)
        try:
            await stream.run(options.count)
        except RoundInvalid as error:
            raise CommandError(f"ping: {error}") from error
        finally:
            session.close()
        if options.json:
            print(json.dumps(self._as_json(stream.totals)))
        else:
            print("\n".join(self._summary(stream.totals)))
        return SUCCESS if stream.totals.received else NO_ANSWER

    def _where(self) -> str:
        return self._address if self._probe.port is None else f"{self._address} port {self._probe.port}"

    def _watch_timeout(self, packet: "Packet") -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._probe.timeout_ms / 1000, self._print_timeout, packet)

    def _print_timeout(self, packet: "Packet") -> None:
        if not packet.settled:
            self._print_packet(packet)

    def _print_packet(self, packet: "Packet") -> None:
        from ..measure.ledger import FIRST_SEQUENCE

        if not packet.answered:
            fate = "late, counts as lost" if packet.arrivals else str(packet.reason or "Timeout")
            fate = "not sent, this host is out of resources" if packet.failed_here else fate
        elif packet.arrivals > 1:
            fate = "duplicate"
        else:
            fate = "rtt broken by a clock step" if packet.rtt is None else f"rtt={packet.rtt / 1e6:.3f} ms"
        print(f"{self._address} seq={packet.sequence - FIRST_SEQUENCE + 1} {fate}", flush=True)

    def _stretch_over(self, packets: "list[Packet]") -> None:
        if self._options.samples:
            self._samples += [
                {
                    "sequence": packet.sequence,
                    "rtt_ns": packet.rtt,
                    "residence_ns": packet.residence,
                    "clock": packet.clock.value,
                }
                for packet in packets
                if packet.rtt is not None
            ]

    def _summary(self, totals: "Totals") -> list[str]:
        loss = "-" if totals.loss_percent is None else f"{totals.loss_percent:.2f}"
        lines = [
            "",
            f"--- {self._options.host} {self._probe.type} statistics ---",
            f"{totals.sent} sent, {totals.received} received, {loss} % lost, "
            f"{totals.duplicates} duplicates, {totals.reordered} reordered",
        ]
        lost = totals.sent - totals.received
        if lost:
            lines.append("lost: " + ", ".join(f"{count} {reason}" for reason, count in totals.losses.items()))
        if lost and self._options.stamp:
            known = totals.forward_lost is not None
            direction = f"{totals.forward_lost} on the way there, {totals.reverse_lost} on the way back"
            lines.append(f"direction: {direction if known else 'unknown'}")
        if totals.mean_rtt is not None:
            figures = self._figures(totals)
            lines.append(
                f"rtt {'/'.join(figures)} = {'/'.join(f'{value:.3f}' for value in figures.values())} ms, "
                f"clock: {totals.clock}"
            )
        if totals.jitter is not None:
            lines.append(f"jitter {totals.jitter / 1e6:.3f} ms")
        return lines

    def _as_json(self, totals: "Totals") -> dict[str, Any]:
        content: dict[str, Any] = {
            "host": self._options.host,
            "address": self._address,
            "type": self._probe.type.value,
            "port": self._probe.port,
            "size": self._probe.size,
            "sent": totals.sent,
            "received": totals.received,
            "duplicates": totals.duplicates,
            "reordered": totals.reordered,
            "loss_percent": totals.loss_percent,
            "losses": {reason.value: count for reason, count in totals.losses.items()},
            "forward_lost": totals.forward_lost,
            "reverse_lost": totals.reverse_lost,
            "unit": "ms",
            "rtt": self._figures(totals) or None,
            "jitter": None if totals.jitter is None else totals.jitter / 1e6,
            "clock": totals.clock,
        }
        return content | {"samples": self._samples} if self._options.samples else content

    @staticmethod
    def _figures(totals: "Totals") -> dict[str, float]:
        """Round-trip times in milliseconds; empty when there are none."""
        rtt = totals.rtt
        figures = {
            "min": rtt.min,
            "avg": totals.mean_rtt,
            **{f"p{percent}": rtt.percentile(percent) for percent in (50, 90, 99)},
            "max": rtt.max,
        }
        return {name: value / 1e6 for name, value in figures.items() if value is not None}
