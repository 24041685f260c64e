"""The program ipsecping-operator: collects the sub-commands and runs one."""

import argparse
import os
import sys
from collections.abc import Sequence

from ipsecping import __version__

from .commands import crd, import_checks, render, run, validate, wait

_COMMANDS = (run, render, validate, import_checks, wait, crd)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sub-command that `argv` (the process's arguments when None) names; returns the exit status."""
    parser = argparse.ArgumentParser(
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
    try:
        status: int = args.main(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; without this the interpreter complains while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
