"""The long run: `make chaos FAULTS=1000`. Ends when so many faults were inflicted, or at the first wrong."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from ipsecping_lab.apiserver import api_server

from ..crd import install_crd
from .machine import Chaos
from .model import Tally
from .world import CONTROLLERS, World

LONG = settings(
    max_examples=4,
    stateful_step_count=25,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
SAY_EVERY = 60.0
"""Seconds between two lines where there is no terminal."""


class Progress:
    """One line of what was inflicted so far, over and over on a terminal."""

    def __init__(self, tally: Tally, wanted: int) -> None:
        self._tally, self._wanted = tally, wanted
        self._began = self._said = time.monotonic()

    def __call__(self) -> None:
        now = time.monotonic()
        if sys.stdout.isatty() or now - self._said >= SAY_EVERY:
            self._said = now
            line = f"{now - self._began:7.0f} s, of {self._wanted} {self._tally}"
            print(line, end="\r" if sys.stdout.isatty() else "\n", flush=True)


def main() -> int:
    """Run until enough has failed around the operator, or the operator has."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=1000, help="how many to inflict (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of an earlier run")
    args = parser.parse_args()
    tally, workdir = Tally(), Path(tempfile.mkdtemp(prefix="ipsecping-chaos-"))
    print(f"seed {args.seed}, logs in {workdir}", flush=True)
    Chaos.after_storm = staticmethod(Progress(tally, args.faults))
    with api_server(workdir / "api", controllers=CONTROLLERS) as server:
        install_crd(server)
        batch = 0
        while tally.total < args.faults:
            logs = workdir / f"batch-{batch}"
            logs.mkdir()
            with World(server, logs, tally) as world:
                Chaos.world = world
                run_state_machine_as_test(seed(args.seed + batch)(Chaos), settings=LONG)
            batch += 1
    print(f"all as it should be after {tally}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
