"""`ipsecping-operator run`: the operator itself."""

import argparse
import asyncio
import sys
from typing import Any

from ipsecping_operator import settings

_DESCRIPTION = """\
Watch IPsecTunnelChecks, apply what measures them, collect and judge the results, write status, events and
metrics. Runs until SIGTERM. Each flag can also be given by the environment variable named in brackets.
"""
_EPILOG = """examples:
  ipsecping-operator run --probe-image registry.example/ipsecping:0.1.0
  ipsecping-operator run --kubeconfig ~/.kube/config --probe-image ipsecping:dev --namespaces network
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", **shared: Any) -> None:
    """Add the command to the program's sub-commands."""
    parser = subparsers.add_parser(
        "run",
        help="run the operator",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **shared,
    )
    settings.add_arguments(parser)
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run the command."""
    try:
        chosen = settings.from_arguments(args)
    except ValueError as error:
        sys.stderr.write(f"ipsecping-operator run: {error}\n")
        return 2
    # Kopf and the Kubernetes client take half a second to import: only for those who run the operator.
    from ipsecping_operator import logs
    from ipsecping_operator.app import lifecycle
    from ipsecping_operator.kube.access import AccessError
    from ipsecping_operator.metrics.server import CannotListen

    logs.set_up(level=chosen.log_level, form=chosen.log_format)
    try:
        asyncio.run(lifecycle.run(chosen))
    except (AccessError, CannotListen) as error:
        sys.stderr.write(f"ipsecping-operator run: {error}\n")
        return 1
    return 0
