"""`ipsecping audit`: does a reflector answer what it should not?"""

import argparse
import asyncio
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .arguments import add_family_arguments, duration_ms, family_of, host, port, positive
from .errors import NO_ANSWER, SUCCESS, CommandError
from .terminal import Mood, StatusLine, Terminal, terminal_of

if TYPE_CHECKING:
    from ..contract import AuditFinding, AuditProtocol
    from ..net.sender import Sender
    from ..probes.audit_verdict import Record, Verdict

NAME = "audit"
HELP = "ask a reflector what it should not answer, and name the option that closes each gap"
EPILOG = """examples:
  ipsecping audit 10.50.1.10                                 STAMP on port 862, without keys
  ipsecping audit 10.50.1.10 --key-file keys                 the same with authenticated STAMP
  ipsecping audit 10.50.1.10 --stamp 862 --udp-echo 55055 --json
  ipsecping audit 10.50.1.10 --rate 20 --outside-source 192.0.2.7

It sends at most 200 packets, 100ms apart, of which each should get no answer or is as any probe's: unsigned,
signed with another key, sent twice, an answer sent back, from the reflector's port, from a port below 1024
(which needs root or CAP_NET_BIND_SERVICE), and too short. Audit only what is yours: a badly made
reflector may not survive it. Silence counts where right packets before and behind were answered, else a test
is "not tested".
exit codes: 0 tested, and nothing found that is not accepted; 1 a finding, or no answer to right packets;
2 wrong usage, unknown host, or not possible on this host
"""
LEAST_SPACING_MS = 10
TIME_LIMIT_NS = 120_000_000_000


class Service(NamedTuple):
    """One port that is audited."""

    protocol: "AuditProtocol"
    port: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "host", metavar="HOST", type=host, help="IPv4 or IPv6 address, or a name, of one reflector"
    )
    add_family_arguments(parser)
    parser.add_argument(
        "--stamp",
        metavar="PORT",
        type=port,
        help="its STAMP or TWAMP Light port (default: 862, without --udp-echo)",
    )
    parser.add_argument("--udp-echo", metavar="PORT", type=port, help="its UDP echo port")
    parser.add_argument(
        "--key-file", metavar="FILE", help="the reflector's keys, as a prober has them; the first signs"
    )
    parser.add_argument(
        "--rate", metavar="N", type=positive, help="packets a second that it is meant to answer: 5 to 40"
    )
    parser.add_argument(
        "--outside-source",
        metavar="ADDRESS",
        help="an address of this host that the reflector should not answer",
    )
    parser.add_argument(
        "--accept",
        metavar="FINDING",
        action="append",
        default=[],
        help="a finding that is known and wanted, such as AnswersUnsigned; may be repeated",
    )
    parser.add_argument(
        "-I", "--source", metavar="SOURCE", help="address or interface of this host to send from"
    )
    parser.add_argument(
        "-i",
        "--interval",
        metavar="TIME",
        type=duration_ms,
        default=100,
        help="between two packets (default: 100ms)",
    )
    parser.add_argument(
        "-W", "--timeout", metavar="TIME", type=duration_ms, default=2000, help="per packet (default: 2s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def execute(options: argparse.Namespace) -> int:
    """Audit, print what was found and what closes it."""
    _check(options)
    try:
        return asyncio.run(_audit(options))
    except KeyboardInterrupt:
        raise CommandError("audit: interrupted before anything can be said") from None


def _check(options: argparse.Namespace) -> None:
    """Raise CommandError for options that are out of range or do not go together."""
    from ..contract import AuditFinding
    from ..contract.audit_finding import LEAST_RATE, MOST_RATE

    if options.timeout < 1:
        raise CommandError("audit: -W: the timeout must be at least 1ms")
    if options.interval < LEAST_SPACING_MS:
        raise CommandError(f"audit: -i: the interval must be at least {LEAST_SPACING_MS}ms")
    if options.rate is not None and not LEAST_RATE <= options.rate <= MOST_RATE:
        raise CommandError(
            f"audit: --rate: {LEAST_RATE} to {MOST_RATE} packets a second can be tested by so few packets"
        )
    if options.key_file is not None and options.udp_echo and not options.stamp:
        raise CommandError("audit: --key-file is for --stamp, which is not given")
    unknown = [each for each in options.accept if each not in set(AuditFinding)]
    if unknown:
        raise CommandError(f"audit: --accept: {unknown[0]!r} is not one of {', '.join(AuditFinding)}")


def _services(options: argparse.Namespace) -> list[Service]:
    from ..contract import AuditProtocol
    from ..contract.methods import stamp

    services = []
    if options.stamp or not options.udp_echo:
        services.append(Service(AuditProtocol.STAMP, options.stamp or stamp.PORT))
    if options.udp_echo:
        services.append(Service(AuditProtocol.UDP_ECHO, options.udp_echo))
    return services


async def _audit(options: argparse.Namespace) -> int:
    from ..addresses import is_ipv6
    from ..contract.fields import ContractError, canonical_address
    from ..contract.sources import read_source
    from ..host.key_file import KeyFile, KeyFileError
    from ..net.resolve import ResolveError, Resolver
    from ..net.sender import Sender
    from ..probes.audit_run import NoHost, check_host

    outside = options.outside_source
    if outside is not None and canonical_address(outside) is None:
        raise CommandError(f"audit: --outside-source: {outside!r} is not an IP address")
    try:
        keys = () if options.key_file is None else KeyFile(Path(options.key_file)).read()
        address = (await Resolver().resolve(options.host, family=family_of(options))).ip
        check_host(address)
        if outside is not None and is_ipv6(outside) is not is_ipv6(address):
            raise CommandError(
                f"audit: --outside-source: {outside} cannot send to {address}: give one of the same family"
            )
        sender = Sender(source=read_source(options.source, "-I"))
    except (KeyFileError, ResolveError, NoHost, ContractError) as error:
        raise CommandError(f"audit: {error}") from error
    audits = []
    for place, service in enumerate(_services(options)):
        rate = options.rate if place == 0 else None
        try:
            audits.append((service, await _one(options, address, service, keys, sender, rate=rate)))
        except OSError as error:
            raise CommandError(f"audit: {options.host}: {error.strerror or error}") from error
    if options.json:
        print(json.dumps(as_json(options, address, audits)))
    return _code(options, audits)


async def _one(
    options: argparse.Namespace,
    address: str,
    service: Service,
    keys: tuple[bytes, ...],
    sender: "Sender",
    *,
    rate: int | None,
) -> "Record":
    from ..probes.audit import dialects
    from ..probes.audit_cases import most_packets
    from ..probes.audit_run import AuditRun, spacing_for

    dialect, fallback = dialects(service.protocol, keys)
    outside = options.outside_source
    cases = dialect.cases(port=service.port, outside=outside is not None)
    most = most_packets(cases, rate=rate is not None)
    spacing = spacing_for(rate, options.interval * 1_000_000)
    status = StatusLine(sys.stderr)
    if not options.json:
        print("\n".join(_announced(options, address, service, most=most, spacing=spacing, rate=rate)))
        sys.stdout.flush()
    run = AuditRun(
        address=address,
        port=service.port,
        dialect=dialect,
        fallback=fallback,
        timeout=options.timeout * 1_000_000,
        spacing=spacing,
        until=time.monotonic_ns() + TIME_LIMIT_NS + 10 * options.timeout * 1_000_000,
        sender=sender,
        outside=outside,
        rate=rate,
        told=partial(_tell, status, most),
    )
    try:
        record = await run.run()
    finally:
        run.close()
        status.clear()
    if not options.json:
        print("\n".join(as_lines(options, record, terminal_of(sys.stdout))))
    return record


def _tell(status: StatusLine, most: int, packets: int) -> None:
    status.show(f"{packets} of at most {most} packets sent")


def _announced(
    options: argparse.Namespace,
    address: str,
    service: Service,
    *,
    most: int,
    spacing: int,
    rate: int | None,
) -> list[str]:
    """What is going to be sent."""
    signed = "" if options.key_file is None or service.protocol != "STAMP" else ", with keys"
    lines = [
        f"audit of {service.protocol} at {options.host} ({address} port {service.port}){signed}:",
        f"sending at most {most} packets, {spacing / 1e6:g} ms apart"
        + ("" if rate is None else ", 90 of them within a second to exceed its rate"),
    ]
    if options.outside_source is not None:
        lines.append(f"some of them from {options.outside_source}, which should not be answered")
    return lines


def as_lines(options: argparse.Namespace, record: "Record", terminal: Terminal) -> list[str]:
    """What was found, the gravest kind of outcome first, and what was not asked for."""
    from ..probes.audit_verdict import Outcome, judge

    verdicts = judge(record)
    lines = [""]
    for outcome in Outcome:
        for finding, verdict in verdicts.items():
            if verdict.outcome is outcome:
                lines += _lines_of(finding, verdict, terminal, accepted=finding in options.accept)
    untested = []
    if options.outside_source is None:
        untested.append("an address outside of its allow-list (--outside-source ADDRESS)")
    if record.rate is None:
        untested.append("its rate (--rate N)")
    if untested:
        lines.append(f"not asked for  {' and '.join(untested)}")
    answered = len(record.controls) - record.lost
    counted = [
        f"{sum(verdict.outcome is outcome for verdict in verdicts.values())} {outcome.value}"
        for outcome in Outcome
    ]
    return [
        *lines,
        "",
        f"{', '.join(counted)}; {answered} of {len(record.controls)} right packets answered, "
        f"{record.packets} packets sent",
    ]


def _lines_of(
    finding: "AuditFinding", verdict: "Verdict", terminal: Terminal, *, accepted: bool
) -> list[str]:
    from ..probes.audit_verdict import Outcome

    if verdict.outcome is not Outcome.FOUND:
        return [f"{verdict.outcome.value:<14} {finding}: {verdict.evidence}"]
    label = "accepted" if accepted else "FOUND"
    mood = Mood.ODD if accepted else Mood.BAD
    return [
        terminal.paint(f"{label:<14} {finding}: it {finding.meaning}", mood),
        f"{'':<14} {verdict.evidence}",
        f"{'':<14} ipsecping reflect: {finding.remedy}",
        f"{'':<14} other reflectors: {finding.elsewhere}",
    ]


def as_json(
    options: argparse.Namespace, address: str, audits: "list[tuple[Service, Record]]"
) -> dict[str, Any]:
    """The JSON object."""
    return {
        "host": options.host,
        "address": address,
        "audits": [_audit_as_json(options, service, record) for service, record in audits],
    }


def _audit_as_json(options: argparse.Namespace, service: Service, record: "Record") -> dict[str, Any]:
    from ..probes.audit_verdict import Outcome, judge

    results = []
    for finding, verdict in judge(record).items():
        found = verdict.outcome is Outcome.FOUND
        results.append(
            {
                "finding": finding.value,
                "outcome": verdict.outcome.value,
                "accepted": found and finding in options.accept,
                "evidence": verdict.evidence,
                "remedy": finding.remedy if found else None,
                "elsewhere": finding.elsewhere if found else None,
            }
        )
    return {
        "protocol": service.protocol.value,
        "port": service.port,
        "packets": record.packets,
        "controls": len(record.controls),
        "controls_answered": len(record.controls) - record.lost,
        "results": results,
    }


def _code(options: argparse.Namespace, audits: "list[tuple[Service, Record]]") -> int:
    from ..probes.audit_verdict import Outcome, judge

    for _, record in audits:
        if record.lost == len(record.controls):
            return NO_ANSWER
        for finding, verdict in judge(record).items():
            if verdict.outcome is Outcome.FOUND and finding not in options.accept:
                return NO_ANSWER
    return SUCCESS
