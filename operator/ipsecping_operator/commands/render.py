"""`ipsecping-operator render`: validate checks offline and show what becomes of them."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ipsecping_operator.permission_settings import PERMISSIONS, permissions_of
from ipsecping_operator.probe_settings import PROBE_DEFAULTS
from ipsecping_operator.setting import add_settings

if TYPE_CHECKING:
    from ipsecping_operator.compile import CompiledCheck

_DESCRIPTION = """\
Validate IPsecTunnelCheck manifests without a cluster, by the rules of the API server, and print each check
with every default filled in, followed by the objects that the operator makes of it. When something is wrong,
or not permitted by settings as the operator has them, print one line per mistake and exit with status 1.
With --plan, print the plan of all of them instead, which `ipsecping run` and `ipsecping agent` take on a host
without a cluster: it says what is measured; thresholds and placement are not in it.
"""
_EPILOG = """examples:
  ipsecping-operator render -f check.yaml            # effective spec and children
  ipsecping-operator render --plan -f check.yaml >plan.json
  kubectl get itc hq-dc1 -o yaml | ipsecping-operator render -f -
  ipsecping-operator render --allow-priority-classes 'network=network-*' -f check.yaml
  ipsecping-operator render --probe-defaults '{nodeSelector: {role: edge}}' -f check.yaml
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", **shared: Any) -> None:
    """Add the command to the program's sub-commands."""
    parser = subparsers.add_parser(
        "render",
        help="validate checks offline; print their effective spec and children",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **shared,
    )
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        required=True,
        metavar="FILE",
        help="manifest to read, - for standard input; may be given several times",
    )
    parser.add_argument(
        "--probe-image",
        default="ipsecping-probe",
        metavar="IMAGE",
        help="image of the probe pods (default: %(default)s)",
    )
    parser.add_argument(
        "--plan", action="store_true", help="print one plan of all checks, for the prober alone"
    )
    group = parser.add_argument_group(
        "permissions and defaults",
        "as given to `ipsecping-operator run`, by flag or by the environment variable in brackets",
    )
    add_settings(group, (*PERMISSIONS, PROBE_DEFAULTS))
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run the command."""
    from ipsecping_operator.children import ChildSettings, build_children
    from ipsecping_operator.compile.effective import effective_check

    from .manifests import Examined, ManifestError, examine, printed, read_manifests

    permissions = permissions_of(args)
    found = Examined()
    for name in args.filename:
        try:
            examine(read_manifests(name), name, permissions, found)
        except ManifestError as error:
            found.mistakes.append(str(error))
    sys.stderr.writelines(printed(found.passed_over))
    if not found.checks and not found.mistakes:
        found.mistakes.append(f"{', '.join(args.filename)}: no IPsecTunnelCheck in it")
    if found.mistakes:
        sys.stderr.writelines(printed(found.mistakes))
        return 1
    if args.plan:
        return _print_plan(found.checks)
    settings = ChildSettings(probe_image=args.probe_image, defaults=args.probe_defaults)
    for check in found.checks:
        sys.stdout.writelines(_documents([effective_check(check), *build_children(check, settings)]))
    return 0


def _print_plan(checks: "list[CompiledCheck]") -> int:
    """Print what the prober measures without a cluster, where nobody gives a check its UID."""
    from ipsecping.contract import ContractError, Plan, plan_from_json, plan_to_json

    from .manifests import printed

    paths = [(check, path) for check in checks if not check.suspend for path in check.paths]
    mistakes = [
        f"{check.name}: {path.target_field}: is looked up in a cluster: give target, for a plan"
        for check, path in paths
        if path.target_from is not None
    ]
    plan = plan_to_json(
        Plan(checks=tuple(replace(path.plan, uid=f"{check.namespace}/{check.name}") for check, path in paths))
    )
    try:
        plan_from_json(plan)
    except ContractError as error:
        mistakes.append(str(error))
    if mistakes:
        sys.stderr.writelines(printed(mistakes))
        return 1
    sys.stdout.write(f"{json.dumps(plan, indent=2)}\n")
    return 0


def _documents(manifests: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    import yaml

    for manifest in manifests:
        yield "---\n"
        yield yaml.dump(manifest, Dumper=_dumper(), sort_keys=False, width=100, allow_unicode=True)


def _dumper() -> type[Any]:
    """Texts of several lines (plan.json) as a block, for people to read."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    Dumper.add_representer(
        str,
        lambda dumper, text: dumper.represent_scalar(
            "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
        ),
    )
    return Dumper
