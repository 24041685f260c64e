"""`ipsecping-operator wait`: wait until a check is healthy, and say why it is not."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipsecping.printable import printable
from ipsecping_operator.settings import seconds

if TYPE_CHECKING:
    from ipsecping_operator.kube.client import KubeClient

_DESCRIPTION = """\
Wait until an IPsecTunnelCheck is Healthy=True, and exit with status 0. Exit with status 1 and say why it is
not when that does not come about in time, or cannot without an edit. Needs the right to get that one check.
It is what `helm test` runs.
"""
_EPILOG = """examples:
  ipsecping-operator wait network/hq-dc1
  ipsecping-operator wait network/hq-dc1 --timeout 5m --kubeconfig ~/.kube/config
"""
PERIOD = 1.0
"""Seconds between two looks."""
MOST_PROBES = 16
"""Probes that are named."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at the check says."""

    well: bool
    final: bool
    """Waiting longer is no use."""
    text: str


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", **shared: Any) -> None:
    """Add the command to the program's sub-commands."""
    parser = subparsers.add_parser(
        "wait",
        help="wait until a check is healthy, and say why it is not",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **shared,
    )
    parser.add_argument("check", metavar="NAMESPACE/NAME", type=_name, help="the check")
    parser.add_argument(
        "--timeout", metavar="DURATION", type=seconds, default="90s", help="how long to wait (default: 90s)"
    )
    parser.add_argument("--kubeconfig", metavar="FILE", type=Path, help="credentials outside a cluster")
    parser.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run the command."""
    from ipsecping_operator.kube.access import AccessError

    namespace, name = args.check
    try:
        seen = asyncio.run(_wait(namespace, name, args))
    except AccessError as error:
        seen = Sight(False, True, str(error))
    out = sys.stdout if seen.well else sys.stderr
    out.write(f"{namespace}/{name}: {seen.text}\n")
    return 0 if seen.well else 1


async def _wait(namespace: str, name: str, args: argparse.Namespace) -> Sight:
    """Look until it is healthy, never will be, or the time is up. Raises AccessError."""
    from ipsecping_operator.kube import access
    from ipsecping_operator.kube.client import KubeClient

    client = KubeClient(
        await access.load(args.kubeconfig, args.context), longest_wait=PERIOD, patience=PERIOD
    )
    try:
        return await until_settled(lambda: _look(client, namespace, name), timeout=args.timeout)
    finally:
        await client.close()


async def until_settled(
    look: Callable[[], Awaitable[Sight]],
    *,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Sight:
    """Look once a second; returns the first sight that is final, or the last one when the time is up."""
    end = clock() + timeout
    while True:
        seen = await look()
        if seen.final:
            return seen
        if clock() >= end:
            return Sight(False, True, f"not healthy within {timeout:g} s. {seen.text}")
        await sleep(PERIOD)


async def _look(client: "KubeClient", namespace: str, name: str) -> Sight:
    from ipsecping_operator.kube.errors import ApiError, Refused
    from ipsecping_operator.observe.kinds import CHECK

    try:
        return sight(await client.get(CHECK, namespace, name))
    except ApiError as error:
        return Sight(False, isinstance(error, Refused), f"the API server does not show it: {error}")


def sight(check: Mapping[str, Any] | None) -> Sight:
    """Judge a check as the API server has it; None where there is none.

    It is final where nothing is measured until somebody edits the check or the operator's settings.
    """
    from ipsecping_operator.api.conditions import ReadyReason

    if check is None:
        return Sight(False, True, "there is no such IPsecTunnelCheck")
    status = check.get("status") or {}
    if status.get("observedGeneration") != check["metadata"].get("generation"):
        return Sight(
            False, False, "no operator has looked at it: does one serve that namespace, and does it run?"
        )
    said = {each["type"]: each for each in status.get("conditions") or ()}
    healthy, ready = said.get("Healthy") or {}, said.get("Ready") or {}
    if healthy.get("status") == "True":
        return Sight(True, True, _lines(_line("Healthy", healthy), *_maintenance(said)))
    lasting = {ReadyReason.INVALID_SPEC, ReadyReason.NOT_PERMITTED, ReadyReason.SUSPENDED}
    text = _lines(*_reasons(status, ready, healthy), *_maintenance(said))
    return Sight(False, ready.get("reason") in lasting, text)


def _lines(*said: str) -> str:
    """Whoever may edit a status writes some of it."""
    return "\n  ".join(map(printable, said))


def _reasons(
    status: Mapping[str, Any], ready: Mapping[str, Any], healthy: Mapping[str, Any]
) -> Iterator[str]:
    yield _line("Healthy", healthy)
    if ready.get("status") != "True":
        yield _line("Ready", ready)
    for each in (status.get("probes") or ())[:MOST_PROBES]:
        counts = f"{each.get('received', 0)} of {each.get('sent', 0)}"
        yield f"probe {each.get('name')}: {counts} packets were answered"
    if diagnosis := status.get("diagnosis"):
        yield f"diagnosis: {diagnosis.get('summary')}"


def _maintenance(said: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A window that is open: what is bad meanwhile alerts nobody, and may be the work itself."""
    window = said.get("Maintenance") or {}
    if window.get("status") == "True":
        yield _line("Maintenance", window)


def _line(kind: str, condition: Mapping[str, Any]) -> str:
    if not condition:
        return f"{kind} is not known yet"
    return f"{kind}={condition.get('status')} ({condition.get('reason')}): {condition.get('message')}"


def _name(text: str) -> tuple[str, str]:
    namespace, separator, name = text.partition("/")
    if not separator or not namespace or not name or "/" in name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAMESPACE/NAME")
    return namespace, name
