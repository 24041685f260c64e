"""Rounds of an echo, a STAMP and an ICMP probe from one source, as an agent has them; commands between them.

Prints a line of JSON for each round, by probe.
Usage: rounds_changed.py TARGET STAMP_PORT ECHO_PORT SOURCE COMMAND...
"""

import asyncio
import json
import sys

from ipsecping.contract import PlannedCheck, PlannedProbe, ProbeType
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.rounds.prober import PathProber


async def main(target: str, stamp: str, echo: str, source: str, *commands: str) -> None:
    """Run them."""
    kinds = ((ProbeType.STAMP, int(stamp)), (ProbeType.UDP_ECHO, int(echo)), (ProbeType.ICMP, None))
    probes = tuple(
        PlannedProbe(
            name=kind, type=kind, port=port, size=44, count=3, spacing_ms=20, timeout_ms=500, source=source
        )
        for kind, port in kinds
    )
    check = PlannedCheck(
        uid="u", namespace="n", name="c", generation=1, tunnel_name="t", path="default", target=target,
        interval_ms=3_600_000, probes=probes,
    )  # fmt: skip
    prober = PathProber(Clock(), Resolver())
    for command in ("true", *commands):
        await (await asyncio.create_subprocess_shell(command)).wait()
        results = await prober.round(check)
        said = {each.probe: [each.received, each.sent - each.received, each.invalid] for each in results}
        sys.stdout.write(json.dumps(said) + "\n")
    prober.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
