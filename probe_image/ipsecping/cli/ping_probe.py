"""What `ipsecping ping` is asked to send: its options, and the probe that they make."""

import argparse
from typing import TYPE_CHECKING

from .arguments import dscp, port, positive
from .errors import CommandError

if TYPE_CHECKING:
    from ..contract import Options, PlannedProbe, ProbeType

LEAST_INTERVAL_MS = 10
MAX_PAYLOAD = 65_507
PAYLOAD = 56
DNS_PORT = 53


def add_probe_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say what is sent."""
    method = parser.add_mutually_exclusive_group()
    method.add_argument("--icmp", action="store_true", help="ICMP echo (the default)")
    method.add_argument("--stamp", metavar="PORT", type=port, help="STAMP (RFC 8762) to this UDP port")
    method.add_argument("--udp-echo", metavar="PORT", type=port, help="UDP echo to this port")
    method.add_argument("--tcp", metavar="PORT", type=port, help="connect to this TCP port")
    method.add_argument("--http", metavar="URL", help="GET this URL from HOST, whatever host the URL names")
    method.add_argument("--dns", metavar="NAME[/TYPE]", help="ask HOST for this name (TYPE: A when absent)")
    parser.add_argument("--tls", action="store_true", help="with --tcp: also a TLS handshake")
    parser.add_argument("--ca-file", metavar="FILE", help="certificates to trust (default: the system's)")
    parser.add_argument(
        "--server-name", metavar="NAME", help="name in the certificate (default: HOST, or the URL's)"
    )
    parser.add_argument("--insecure", action="store_true", help="accept any certificate")
    parser.add_argument(
        "--tls-strict", action="store_true", help="ask the strict profile of RFC 5280 of certificates"
    )
    parser.add_argument(
        "--dns-port", metavar="PORT", type=port, default=DNS_PORT, help=f"with --dns (default: {DNS_PORT})"
    )
    parser.add_argument(
        "--dscp", metavar="N", type=dscp, default=0, help="code point of the packets, 0 to 63"
    )
    parser.add_argument(
        "-s",
        "--size",
        metavar="B",
        type=positive,
        help=f"octets of UDP or ICMP payload (default: {PAYLOAD}, or more where the type needs it)",
    )
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help="with --stamp: keys of the authenticated mode, the first of which signs",
    )


def probe_from(options: argparse.Namespace) -> "PlannedProbe":
    """The probe; raises CommandError for options that contradict one another."""
    from ..contract import PlannedProbe

    if options.interval < LEAST_INTERVAL_MS:
        raise CommandError(f"ping: -i: {LEAST_INTERVAL_MS}ms is the shortest interval")
    if options.timeout < 1:
        raise CommandError("ping: -W: the timeout must be at least 1ms")
    kind, number, more = _method(options)
    return PlannedProbe(
        name="ping",
        type=kind,
        count=1,
        spacing_ms=options.interval,
        timeout_ms=options.timeout,
        size=_size(options, kind, more),
        port=number,
        dscp=options.dscp,
        options=more,
    )


def _method(options: argparse.Namespace) -> "tuple[ProbeType, int | None, Options | None]":
    """Type, port and options of the type."""
    from ..contract import ContractError, ProbeType, StampOptions, TcpOptions, TlsOptions
    from ..contract.options import options_from_json, tls_to_json

    if options.tls and not options.tcp:
        raise CommandError("ping: --tls goes with --tcp PORT; for HTTP, write https:// in the URL")
    of_tls = options.ca_file or options.server_name or options.insecure or options.tls_strict
    if of_tls and not (options.tls or options.http):
        raise CommandError(
            "ping: --ca-file, --server-name, --insecure and --tls-strict go with --tls or --http"
        )
    if options.tls_strict and options.insecure:
        raise CommandError("ping: nothing is verified with --insecure: leave out --tls-strict")
    if options.key_file is not None and not options.stamp:
        raise CommandError("ping: --key-file is for --stamp, which is not given")
    tls = TlsOptions(
        server_name=options.server_name,
        ca_file=options.ca_file,
        verify=not options.insecure,
        strict=options.tls_strict,
    )
    if options.stamp:
        return ProbeType.STAMP, options.stamp, StampOptions(key_file=options.key_file)
    if options.udp_echo:
        return ProbeType.UDP_ECHO, options.udp_echo, None
    if options.tcp:
        return ProbeType.TCP, options.tcp, TcpOptions(tls=tls if options.tls else None)
    try:
        if options.http is not None:
            source = {"url": options.http, "tls": tls_to_json(tls)}
            return ProbeType.HTTP, None, options_from_json(ProbeType.HTTP, source, "--http")
        if options.dns is not None:
            query, _, record = options.dns.partition("/")
            asked = {"query": query, "recordType": (record or "A").upper()}
            return ProbeType.DNS, options.dns_port, options_from_json(ProbeType.DNS, asked, "--dns")
    except ContractError as error:
        raise CommandError(f"ping: {error}") from error
    return ProbeType.ICMP, None, None


def _size(options: argparse.Namespace, kind: "ProbeType", more: "Options | None") -> int:
    from ..contract import MIN_PAYLOAD, least_payload

    if kind not in MIN_PAYLOAD:
        if options.size is not None:
            raise CommandError(f"ping: --size: {kind} has no payload to choose")
        return 0
    least = least_payload(kind, more)
    size = options.size or max(PAYLOAD, least)
    if not least <= size <= MAX_PAYLOAD:
        raise CommandError(f"ping: --size {size}: {kind} takes {least} to {MAX_PAYLOAD} octets here")
    return int(size)
