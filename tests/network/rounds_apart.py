"""Rounds of one STAMP probe with pauses between them, as an agent has them; prints a JSON line for each.

A plan may have a keepalive of 5 s at the least, for which a test has no time.
Usage: rounds_apart.py TARGET PORT ROUNDS PAUSE_SECONDS KEEPALIVE_MS (0: none)
"""

import asyncio
import json
import sys

from ipsecping.contract import PlannedCheck, PlannedProbe, ProbeType
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.rounds.prober import PathProber


async def main() -> None:
    """Run them."""
    target, port, rounds, pause, keepalive = sys.argv[1], *map(float, sys.argv[2:])
    probe = PlannedProbe(
        name="p", type=ProbeType.STAMP, port=int(port), size=44, count=5, spacing_ms=50, timeout_ms=500,
        keepalive_ms=int(keepalive) or None,
    )  # fmt: skip
    check = PlannedCheck(
        uid="u", namespace="n", name="c", generation=1, tunnel_name="t", path="default", target=target,
        interval_ms=3_600_000, probes=(probe,),
    )  # fmt: skip
    prober = PathProber(Clock(), Resolver())
    for place in range(int(rounds)):
        if place:
            await asyncio.sleep(pause)
        (result,) = await prober.round(check)
        lost = {"lost": result.sent - result.received, "reverse": result.reverse_lost}
        sys.stdout.write(json.dumps({"sent": result.sent, **lost, "invalid": result.invalid}) + "\n")
    prober.close()


if __name__ == "__main__":
    asyncio.run(main())
