"""`ipsecping-operator crd`: print the CustomResourceDefinition."""

import argparse
import sys
from typing import Any

_EPILOG = """example:
  ipsecping-operator crd | kubectl apply --server-side -f -
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", **shared: Any) -> None:
    """Add the command to the program's sub-commands."""
    parser = subparsers.add_parser(
        "crd",
        help="print the CustomResourceDefinition",
        description="Print the CustomResourceDefinition of IPsecTunnelCheck as YAML.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **shared,
    )
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run the command."""
    from ipsecping_operator.api.crd import crd_yaml

    sys.stdout.write(crd_yaml())
    return 0
