"""lab flow: exact packet counters on the gateways."""

from __future__ import annotations

import json

from .. import existing
from ..ipsec import flows
from ..ipsec.control import Control
from ..layout import Layout


def add(flow: flows.Flow) -> int:
    """Count a flow from zero."""
    existing.require_own_lab("flow")
    flows.add(Control(Layout.from_environment()), flow)
    print(f"flow {flow.name}: counted on path {flow.path.letter}")
    return 0


def read(name: str, *, as_json: bool) -> int:
    """Print the four counters of a flow."""
    existing.require_own_lab("flow")
    counters = flows.read(Control(Layout.from_environment()), name)
    if as_json:
        print(json.dumps(counters, indent=2))
    else:
        for counter, packets in counters.items():
            print(f"{counter:<28}{packets}")
    return 0


def clear() -> int:
    """Forget all flows."""
    existing.require_own_lab("flow")
    flows.clear(Control(Layout.from_environment()))
    return 0
