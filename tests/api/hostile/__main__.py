"""Honest checks beside everybody hostile at once: `make hostile`.

Hostile targets for each probe type, agents that lie, a hostile author of checks and a thousand strangers'
connections run together. Of the honest checks none may be lost, late, invalid, stale or wrong.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from ipsecping_lab.apiserver import ApiServer, api_server

from ..chaos.world import CONTROLLERS
from ..crd import install_crd
from .world import World

READY_SECONDS = 300.0
SAY_EVERY = 30.0


async def run(server: ApiServer, workdir: Path, *, checks: int, seconds: float) -> int:
    """0 when nothing went wrong."""
    world = World(server, workdir, checks)
    beside: list[asyncio.Task[None]] = []
    try:
        await world.make()
        beside = [asyncio.create_task(each.run()) for each in (world.honest, world.hostile)]
        until = time.monotonic() + READY_SECONDS
        while not (len(world.honest.pods) == checks and await world.all_healthy()):
            if time.monotonic() > until:
                print(
                    f"not all {checks} honest checks became healthy in {READY_SECONDS:g} s", file=sys.stderr
                )
                return 1
            await asyncio.sleep(2)
        print(f"{checks} honest checks are healthy; everybody hostile begins", flush=True)
        await world.unleash()
        beside += [
            asyncio.create_task(each) for each in (world.write_as_author(), world.watch(), world.ask_health())
        ]
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            await asyncio.sleep(min(SAY_EVERY, seconds - passed))
            broken = [task.exception() for task in beside if task.done()]
            if broken:
                print(f"the test itself broke: {broken}", file=sys.stderr)
                return 1
            wrong = sum(bool(each.wrong) for each in world.watched.values())
            print(f"{time.monotonic() - began:6.0f} s: {wrong} honest checks disturbed", flush=True)
        return await report(world)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await world.close()


async def report(world: World) -> int:
    """Print what everybody went through; 0 when nothing went wrong."""
    for name, said in sorted((await world.hostile_states()).items()):
        print(f"  {name:<28} {said}")
    print(f"hostile author: {world.written} writes taken, {world.refused} refused by the API server")
    for name, log in world.health.items():
        print(f"health of {name}: {log.asked} asked, slowest {log.slowest * 1000:.0f} ms")
    wrong = list(world.wrong())
    looks = sum(each.looks for each in world.watched.values())
    for line in wrong[:50]:
        print(f"WRONG {line}")
    print(f"{len(world.watched)} honest checks, {looks} looks: {len(wrong) or 'nothing'} wrong")
    return bool(wrong)


def main() -> int:
    """Run for so many minutes."""
    parser = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of hostility (default: %(default)g)")
    parser.add_argument("--checks", type=int, default=100, help="honest ones (default: %(default)s)")
    told = parser.parse_args()
    workdir = Path(tempfile.mkdtemp(prefix="ipsecping-hostile-"))
    print(f"logs in {workdir}", flush=True)
    with api_server(workdir / "api", controllers=CONTROLLERS) as server:
        install_crd(server)
        return asyncio.run(run(server, workdir, checks=told.checks, seconds=told.minutes * 60))


if __name__ == "__main__":
    sys.exit(main())
