"""lab kubectl, helm, exec, guest, swanctl: run something where the lab is, with its exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .. import existing
from ..building.binaries import binaries
from ..cluster import clients, node
from ..errors import LabError
from ..host import requirements
from ..ipsec import strongswan, topology
from ..ipsec.control import Command, Control
from ..layout import Layout
from ..progress import Progress

_GUEST_SECONDS = 600


def client(program: str, arguments: Sequence[str]) -> int:
    """kubectl or helm, in place of this process."""
    if existing.chosen():
        argv = [*existing.command(program), *arguments]
        _become(argv, dict(os.environ))
    requirements.check()
    layout = Layout.from_environment()
    node.inside(layout)
    path = binaries([program], progress=Progress(sys.stderr))[program]
    _become([*clients.command(layout, path), *arguments], clients.environment(layout))
    return 0


def on_node(arguments: Sequence[str]) -> int:
    """A command in all namespaces of the node, in place of this process."""
    existing.require_own_lab("exec")
    requirements.check()
    _become([*node.inside(Layout.from_environment()), *arguments], dict(os.environ))
    return 0


def in_guest(namespace: str, arguments: Sequence[str]) -> int:
    """A command in one of the gateways' namespaces; its output comes when it has ended."""
    existing.require_own_lab("guest")
    return _run(Command(tuple(arguments), namespace=namespace, timeout=_GUEST_SECONDS))


def swanctl(gateway: str, arguments: Sequence[str]) -> int:
    """strongSwan's control program against one gateway."""
    existing.require_own_lab("swanctl")
    if gateway not in topology.GATEWAYS:
        raise LabError(f"no gateway named {gateway!r}; there are: {', '.join(topology.GATEWAYS)}")
    return _run(strongswan.swanctl(gateway, *arguments))


def _run(command: Command) -> int:
    done = Control(Layout.from_environment()).run(command)
    sys.stdout.write(done.out)
    sys.stderr.write(done.err)
    return done.status


def _become(argv: Sequence[str], environment: dict[str, str]) -> None:
    sys.stdout.flush()
    try:
        os.execvpe(argv[0], list(argv), environment)
    except OSError as error:
        raise LabError(f"cannot run {argv[0]}: {error}") from error
