"""`ipsecping reflect`: be the far side."""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from ..reflector.admission import LARGEST, OCTETS_PER_PACKET
from .arguments import listen_address, network, port, positive
from .errors import SUCCESS, CommandError

if TYPE_CHECKING:
    from ..reflector.service import Service, Settings

NAME = "reflect"
HELP = "answer STAMP, UDP echo and TCP echo probes of allowed peers"
EPILOG = """examples:
  ipsecping reflect --stamp 10.50.1.10:862 --allow 10.244.0.0/16
  ipsecping reflect --stamp 10.50.1.10:862 --allow 10.244.0.0/16 --key-file /etc/ipsecping/reflector.keys
  ipsecping reflect --stamp :862 --udp-echo :55055 --tcp-echo :55055 \\
      --allow 10.244.0.0/16 --allow 2001:db8:1::/48 --rate 2000 --metrics 127.0.0.1:9110

A key file has one key a line, of at least 16 bytes: hex:..., base64:..., or the line's own characters. With
it, packets without a valid signature get no answer. A changed file is taken over within a second; to change
keys without losing a packet, let both keys stand in the files of both sides meanwhile.

Ports below 1024 need root, CAP_NET_BIND_SERVICE, or the sysctl net.ipv4.ip_unprivileged_port_start.
An answer never has more bytes than its request; nothing of a packet's content is logged.
Counters are logged on SIGUSR1 and at the end (SIGTERM, SIGINT), and served with --metrics.
"""
DEFAULT_RATE = 10_000
DEFAULT_TOTAL_RATE = 50_000
LEAST_OCTETS = 41
"""Of a TWAMP Light packet that is answered."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    for name, what in (
        ("--stamp", "answer STAMP (RFC 8762, RFC 8972) and TWAMP Light"),
        ("--udp-echo", "echo UDP"),
        ("--tcp-echo", "echo TCP"),
    ):
        parser.add_argument(
            name,
            metavar="[ADDR]:PORT",
            type=listen_address,
            action="append",
            default=[],
            help=f"{what} here, at all addresses of both families without ADDR; may be repeated",
        )
    parser.add_argument(
        "--allow",
        metavar="CIDR",
        type=network,
        action="append",
        required=True,
        help="answer sources in this network only; may be repeated (0.0.0.0/0 and ::/0 for all)",
    )
    _add_limits(parser)
    _add_stamp_arguments(parser)
    parser.add_argument(
        "--tls-cert", metavar="F", type=Path, help=("certificate chain (PEM), for TCP echo over TLS")
    )
    parser.add_argument("--tls-key", metavar="F", type=Path, help="its private key (PEM)")
    parser.add_argument(
        "--metrics", metavar="[ADDR]:PORT", type=listen_address, help="serve /metrics and /healthz here"
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    for option, octet_option, whose, default in (
        ("--rate", "--octet-rate", "per source: an IPv4 address, an IPv6 /64", DEFAULT_RATE),
        ("--total-rate", "--total-octet-rate", "in all", DEFAULT_TOTAL_RATE),
    ):
        parser.add_argument(
            option,
            metavar="N",
            type=positive,
            default=default,
            help=f"packets a second answered {whose} (default: {default})",
        )
        parser.add_argument(
            octet_option,
            metavar="N",
            type=positive,
            help=f"bytes a second answered {whose} (default: {OCTETS_PER_PACKET} times {option})",
        )
    parser.add_argument(
        "--max-octets",
        metavar="N",
        type=positive,
        default=LARGEST,
        help=f"bytes of UDP payload of a packet that is answered (default: {LARGEST})",
    )
    parser.add_argument(
        "--allow-source-port",
        metavar="PORT",
        type=port,
        action="append",
        default=[],
        help="answer packets from this source port, even if it is below 1024 or the reflector listens on it "
        "(with STAMP, 862 is always answered); some routers send TWAMP Light from port 863; may be repeated",
    )


def _add_stamp_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key-file",
        metavar="F",
        type=Path,
        help="keys of STAMP's authenticated mode, which is then required",
    )
    parser.add_argument(
        "--keys-for-tlvs",
        action="store_true",
        help="with --key-file: stay in unauthenticated mode, and use the keys only to verify HMAC TLVs",
    )
    parser.add_argument(
        "--stateless",
        action="store_true",
        help="copy the sender's numbers instead of counting replies: the direction of loss stays unknown",
    )
    parser.add_argument(
        "--no-location", action="store_true", help="answer Location TLVs with zeros instead of addresses"
    )
    parser.add_argument(
        "--no-dscp",
        action="store_true",
        help="do not let Class of Service TLVs choose the DSCP of the answer, which then has that of the "
        "request",
    )


def execute(options: argparse.Namespace) -> int:
    """Answer until SIGTERM or SIGINT."""
    from ..host.key_file import KeyFileError
    from ..reflector.service import CannotListen, MetricsUnavailable, Service

    settings = _settings(options)
    try:
        asyncio.run(_reflect(Service(settings)))
    except (KeyFileError, CannotListen, MetricsUnavailable) as error:
        raise CommandError(f"reflect: {error}") from error
    return SUCCESS


def _settings(options: argparse.Namespace) -> "Settings":
    import ssl

    from ..reflector.responder import StampPolicy
    from ..reflector.service import Settings
    from ..reflector.tcp_echo import tls_context

    if not (options.stamp or options.udp_echo or options.tcp_echo):
        raise CommandError(
            "reflect: nothing to answer, give --stamp, --udp-echo or --tcp-echo with ADDR:PORT"
        )
    if (options.tls_cert is None) != (options.tls_key is None):
        raise CommandError("reflect: --tls-cert and --tls-key go together")
    if options.tls_cert is not None and not options.tcp_echo:
        raise CommandError("reflect: --tls-cert is for --tcp-echo, which is not given")
    if options.key_file is not None and not options.stamp:
        raise CommandError("reflect: --key-file is for --stamp, which is not given")
    if options.max_octets < LEAST_OCTETS:
        raise CommandError(f"reflect: --max-octets is {LEAST_OCTETS} at least, as the shortest answer has")
    if options.keys_for_tlvs and options.key_file is None:
        raise CommandError("reflect: --keys-for-tlvs needs --key-file")
    tls = None
    if options.tls_cert is not None:
        try:
            tls = tls_context(str(options.tls_cert), str(options.tls_key))
        except (OSError, ssl.SSLError) as error:
            raise CommandError(f"reflect: --tls-cert, --tls-key: {error}") from error
    return Settings(
        allow=options.allow,
        rate=options.rate,
        total_rate=options.total_rate,
        octet_rate=options.octet_rate,
        total_octet_rate=options.total_octet_rate,
        largest=options.max_octets,
        permitted_ports=frozenset(options.allow_source_port),
        stamp=options.stamp,
        udp_echo=options.udp_echo,
        tcp_echo=options.tcp_echo,
        tls=tls,
        key_file=options.key_file,
        policy=StampPolicy(
            stateful=not options.stateless,
            tell_location=not options.no_location,
            permit_dscp=not options.no_dscp,
            keys_for_tlvs=options.keys_for_tlvs,
        ),
        metrics=options.metrics,
    )


async def _reflect(service: "Service") -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, service.log_counters)
    await service.run(stop)
