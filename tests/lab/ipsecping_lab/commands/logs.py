"""lab logs: what there is, and what it says."""

from __future__ import annotations

import sys

from .. import existing
from ..errors import LabError
from ..ipsec import responders, topology
from ..ipsec.control import Control
from ..layout import Layout


def show(component: str | None) -> int:
    """Print one log, or list all."""
    existing.require_own_lab("logs")
    layout = Layout.from_environment()
    if component is None:
        for name, where in sorted(_all(layout).items()):
            print(f"{name:<26}{where}")
        return 0
    where = _all(layout).get(component, "")
    if not where:
        raise LabError(f"no log named {component!r}; `lab logs` lists them")
    if where.startswith("guest:"):
        sys.stdout.write(Control(layout).read(where.removeprefix("guest:")) or "")
    else:
        with open(where, errors="replace") as file:  # noqa: PTH123
            sys.stdout.writelines(file)
    return 0


def _all(layout: Layout) -> dict[str, str]:
    """Component to the file that holds its log; ``guest:PATH`` is a file of the gateways' machine."""
    found = {path.stem: str(path) for path in layout.log.glob("*.log")}
    if layout.control_socket.exists():
        found |= {gateway: f"guest:/run/{gateway}.charon.log" for gateway in topology.GATEWAYS}
        found |= {part.key: f"guest:/run/{part.key}.log" for part in responders.responders(layout.guest)}
    return found
