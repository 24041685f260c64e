"""lab fault: set, list, clear, types."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from .. import existing
from ..errors import LabError
from ..ipsec import faults
from ..ipsec.control import Control
from ..ipsec.faults import model
from ..ipsec.faults.types import TYPES
from ..ipsec.topology import PATHS
from ..layout import Layout


def put(name: str, words: Sequence[str]) -> int:
    """Set a fault and say how long it took."""
    existing.require_own_lab("fault")
    wanted = model.read(TYPES, name, words, now=time.time())
    began = time.monotonic()
    faults.inject(Layout.from_environment(), wanted)
    took = time.monotonic() - began
    done = "done" if TYPES[name].momentary else "in force"
    for fault in wanted:
        print(f"{fault.text()}: {done} ({took * 1000:.0f} ms)")
    return 0


def show(*, as_json: bool) -> int:
    """What is in force, as the gateways know it."""
    existing.require_own_lab("fault")
    present = faults.in_force(Control(Layout.from_environment()))
    if as_json:
        print(json.dumps([fault.as_data() for fault in present], indent=2))
    else:
        now = time.time()
        for fault in present:
            print(f"{fault.text()}  (since {max(0, now - fault.since):.0f} s)")
        if not present:
            print("no fault is in force")
    return 0


def clear(words: Sequence[str]) -> int:
    """Clear what the words name (names and paths), or all; the tunnels carry packets again afterwards."""
    existing.require_own_lab("fault")
    names = [word for word in words if word not in PATHS]
    for name in names:
        if name not in TYPES:
            raise LabError(f"no fault named {name!r}; `lab fault types` lists them")
    began = time.monotonic()
    gone = faults.clear(
        Layout.from_environment(), names=names, paths=[word for word in words if word in PATHS]
    )
    took = f"({(time.monotonic() - began) * 1000:.0f} ms)"
    print(
        f"cleared: {', '.join(fault.text() for fault in gone)} {took}" if gone else f"nothing in force {took}"
    )
    return 0


def types() -> int:
    """The table."""
    existing.require_own_lab("fault")
    for kind in TYPES.values():
        marks = [mark for mark, on in (("per direction", kind.directed), ("momentary", kind.momentary)) if on]
        print(f"{kind.name}  ({', '.join(marks)})" if marks else kind.name)
        print(f"    {kind.meaning}")
        for argument in kind.arguments:
            values = "|".join(argument.choices) or f"{argument.low:g}..{argument.high:g}"
            default = f", {argument.default} when absent" if argument.default is not None else ""
            print(f"    {argument.name}={values}: {argument.meaning}{default}")
        print(f"    seen: {kind.observed}")
    return 0
