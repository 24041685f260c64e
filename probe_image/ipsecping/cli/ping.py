"""`ipsecping ping`: measure hosts, as ping(8) and fping(8) do."""

import argparse
import asyncio

from .arguments import MAX_HOSTS, add_family_arguments, duration_ms, host, positive
from .errors import CommandError
from .ping_probe import LEAST_INTERVAL_MS, add_probe_arguments, probe_from

NAME = "ping"
HELP = "send probes to hosts and print round-trip times and losses, as ping(8) does"
EPILOG = """examples:
  ipsecping ping 10.50.1.10                              ICMP echo until Ctrl-C, then the summary
  ipsecping ping 10.50.1.10 --stamp 862 -c 100 -i 10ms   STAMP: also tells the direction of loss
  ipsecping ping 10.50.1.10 --stamp 862 --key-file keys  authenticated STAMP
  ipsecping ping 10.50.1.10 10.50.1.138 -c 10            several hosts side by side, one row each at the end
  ipsecping ping 10.50.1.10 --stamp 862 --flows 8 -c 20  from 8 source ports: which ECMP members are dead?
  ipsecping ping 10.50.1.10 -c 100 -i 50ms --histogram   the round-trip times as bars
  ipsecping ping db.example --udp-echo 7 -c 5 --json     one JSON object a host, times in milliseconds
  ipsecping ping db.example --tcp 5432                   TCP connect
  ipsecping ping db.example --all-addresses -c 10        each address of the name, one row each at the end
  ipsecping ping db.example --tcp 636 --tls              TCP connect, TLS handshake, certificate check
  ipsecping ping 10.50.1.10 --http https://app.example/healthz
  ipsecping ping 10.50.1.53 --dns db.example/AAAA

Colours are left out when the output is no terminal, and with the environment variable NO_COLOR.

exit codes: 0 every host answered at least once; 1 some host did not; 2 wrong usage, or nothing could be sent
to any host (unknown, no route, not permitted)
"""
MAX_SAMPLES = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from ..contract.bounds import MAX_ADDRESSES

    parser.add_argument(
        "hosts",
        metavar="HOST",
        type=host,
        nargs="+",
        help=f"IPv4 or IPv6 address, or a name; at most {MAX_HOSTS} of them",
    )
    add_family_arguments(parser)
    parser.add_argument(
        "--all-addresses",
        action="store_true",
        help=f"ping each address of a name, at most {MAX_ADDRESSES}, as a host of its own",
    )
    add_probe_arguments(parser)
    parser.add_argument(
        "-c", "--count", metavar="N", type=positive, help="stop after N packets, of each flow"
    )
    parser.add_argument(
        "-i",
        "--interval",
        metavar="TIME",
        type=duration_ms,
        help=f"between packets, {LEAST_INTERVAL_MS}ms and up (default: 1s; with --tcp and --flows 250ms more "
        "than the timeout, if that is longer)",
    )
    parser.add_argument(
        "-W", "--timeout", metavar="TIME", type=duration_ms, default=2000, help="per packet (default: 2s)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print the summary only")
    parser.add_argument(
        "--histogram", action="store_true", help="also print the round-trip times as bars at the end"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object at the end, one a line for several hosts"
    )
    parser.add_argument(
        "--samples", action="store_true", help="with --json and -c: also each answered packet's figures"
    )


def execute(options: argparse.Namespace) -> int:
    """Measure and print until the count is reached, SIGINT or SIGTERM."""
    probe = probe_from(options)
    if len(options.hosts) > MAX_HOSTS:
        raise CommandError(f"ping: {len(options.hosts)} hosts, at most {MAX_HOSTS} at once")
    if options.samples and not (options.json and options.count and options.count <= MAX_SAMPLES):
        raise CommandError(f"ping: --samples needs --json and -c of at most {MAX_SAMPLES}")
    if options.json and options.histogram:
        raise CommandError("ping: --histogram is for people, and --json for programs: choose one")
    from .ping_hosts import ping_hosts

    return asyncio.run(ping_hosts(options, probe))
