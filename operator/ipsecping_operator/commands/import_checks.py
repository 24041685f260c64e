"""`ipsecping-operator import`: checks from the configurations of other programs."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ipsecping_operator.setting import namespace

if TYPE_CHECKING:
    from ipsecping_operator.importing.outcome import Outcome

_DESCRIPTION = """\
Write IPsecTunnelChecks, valid by the rules of API server and operator, that measure what another program
measures. What they cannot carry over is named, each thing, on standard error and as a comment where it was.
"""
_EPILOG = """examples:
  ipsecping-operator import smokeping /etc/smokeping/config >checks.yaml
  ipsecping-operator import smokeping config config.d/* >checks.yaml     # what @include names, too
  ipsecping-operator import blackbox blackbox.yml prometheus.yml --namespace network >checks.yaml
  kubectl get probes.monitoring.coreos.com -A -o yaml | ipsecping-operator import blackbox blackbox.yml -
"""
_FROM = {
    "smokeping": "files of SmokePing's configuration, as one in this order",
    "blackbox": "blackbox_exporter's modules; and whom they are asked about: prometheus.yml, or Probes of "
    "Prometheus Operator",
}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", **shared: Any) -> None:
    """Add the command to the program's sub-commands."""
    shown: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, **shared}
    parser = subparsers.add_parser(
        "import",
        help="write checks that measure what SmokePing or blackbox_exporter does",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        **shown,
    )
    programs = parser.add_subparsers(required=True, metavar="PROGRAM", dest="program")
    for name, text in _FROM.items():
        each = programs.add_parser(name, help=text, description=_DESCRIPTION, epilog=_EPILOG, **shown)
        each.add_argument("files", nargs="+", metavar="FILE", help=f"{text} (- for standard input)")
        each.add_argument(
            "-n", "--namespace", type=namespace, help="namespace that the checks name (default: none)"
        )
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run the command."""
    from ipsecping_operator.importing.outcome import CannotImport, Outcome, one_line, to_yaml

    outcome = Outcome(namespace=args.namespace)
    try:
        _import(args.program, args.files, outcome)
    except CannotImport as error:
        sys.stderr.write(f"ipsecping-operator import: {one_line(str(error))}\n")
        return 1
    for note in outcome.notes:
        sys.stderr.write(f"not carried over: {note}\n")
    sys.stderr.writelines(_of_checks(outcome))
    if not outcome.checks:
        sys.stderr.write("ipsecping-operator import: no target is left to be measured\n")
        return 1
    sys.stdout.writelines(to_yaml(outcome, f"{args.program}: {', '.join(args.files)}"))
    return 0


def _of_checks(outcome: "Outcome") -> Iterator[str]:
    """What single checks leave behind; the same of many is said once."""
    sources: dict[str, list[str]] = {}
    for check in outcome.checks:
        for note in check.notes:
            sources.setdefault(note, []).append(check.source)
    for note, named in sources.items():
        more = f" (and {len(named) - 1} more)" if len(named) > 1 else ""
        yield f"not carried over: {named[0]}{more}: {note}\n"


def _import(program: str, files: list[str], outcome: "Outcome") -> None:
    from ipsecping_operator.importing.blackbox import import_blackbox
    from ipsecping_operator.importing.smokeping import import_smokeping

    (import_smokeping if program == "smokeping" else import_blackbox)(_texts(files), outcome)


def _texts(files: list[str]) -> Iterator[tuple[str, str]]:
    from ipsecping_operator.bounded_yaml import UnreadableYaml, read_text
    from ipsecping_operator.importing.outcome import MAX_CHARACTERS, CannotImport

    length = 0
    for name in files:
        try:
            text = read_text(name)
        except UnreadableYaml as error:
            raise CannotImport(f"{name}: {error}") from error
        length += len(text)
        if length > MAX_CHARACTERS:
            raise CannotImport(
                f"{name}: more than {MAX_CHARACTERS // 1024 // 1024} Mi characters in all files"
            )
        yield name, text
