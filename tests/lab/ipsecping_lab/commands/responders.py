"""lab responders: what answers on the far host."""

from __future__ import annotations

from collections.abc import Sequence

from .. import existing
from ..ipsec import faults, responders
from ..ipsec.control import Control
from ..layout import Layout


def restart() -> int:
    """Copy the project's reflector anew and start all responders again."""
    existing.require_own_lab("responders")
    layout = Layout.from_environment()
    control = Control(layout)
    stopped = faults.stopped_responders(faults.in_force(control))
    for key in responders.restart(control, layout, stopped=stopped):
        print(f"{key}: started")
    return 0


def sign(keys: Sequence[str]) -> int:
    """Have an authenticated reflector answer on the far host, or none without keys."""
    existing.require_own_lab("responders")
    layout = Layout.from_environment()
    responders.sign(Control(layout), layout, keys)
    return 0


def show() -> int:
    """Which run."""
    existing.require_own_lab("responders")
    layout = Layout.from_environment()
    running = Control(layout).services()
    for responder in responders.responders(layout.guest):
        print(f"{responder.key}: {'answers' if running.get(responder.key) else 'stopped'}")
    return 0
