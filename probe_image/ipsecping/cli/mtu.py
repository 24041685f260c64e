"""`ipsecping mtu`: find the path MTU to one host, each way where that can be told."""

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import (
    add_family_arguments,
    add_sender_arguments,
    duration_ms,
    family_of,
    host,
    port,
    positive,
    sender_of,
)
from .errors import NO_ANSWER, SUCCESS, CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..contract import PathMtu
    from ..measure.mtu_evidence import ProbePacket
    from ..measure.mtu_search import Step

NAME = "mtu"
HELP = "find the largest packet that passes to one host, and the TCP MSS to clamp to"
EPILOG = """examples:
  ipsecping mtu 10.50.1.10                      STAMP reflector on port 862: each way by itself
  ipsecping mtu 10.50.1.10 --key-file keys      the same with authenticated STAMP
  ipsecping mtu 10.50.1.10 --icmp               ICMP echo: there and back as one
  ipsecping mtu 10.50.1.10 --min 576 --max 9000 --json

Sizes are bytes of the IP packet, headers included.
exit codes: 0 found; 1 no answer, or not found in time; 2 wrong usage, unknown host, or not permitted
"""
TIME_LIMIT_NS = 60_000_000_000
ATTEMPTS, ATTEMPT_SPACING_NS = 5, 200_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("host", metavar="HOST", type=host, help="IPv4 or IPv6 address, or a name")
    add_family_arguments(parser)
    method = parser.add_mutually_exclusive_group()
    method.add_argument(
        "--stamp",
        metavar="PORT",
        type=port,
        default=862,
        help="STAMP (RFC 8762) to this UDP port (default: 862)",
    )
    method.add_argument("--udp-echo", metavar="PORT", type=port, help="UDP echo to this port")
    method.add_argument("--icmp", action="store_true", help="ICMP echo")
    parser.add_argument(
        "--min", metavar="B", type=positive, default=1280, help="smallest size (default: 1280)"
    )
    parser.add_argument(
        "--max", metavar="B", type=positive, default=1500, help="largest size (default: 1500)"
    )
    parser.add_argument(
        "-W", "--timeout", metavar="TIME", type=duration_ms, default=2000, help="per packet (default: 2s)"
    )
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help="with --stamp: keys of the authenticated mode, the first of which signs",
    )
    add_sender_arguments(parser, source_port="with --stamp and --udp-echo: UDP port to send from")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def execute(options: argparse.Namespace) -> int:
    """Search, print each step and the verdict."""
    from ..contract.methods.path_mtu import LEAST_MTU, MOST_MTU

    if not LEAST_MTU <= options.min <= options.max <= MOST_MTU:
        raise CommandError(f"mtu: --min and --max: {LEAST_MTU} <= min <= max <= {MOST_MTU} is needed")
    if options.timeout < 1:
        raise CommandError("mtu: -W: the timeout must be at least 1ms")
    if options.key_file is not None and (options.udp_echo or options.icmp):
        raise CommandError("mtu: --key-file is for --stamp")
    if options.source_port is not None and options.icmp:
        raise CommandError("mtu: --source-port: ICMP has no ports")
    try:
        return asyncio.run(_search(options))
    except KeyboardInterrupt:
        raise CommandError("mtu: interrupted, nothing was found yet") from None


async def _search(options: argparse.Namespace) -> int:
    from ..addresses import is_ipv6
    from ..contract import LossReason
    from ..host.key_file import KeyFile, KeyFileError
    from ..net.connected_socket import open_connected_ping, open_connected_udp
    from ..net.errors import PingForbidden
    from ..net.resolve import ResolveError, Resolver
    from ..probes.mtu_packets import EchoPackets, StampPackets
    from ..probes.mtu_run import ICMP_PAIR_SPACING, PAIR_SPACING, MtuRun

    number, sender = options.udp_echo or options.stamp, sender_of(options, NAME)
    try:
        keys = () if options.key_file is None else KeyFile(Path(options.key_file)).read()
        address = (await Resolver().resolve(options.host, family=family_of(options))).ip
        sock = (
            open_connected_ping(address, sender=sender, dont_fragment=True)
            if options.icmp
            else open_connected_udp(address, number, sender=sender, dont_fragment=True)
        )
    except (KeyFileError, PingForbidden, ResolveError) as error:
        raise CommandError(f"mtu: {error}") from error
    except OSError as error:
        raise CommandError(f"mtu: {options.host}: {error.strerror}") from error
    ipv6 = is_ipv6(address)
    way = "ICMP" if options.icmp else f"port {number}"
    if not options.json:
        print(
            f"path MTU to {options.host} ({address} {way}), {options.min} to {options.max} bytes", flush=True
        )
    run = MtuRun(
        sock=sock,
        packets=EchoPackets(ipv6=ipv6) if options.icmp else StampPackets(ipv6=ipv6, keys=keys),
        low=options.min,
        high=options.max,
        timeout=options.timeout * 1_000_000,
        pair_spacing=ICMP_PAIR_SPACING if options.icmp else PAIR_SPACING,
        tried=None if options.json else _print_step,
    )
    try:
        found: PathMtu | None = None
        reached = await run.reach(count=ATTEMPTS, spacing=ATTEMPT_SPACING_NS)
        if reached:
            found = await run.find(until=time.monotonic_ns() + TIME_LIMIT_NS)
        messages = sorted(set(run.messages))
        losses = {} if reached else {str(reason): n for reason, n in (await run.settle()).losses.items()}
    finally:
        run.close()
        sock.close()
    if options.json:
        print(json.dumps(as_json(options, address, found, messages=messages, losses=losses, ipv6=ipv6)))
    elif not reached:
        print(f"no answer: {', '.join(losses)}{_waited(options) if LossReason.TIMEOUT in losses else ''}")
    else:
        lines = verdict(found, low=options.min, high=options.max, messages=messages, ipv6=ipv6)
        print("\n".join(lines) + (_waited(options) if found is None else ""))
    return NO_ANSWER if found is None else SUCCESS


def _waited(options: argparse.Namespace) -> str:
    return f" (each answer was waited for {options.timeout / 1000:g} s: -W waits for longer)"


def _print_step(step: "Step", probe: "ProbePacket") -> None:
    if probe.whole:
        said = "passes both ways"
    elif probe.answered:
        said = "arrives, but its answer comes back in pieces or shortened"
    elif probe.refused:
        said = "exceeds the MTU of this host's own link"
    else:
        said = f"no answer to {step.tries} {'try' if step.tries == 1 else 'tries'}"
    print(f"{step.size:>6} bytes: {said}", flush=True)


def verdict(found: "PathMtu | None", *, low: int, high: int, messages: list[int], ipv6: bool) -> list[str]:
    """What was found, in words."""
    if found is None:
        return ["", "the search did not end: the path loses too much, or answers too late"]
    if found.forward is None:
        return [
            "",
            f"path MTU: less than {low}: small packets pass, but not {low} bytes ({_told(found, messages)})",
        ]
    lines = ["", f"path MTU there: {_size(found.forward, high)}"]
    if found.reverse is None:
        lines = ["", f"path MTU there and back: {_size(found.forward, high)}"]
        lines.append("the target does not count what arrives: one way alone may carry more")
    else:
        back = "as large" if found.reverse == found.forward else f"{found.reverse}"
        lines.append(f"path MTU back:  {back if found.reverse >= low else f'less than {low}'}")
    if found.forward < high:
        lines.append(_told(found, messages))
    least = _least(found)
    if least >= low:
        from ..measure.mtu_search import mss_of

        lines.append(f"clamp the TCP MSS to {mss_of(least, ipv6=ipv6)}")
    return lines


def as_json(
    options: argparse.Namespace,
    address: str,
    found: "PathMtu | None",
    *,
    messages: list[int],
    losses: "Mapping[str, int]",
    ipv6: bool,
) -> dict[str, Any]:
    """The JSON object; sizes in bytes of the IP packet. `losses` are those of a path without one answer."""
    from ..measure.mtu_search import mss_of

    content: dict[str, Any] = {
        "host": options.host,
        "address": address,
        "min": options.min,
        "max": options.max,
        "losses": losses,
        "forward": None if found is None else found.forward,
        "reverse": None if found is None else found.reverse,
        "too_big": None if found is None else found.too_big,
        "messages": messages,
        "tcp_mss": None,
    }
    if found is not None and found.forward is not None and _least(found) >= options.min:
        content["tcp_mss"] = mss_of(_least(found), ipv6=ipv6)
    return content


def _size(size: int, high: int) -> str:
    return f"{size} or more (the largest size tried)" if size == high else str(size)


def _least(found: "PathMtu") -> int:
    assert found.forward is not None
    return found.forward if found.reverse is None else min(found.forward, found.reverse)


def _told(found: "PathMtu", messages: list[int]) -> str:
    named = f"MTU {', '.join(map(str, messages))}"
    if found.too_big:
        by = f"({named})" if messages else "by this host's own link"
        return f'larger packets are refused with a "too big" message {by}'
    said = 'black hole: larger packets vanish without a "too big" message'
    return f"{said} that states the limit (stated: {named})" if messages else said
