"""All faults. A new one is an entry in the table of its place; nothing else has to be touched."""

from __future__ import annotations

from . import between, far_side, gateways, ike, near_side

TYPES = {
    kind.name: kind
    for table in (near_side.FAULTS, gateways.FAULTS, ike.FAULTS, between.FAULTS, far_side.FAULTS)
    for kind in table
}
