"""`ipsecping ike`: is a gateway's IKE daemon alive?"""

import argparse
import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from .arguments import (
    add_family_arguments,
    add_sender_arguments,
    duration_ms,
    family_of,
    host,
    port,
    sender_of,
)
from .errors import NO_ANSWER, SUCCESS, CommandError

if TYPE_CHECKING:
    from ..contract import IkeOptions
    from ..probes.ike_exchange import PortOutcome

NAME = "ike"
HELP = "ask a gateway's IKE daemon whether it is alive"
EPILOG = """examples:
  ipsecping ike 198.51.100.2
  ipsecping ike vpn.example --detect-nat --json
  ipsecping ike vpn.example --port 4500 -I eth1              only this port, from that interface
  ipsecping ike vpn.example --port 10500 --plain-port 10500  forwarded to the gateway's port 500

The request offers what no gateway accepts, so that no half-open SA stays. --detect-nat has to offer what
gateways accept: it leaves one half-open SA until the gateway forgets it. Do not repeat it often: gateways
block peers with many of them.
exit codes: 0 an answer (with --require All: from each port); 1 none; 2 wrong usage, unknown host or source
"""

_OPTIONS = {"ports": "--port", "plainPorts": "--plain-port"}
"""What the fields of a plan are called here."""
_OF_OPTIONS = re.compile(rf"^ike\.({'|'.join(_OPTIONS)}):")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("gateway", metavar="GATEWAY", type=host, help="IPv4 or IPv6 address, or a name")
    add_family_arguments(parser)
    parser.add_argument(
        "--detect-nat", action="store_true", help="also find out whether there is NAT on the way"
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=port,
        action="append",
        help=("send to this port (repeatable; default: both)"),
    )
    parser.add_argument(
        "--plain-port",
        metavar="PORT",
        type=port,
        action="append",
        help="a --port to which requests are sent as to port 500, without the non-ESP marker of NAT "
        "traversal (repeatable)",
    )
    parser.add_argument(
        "--require", choices=("Any", "All"), default="Any", help="which ports must answer (default: Any)"
    )
    add_sender_arguments(
        parser, source_port=("UDP port to send from; the ports are then tested one after the other")
    )
    parser.add_argument(
        "-W", "--timeout", metavar="TIME", type=duration_ms, default=3000, help="per request (default: 3s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def execute(options: argparse.Namespace) -> int:
    """Ask and print."""
    if options.timeout < 1:
        raise CommandError("ike: -W: the timeout must be at least 1ms")
    try:
        return asyncio.run(_ask(options))
    except KeyboardInterrupt:
        raise CommandError("ike: interrupted before the gateway answered") from None


async def _ask(options: argparse.Namespace) -> int:
    from ..net.resolve import ResolveError, Resolver
    from ..probes.ike_exchange import ask_nat, ask_ports

    timeout, sender, asked = options.timeout * 1_000_000, sender_of(options, NAME), _asked(options)
    nat: bool | None = None
    try:
        address = (await Resolver().resolve(options.gateway, family=family_of(options))).ip
        outcomes = await ask_ports(
            address, timeout=timeout, sender=sender, ports=asked.ports, plain=asked.plain_ports
        )
        alive = [outcome.port for outcome in outcomes if outcome.answer is not None]
        if options.detect_nat and alive:
            plain = alive[0] in asked.plain_ports
            nat = await ask_nat(address, alive[0], timeout=timeout, sender=sender, plain=plain)
    except ResolveError as error:
        raise CommandError(f"ike: {error}") from error
    except OSError as error:
        raise CommandError(f"ike: {options.gateway}: {error.strerror}") from error
    if options.json:
        print(json.dumps(_as_json(options, address, outcomes, nat)))
    else:
        print("\n".join(_as_lines(options, address, outcomes, nat)))
    needed = len(outcomes) if options.require == "All" else 1
    return SUCCESS if len(alive) >= needed else NO_ANSWER


def _asked(options: argparse.Namespace) -> "IkeOptions":
    """The ports, held to the same rules as a plan's. Raises CommandError."""
    from ..contract import ContractError, IkeOptions

    given = {"gateway": options.gateway, "ports": options.port, "plainPorts": options.plain_port}
    try:
        return IkeOptions.from_json(given, NAME)
    except ContractError as error:
        raise CommandError(
            _OF_OPTIONS.sub(lambda found: f"ike: {_OPTIONS[found[1]]}:", str(error))
        ) from error


def _as_lines(
    options: argparse.Namespace, address: str, outcomes: "list[PortOutcome]", nat: bool | None
) -> list[str]:
    lines = [f"IKE at {options.gateway} ({address})"]
    for outcome in outcomes:
        if outcome.answer is not None and outcome.rtt is not None:
            said = f"alive, answered {outcome.answer.kind} after {outcome.rtt / 1e6:.1f} ms"
        else:
            said = f"no answer: {outcome.reason or 'this host could not send'}"
        lines.append(f"  port {outcome.port}: {said}")
    if options.detect_nat:
        lines.append(f"  NAT on the way: {'unknown' if nat is None else 'yes' if nat else 'no'}")
    return lines


def _as_json(
    options: argparse.Namespace, address: str, outcomes: "list[PortOutcome]", nat: bool | None
) -> dict[str, Any]:
    return {
        "gateway": options.gateway,
        "address": address,
        "ports": [
            {
                "port": outcome.port,
                "alive": outcome.answer is not None,
                "answer": None if outcome.answer is None else outcome.answer.kind,
                "reason": outcome.reason,
                "unit": "ms",
                "rtt": None if outcome.rtt is None else outcome.rtt / 1e6,
            }
            for outcome in outcomes
        ],
        "nat": nat,
    }
