"""`ipsecping-operator validate`: find mistakes in checks before they are committed."""

import argparse
import sys
from typing import Any

from ipsecping_operator.api.names import KIND
from ipsecping_operator.permission_settings import PERMISSIONS, permissions_of
from ipsecping_operator.setting import add_settings

_DESCRIPTION = """\
Validate IPsecTunnelCheck manifests without a cluster, by the rules of the API server and of the operator.
Print one line for each mistake, with file, check and field, and exit with status 1 when there is one.
Manifests of other kinds, and files that name no check, are passed over: they need not even be YAML. A folder
or standard input without any check is a mistake: it may well be the wrong one.
"""
_EPILOG = """examples:
  ipsecping-operator validate clusters/                       # every manifest in a folder and below
  kustomize build clusters/prod | ipsecping-operator validate -
  kubectl get itc -A -o yaml | ipsecping-operator validate -
  ipsecping-operator validate --allow-targets '*=10.50.0.0/16' checks/*.yaml
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", **shared: Any) -> None:
    """Add the command to the program's sub-commands."""
    parser = subparsers.add_parser(
        "validate",
        help="find mistakes in checks, as before a commit or in CI",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **shared,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="manifest, folder of manifests, or - for standard input"
    )
    parser.add_argument(
        "--allow-empty", action="store_true", help="no mistake where there is no check, as for pre-commit"
    )
    group = parser.add_argument_group(
        "permissions",
        "as given to `ipsecping-operator run`, by flag or by the environment variable in brackets",
    )
    add_settings(group, PERMISSIONS)
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run the command."""
    from .manifests import (
        Examined,
        ManifestError,
        examine,
        files_of,
        is_folder,
        manifests_in,
        names_checks,
        printed,
        text_of,
    )

    permissions = permissions_of(args)
    found = Examined()
    empty = []
    for given in args.files:
        before = found.count
        for name in files_of([given]):
            try:
                text = text_of(name)
                if names_checks(text):
                    examine(manifests_in(text, name), name, permissions, found)
            except ManifestError as error:
                found.mistakes.append(str(error))
        if found.count == before:
            empty.append(given)
    if not args.allow_empty:
        found.mistakes += [
            f"{each}: no {KIND} in it: is it the right one? --allow-empty where none may be there"
            for each in empty
            if not found.count or each == "-" or is_folder(each)
        ]
    sys.stderr.writelines(printed(found.mistakes))
    if found.mistakes:
        return 1
    count = len(found.checks)
    sys.stdout.write(f"{count} IPsecTunnelCheck{'' if count == 1 else 's'}, no mistakes\n")
    return 0
