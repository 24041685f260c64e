"""Machine-wide settings that the kubelet changes: kept before it starts, put back by `lab down`."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from .processes import boot_id

KUBELET_CHANGES = (
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
)


def keep(record: Path) -> None:
    """Note the present values, unless a lab of this boot noted them before and has not put them back."""
    if _kept(record):
        return
    values = {}
    for name in KUBELET_CHANGES:
        with suppress(OSError):
            values[name] = _file(name).read_text().strip()
    new = record.with_name(record.name + ".new")
    new.write_text(json.dumps({"boot": boot_id(), "values": values}))
    new.rename(record)


def put_back(record: Path) -> None:
    """Restore what :func:`keep` noted; nothing after a reboot, which has restored them already."""
    for name, value in _kept(record).items():
        if _file(name).read_text().strip() != value:
            _file(name).write_text(value)
    record.unlink(missing_ok=True)


def _kept(record: Path) -> dict[str, str]:
    try:
        kept = json.loads(record.read_text())
    except (OSError, ValueError):
        return {}
    return dict(kept["values"]) if kept.get("boot") == boot_id() else {}


def _file(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")
