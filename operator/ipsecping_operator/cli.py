"""The program ipsecping-operator: collects the sub-commands and runs one."""

from collections.abc import Sequence

from ipsecping import __version__
from ipsecping.command_line import CommandLine
from ipsecping.host.standard_streams import output_may_be_lost, run_guarded

from .commands import crd, import_checks, render, run, validate, wait

_COMMANDS = (run, render, validate, import_checks, wait, crd)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sub-command that `argv` (the process's arguments when None) names; returns the exit status."""
    return run_guarded("ipsecping-operator", lambda: _run(argv), lost=1)


def _run(argv: Sequence[str] | None) -> int:
    parser = CommandLine(
        prog="ipsecping-operator",
        description="Kubernetes operator of IPsecPing: runs what IPsecTunnelCheck resources ask for.",
    )
    parser.add_argument("--version", action="version", version=f"ipsecping-operator {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(subparsers)
    for each in subparsers.choices.values():
        each.set_defaults(refuse=each.error)
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        # What stands where no flag takes it may be a secret, such as the URL of a webhook.
        shown = [each.partition("=")[0] if each.startswith("-") else "VALUE" for each in unknown]
        args.refuse(f"unrecognized arguments: {' '.join(shown)}")
    if args.main is run.main:
        output_may_be_lost()
    status: int = args.main(args)
    return status
