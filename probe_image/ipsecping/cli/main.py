"""Entry point: find the sub-command, set up the log, turn errors into one line and an exit code.

Only the sub-command that is asked for is imported, and imports what it needs when it runs, so that the first
packet leaves soon after the start.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from .. import __version__
from ..command_line import CommandLine, readable
from ..host.descriptors import raise_descriptor_limit
from ..host.service_manager import ServiceManager
from ..host.standard_streams import output_may_be_lost, run_guarded
from .errors import INTERRUPTED, USAGE, CommandError
from .logs import LOG_FORMATS, configure_logging

DESCRIPTION = "Measure loss and round-trip time through an IPsec tunnel, like an instrument."
EPILOG = """examples:
  ipsecping ping 10.50.1.10 -c 10              ICMP echo, as ping(8)
  ipsecping ping 10.50.1.10 --stamp 862 -c 10  STAMP: also tells the direction of loss
  ipsecping ping 10.50.1.10 10.50.1.138 -c 10  several hosts, one summary row each
  ipsecping mtu 10.50.1.10                     the path MTU each way, and the TCP MSS to clamp to
  ipsecping trace 10.50.1.10                   the hops on the way there
  ipsecping ike 198.51.100.2                   is the gateway's IKE daemon alive?
  ipsecping diagnose 10.50.1.10                which layer is broken, and what to do next
  ipsecping run plan.json --json               one round of all probes of a plan
  ipsecping agent plan.json                    rounds forever, results on port 9109
  ipsecping reflect --stamp 0.0.0.0:862 --allow 10.244.0.0/16
  ipsecping audit 10.50.1.10                   does that reflector answer what it should not?

exit codes: 0 done; 1 a probe was not answered, or a fault was found (each command says which); 2 wrong usage
or plan, or this machine or an output does not allow it; 130 interrupted before there was anything to say
"""


COMMANDS = ("ping", "mtu", "trace", "ike", "diagnose", "run", "agent", "reflect", "audit")
"""Each is a module of this package."""
_ENDLESS = ("agent", "reflect")


def parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The command line with the commands of these names: the whole one, or the part that is needed."""
    root = CommandLine(
        prog="ipsecping",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"ipsecping {__version__}")
    commands = root.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for name in names:
        command = import_module(f".{name}", __package__)
        added = commands.add_parser(
            command.NAME,
            help=command.HELP,
            description=f"{command.HELP[0].upper()}{command.HELP[1:]}.",
            epilog=command.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(added)
        added.add_argument(
            "--log-format", choices=LOG_FORMATS, default="text", help="log on standard error (default: text)"
        )
        added.add_argument("-v", "--verbose", action="store_true", help="log details as well")
        added.set_defaults(execute=command.execute, refuse=added.error)
    return root


_OPTIONAL = "prometheus_client"
"""What the agent and some outputs need beside the standard library; the one-file build is without it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    return run_guarded("ipsecping", lambda: _run(given), lost=USAGE)


def _run(given: Sequence[str]) -> int:
    """Parse and run the command line; returns the exit code."""
    wanted = given[:1] if given[:1] and given[0] in COMMANDS else COMMANDS
    options, unknown = parser(wanted).parse_known_args(given)
    if unknown:  # said with the options that the command has
        options.refuse(f"unrecognized arguments: {' '.join(unknown)}")
    configure_logging(options.log_format, verbose=options.verbose)
    if options.command in _ENDLESS:
        output_may_be_lost()
    try:
        if sys.platform != "linux":
            raise CommandError(
                f"this program needs Linux, not {sys.platform}: it measures by kernel timestamps"
            )
        raise_descriptor_limit()
        code = _executed(options)
    except CommandError as error:
        print(f"ipsecping: {readable(str(error))}", file=sys.stderr)
        ServiceManager().status(str(error))
        return USAGE
    except KeyboardInterrupt:
        print("ipsecping: interrupted", file=sys.stderr)
        return INTERRUPTED
    return code


def _executed(options: argparse.Namespace) -> int:
    """Do what was asked for. Raises CommandError also where a package is missing that it needs."""
    try:
        code: int = options.execute(options)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != _OPTIONAL:
            raise
        raise CommandError(
            f"{options.command}: this needs prometheus-client, which is not installed: "
            "apt install python3-prometheus-client, or pip install prometheus-client"
        ) from error
    return code
