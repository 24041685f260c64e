"""Bring the gateways up from whatever is there, and take them down to nothing."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from ..building import cache
from ..host.processes import Process, launch, running
from ..host.waiting import wait_until
from ..layout import SOURCE, Layout
from ..progress import Progress
from . import faults, guest_files, responders, supervisor, tunnels, uml
from .control import Control
from .topology import PATHS

SUPERVISOR = "supervisor"
_IDENTITY = "gateways.json"
_BOOT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Gateways:
    """The IPsec gateways of one lab."""

    layout: Layout
    shim: Path

    def up(self, progress: Progress) -> None:
        """Boot the guest unless it runs and is made of the same parts; then all that runs in it.

        Raises:
            LabError: the guest does not boot, or a tunnel does not come up; the error carries the log.
        """
        control = Control(self.layout)
        fresh = not self._resumable(control)
        if fresh:
            remove(self.layout, progress)
            self._boot(control, progress)
        present = faults.in_force(control)
        with progress.step("responders on the far host") as step:
            begin = responders.restart if responders.copy_package(self.layout) else responders.start
            step.note = ", ".join(begin(control, self.layout, stopped=faults.stopped_responders(present)))
        with progress.step("IPsec tunnels") as step:
            tunnels.start_daemons(control)
            if fresh:
                tunnels.await_established(control)
                # nothing to clear yet: it loads what faults need, so that the first is as quick as the others
                faults.clear(self.layout)
            if not present:
                tunnels.heal(control, PATHS)
            step.note = f"with {len(present)} faults in force" if present else f"{len(PATHS)} established"

    def _boot(self, control: Control, progress: Progress) -> None:
        layout = self.layout
        layout.make()
        guest_files.write(layout, self.shim)
        (layout.run / _IDENTITY).write_text(json.dumps({"identity": self._identity()}))
        record, log = layout.record(SUPERVISOR), layout.log_file(SUPERVISOR)
        with progress.step("IPsec gateways (User-mode Linux)"):
            launch(
                [sys.executable, "-m", supervisor.__name__],
                record=record,
                log=log,
                env={
                    **os.environ,
                    "PYTHONPATH": str(SOURCE),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "LAB_NAME": layout.name,
                },
            )
            wait_until(record.exists, what="IPsec gateways", seconds=5, log=log)
            wait_until(
                control.ready,
                what="IPsec gateways",
                seconds=_BOOT_SECONDS,
                log=layout.log_file("console"),
                alive=lambda: running(record) is not None,
            )

    def _identity(self) -> str:
        return cache.digest([guest_files.identity(self.shim), uml.MEMORY])

    def _resumable(self, control: Control) -> bool:
        try:
            known = json.loads((self.layout.run / _IDENTITY).read_text())["identity"]
        except (OSError, ValueError, KeyError):
            return False
        return known == self._identity() and control.ready()


def remove(layout: Layout, progress: Progress) -> None:
    """End the guest and remove what it left, whatever state it is in; its logs stay."""
    if not layout.state.exists():
        return
    with progress.step("end the IPsec gateways"):
        owner = running(layout.record(SUPERVISOR))
        guest = Process.read(layout.record(supervisor.UML_RECORD))
        if owner is not None:
            # it powers the guest off and cleans up behind it
            owner.end(grace=15)
        if guest is not None and guest.alive():
            # its serial line has closed, so it powers itself off
            guest.wait(5)
            if guest.alive():
                uml.end_session(guest.pid)
                guest.end(grace=0)
        for name in (SUPERVISOR, supervisor.UML_RECORD):
            layout.record(name).unlink(missing_ok=True)
        layout.control_socket.unlink(missing_ok=True)
        (layout.run / _IDENTITY).unlink(missing_ok=True)
        for directory in (layout.state / "uml", layout.guest):
            shutil.rmtree(directory, ignore_errors=True)
