"""What `ipsecping ping` is asked to send: its options, and the probe that they make."""

import argparse
import re
from typing import TYPE_CHECKING

from .arguments import add_sender_arguments, flows, port, positive, source_of, unescaped
from .errors import CommandError

if TYPE_CHECKING:
    from ..contract import MethodSpec, Options, PlannedProbe, ProbeType

LEAST_INTERVAL_MS = 10
PAYLOAD = 56


def add_probe_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say what is sent."""
    from ..contract import METHODS, ProbeType

    dns_port = METHODS[ProbeType.DNS].port
    flags = {flag_name(method): method.flag for method in METHODS.values() if method.flag is not None}
    method = parser.add_mutually_exclusive_group()
    method.add_argument("--icmp", action="store_true", help="ICMP echo (the default)")
    for name, flag in sorted(flags.items(), key=lambda item: item[1].position):
        method.add_argument(name, metavar=flag.metavar, type=port if flag.is_port else str, help=flag.text)
    parser.add_argument("--tls", action="store_true", help="with --tcp: also a TLS handshake")
    parser.add_argument(
        "--starttls",
        metavar="PROTOCOL",
        choices=("SMTP", "IMAP", "Postgres", "LDAP"),
        help="with --tls: protocol spoken before the handshake: SMTP, IMAP, Postgres or LDAP",
    )
    parser.add_argument(
        "--expect",
        metavar="REGEX",
        dest="steps",
        action="append",
        type=lambda text: {"expect": text},
        help="with --tcp: wait for a line that matches this (repeatable, alternating with --send)",
    )
    parser.add_argument(
        "--send",
        metavar="TEXT",
        dest="steps",
        action="append",
        type=lambda text: {"send": unescaped(text)},
        help="with --tcp: send this; \\r, \\n, \\t and \\\\ are understood",
    )
    parser.add_argument("--ca-file", metavar="FILE", help="certificates to trust (default: the system's)")
    parser.add_argument(
        "--server-name", metavar="NAME", help="name in the certificate (default: HOST, or the URL's)"
    )
    parser.add_argument(
        "--client-certificate",
        metavar="FILE",
        help="client certificate to present, in PEM form, with its key in the same file or in --client-key",
    )
    parser.add_argument("--client-key", metavar="FILE", help="key of --client-certificate")
    parser.add_argument("--insecure", action="store_true", help="accept any certificate")
    parser.add_argument(
        "--tls-strict",
        action="store_true",
        help=("require certificates to meet the strict profile of RFC 5280"),
    )
    _add_http_arguments(parser.add_argument_group("with --http"))
    parser.add_argument(
        "--dns-port", metavar="PORT", type=port, default=dns_port, help=f"with --dns (default: {dns_port})"
    )
    group = parser.add_argument_group("with --dns")
    group.add_argument("--dns-tcp", action="store_true", help="ask over TCP")
    group.add_argument(
        "--edns-size", metavar="B", type=positive, help="bytes of an answer (default: no EDNS)"
    )
    group.add_argument(
        "--rcode",
        metavar="CODE",
        action="append",
        help=("correct response code (repeatable; default: NOERROR)"),
    )
    group.add_argument(
        "--answer-in",
        metavar="NET",
        action="append",
        help=("network that has to contain the addresses of the answer (repeatable)"),
    )
    group.add_argument(
        "--answer",
        metavar="DATA",
        action="append",
        help="data of a correct record, such as '10 mail.example' of an MX (repeatable; default: any)",
    )
    group.add_argument("--sequence-label", action="store_true", help="ask for s1.NAME, s2.NAME and so on")
    add_sender_arguments(
        parser,
        source_port="with --stamp, --udp-echo and --flows: port to send from, the first one of the flows'",
    )
    parser.add_argument(
        "--flows",
        metavar="N",
        type=flows,
        default=1,
        help="with --stamp, --udp-echo and --tcp: send from N source ports at the same time, which routers "
        "with several equal-cost routes treat as separate flows",
    )
    parser.add_argument(
        "-s",
        "--size",
        metavar="B",
        type=positive,
        help=f"bytes of UDP or ICMP payload (default: {PAYLOAD}, or more where the type needs it)",
    )
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help="with --stamp: keys of the authenticated mode, the first of which signs",
    )
    for name, what in STAMP_ONLY.items():
        parser.add_argument(
            "--" + name.replace("_", "-"), action="store_true", help=f"with --stamp: have it tell {what}"
        )


def _add_http_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--method", metavar="NAME", help="request method (default: GET)")
    group.add_argument("--host-header", metavar="HOST", help="Host field to send (default: the URL's host)")
    group.add_argument("--header", metavar="NAME:VALUE", action="append", help="field to send (repeatable)")
    group.add_argument("--data", metavar="TEXT", help="body of the request")
    group.add_argument(
        "--user", metavar="NAME", help=("user name of Basic authentication, with --password-file")
    )
    group.add_argument("--password-file", metavar="FILE", help="file with the password")
    group.add_argument("--token-file", metavar="FILE", help="file with a token of Bearer authentication")
    group.add_argument(
        "--insecure-credentials", action="store_true", help="send them even over http or with --insecure"
    )
    group.add_argument(
        "--max-redirects", metavar="N", type=positive, help="redirects to follow (default: none)"
    )
    group.add_argument("--gzip", action="store_true", help="ask for a compressed answer")
    group.add_argument("--sequence", action="store_true", help="add a field X-IPsecPing with number and time")
    group.add_argument(
        "--status",
        metavar="CODE",
        type=positive,
        action="append",
        help="correct status code (repeatable; default: 200)",
    )
    for option, what in (("--body-matches", "has to be"), ("--body-not-matches", "must not be")):
        group.add_argument(
            option, metavar="REGEX", action="append", help=f"what {what} found in the body (repeatable)"
        )
    for option, what in (("--header-matches", "has to be"), ("--header-not-matches", "must not be")):
        group.add_argument(
            option, metavar="NAME:REGEX", action="append", help=f"what {what} in a field (repeatable)"
        )


HTTP_ONLY = (
    "method", "host_header", "header", "data", "user", "password_file", "token_file", "insecure_credentials",
    "max_redirects", "gzip", "sequence", "status", "body_matches", "body_not_matches", "header_matches",
    "header_not_matches",
)  # fmt: skip


STAMP_ONLY = {
    "ask_source": "the source address that packets arrive from",
    "ask_dscp": "the DSCP and ECN that they arrive with",
    "ask_hops": "how many routers they pass, by the TTL that they arrive with",
}

DNS_ONLY = ("dns_tcp", "edns_size", "rcode", "answer_in", "answer", "sequence_label")


def probe_from(options: argparse.Namespace) -> "PlannedProbe":
    """The probe; raises CommandError for options that contradict one another."""
    from ..contract import PlannedProbe

    kind, number, more = _method(options)
    interval = _interval(options, kind)
    if interval < LEAST_INTERVAL_MS:
        raise CommandError(f"ping: -i: {LEAST_INTERVAL_MS}ms is the shortest interval")
    if options.timeout < 1:
        raise CommandError("ping: -W: the timeout must be at least 1ms")
    return PlannedProbe(
        name="ping",
        type=kind,
        count=1,
        spacing_ms=interval,
        timeout_ms=options.timeout,
        size=_size(options, kind, more),
        port=number,
        dscp=options.dscp,
        ttl=options.ttl,
        source=source_of(options, "ping"),
        source_port=_source_port(options, kind),
        flows=options.flows,
        options=more,
    )


def _source_port(options: argparse.Namespace, kind: "ProbeType") -> int | None:
    from ..contract import METHODS

    number: int | None = options.source_port
    method, several = METHODS[kind], options.flows > 1
    if several and not method.has_flows:
        raise CommandError(f"ping: --flows: {kind} has no source ports to choose")
    if number is None:
        return None
    if not (method.fixes_port or several):
        without = " without --flows" if method.has_flows else ""
        raise CommandError(f"ping: --source-port: {kind} has no port of its own to fix{without}")
    if number + options.flows - 1 > 65535:
        raise CommandError(f"ping: --source-port {number}: there are no {options.flows} ports from there on")
    return number


def _interval(options: argparse.Namespace, kind: "ProbeType") -> int:
    from ..contract import METHODS
    from ..contract.planned_probe import LEAST_REST_MS

    rests = METHODS[kind].one_at_a_time and options.flows > 1
    least = options.timeout + LEAST_REST_MS if rests else 0
    if options.interval is None:
        return max(1000, least)
    if options.interval < least:
        raise CommandError(
            f"ping: -i: with --flows at least {least}ms, {LEAST_REST_MS}ms more than the timeout (-W): a "
            "flow has one connection at a time"
        )
    return int(options.interval)


_OPTION_OF_FIELD = {
    "status_codes": "--status", "username": "--user", "host": "--host-header", "networks": "--answer-in",
    "answers": "--answer", "body": "--data", "expect": "--expect", "send": "--send",
}  # fmt: skip
"""Options that are not called as the plan's field is."""


def flag_name(method: "MethodSpec") -> str:
    """Return the option of the command line that asks for the type, such as --udp-echo."""
    return "--" + re.sub("(?<=[a-z])(?=[A-Z])", "-", method.member).lower()


def _method(options: argparse.Namespace) -> "tuple[ProbeType, int | None, Options | None]":
    """Type, port and options of the type."""
    from ..contract import METHODS, ContractError, ProbeType

    _check_companions(options)
    given = vars(options)
    for method in METHODS.values():
        name = flag_name(method)
        value = given.get(name[2:].replace("-", "_"))
        if method.flag is None or value is None:
            continue
        number = value if method.flag.is_port else given.get(f"{method.member}_port", method.port)
        try:
            made = method.flag.read(value, given) if method.flag.read else method.read_options(None, name)
        except ContractError as error:
            raise CommandError(f"ping: {_by_options(str(error), given)}") from error
        return method.name, number, made
    return ProbeType.ICMP, None, None


def _by_options(message: str, given: dict[str, object]) -> str:
    """The message with the option that was given instead of the plan's field that it became.

    A message begins with the field's path, such as `--http.statusCodes[0]: ...`.
    """
    path, colon, said = message.partition(": ")
    whole, *fields = re.sub(r"\[\d+\]", "", path).split(".")
    words = (re.sub("(?<=[a-z])(?=[A-Z])", "_", field).lower() for field in reversed(fields))
    option = next((found for word in words if (found := _option(word, given))), whole)
    return f"{option}{colon}{said}"


def _option(field: str, given: dict[str, object]) -> str | None:
    names = (field, field.removesuffix("s"))
    return _OPTION_OF_FIELD.get(field) or next(
        (f"--{name.replace('_', '-')}" for name in names if name in given), None
    )


def _check_companions(options: argparse.Namespace) -> None:
    """Raise CommandError for options that go with a type that is not asked for, or contradict one another."""
    if options.tls and not options.tcp:
        raise CommandError("ping: --tls goes with --tcp PORT; for HTTP, write https:// in the URL")
    for member, names in (("http", HTTP_ONLY), ("dns", DNS_ONLY)):
        lonely = next(
            (name for name in names if getattr(options, name) and not getattr(options, member)), None
        )
        if lonely is not None:
            raise CommandError(f"ping: --{lonely.replace('_', '-')} goes with --{member}")
    if options.steps and not options.tcp:
        raise CommandError("ping: --expect and --send go with --tcp PORT")
    if options.starttls and not options.tls:
        raise CommandError("ping: --starttls goes with --tls")
    if options.client_key and not options.client_certificate:
        raise CommandError("ping: --client-key belongs to --client-certificate, which is not given")
    of_tls = (
        options.ca_file
        or options.server_name
        or options.insecure
        or options.tls_strict
        or options.client_certificate
    )
    if of_tls and not (options.tls or options.http):
        raise CommandError(
            "ping: --ca-file, --server-name, --client-certificate, --insecure and --tls-strict go with --tls "
            "or --http"
        )
    if options.tls_strict and options.insecure:
        raise CommandError("ping: nothing is verified with --insecure: leave out --tls-strict")
    asking = next((name for name in STAMP_ONLY if getattr(options, name)), None)
    if asking is not None and not options.stamp:
        raise CommandError(f"ping: --{asking.replace('_', '-')} goes with --stamp")
    if options.key_file is not None and not options.stamp:
        raise CommandError("ping: --key-file is for --stamp, which is not given")


def _size(options: argparse.Namespace, kind: "ProbeType", more: "Options | None") -> int:
    from ..contract import METHODS
    from ..contract.planned_probe import MAX_PAYLOAD

    method = METHODS[kind]
    if not method.sized:
        if options.size is not None:
            raise CommandError(f"ping: --size: {kind} has no payload to choose")
        return 0
    least = method.least_payload(more)
    size = options.size or max(PAYLOAD, least)
    if not least <= size <= MAX_PAYLOAD:
        raise CommandError(f"ping: --size {size}: {kind} takes {least} to {MAX_PAYLOAD} bytes here")
    return int(size)
