"""`make fuzz`: a million broken packets for the reflector and the prober, as processes, over loopback."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from .campaigns import SPOKEN, Broken, Outcome, attack_prober, attack_reflector

CAMPAIGNS: dict[str, Callable[..., Outcome]] = {
    "reflector, open": partial(attack_reflector, authenticated=False),
    "reflector, authenticated": partial(attack_reflector, authenticated=True),
    **{f"prober, {kind}": partial(attack_prober, kind=kind) for kind in SPOKEN},
}
TELL_EVERY = 10.0


def main() -> int:
    """Run all campaigns; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="make fuzz", description=__doc__, epilog="example: make fuzz PACKETS=100000 SEED=7"
    )
    parser.add_argument("--packets", type=int, default=1_000_000, help="in all (%(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, to repeat it")
    options = parser.parse_args()
    seed = Random().getrandbits(32) if options.seed is None else options.seed
    print(f"{options.packets} packets, seed {seed}", flush=True)
    outcomes, failed = [], False
    with tempfile.TemporaryDirectory() as folder:
        for name, attack in CAMPAIGNS.items():
            tell = _every(TELL_EVERY, name)
            try:
                outcomes.append(
                    attack(options.packets // len(CAMPAIGNS), Random(f"{seed} {name}"), Path(folder), tell)
                )
            except Broken as error:
                print(f"BROKEN  {name}: {error}", file=sys.stderr)
                failed = True
    print(table(outcomes))
    print(
        "a promise was broken" if failed else f"no crash in {sum(each.packets for each in outcomes)} packets"
    )
    return int(failed)


def table(outcomes: list[Outcome]) -> str:
    """One line a campaign."""
    lines = [f"{'campaign':<30}{'packets':>9}{'answers':>9}{'octets in':>12}{'octets out':>12}{'s':>7}"]
    for each in outcomes:
        lines.append(
            f"{each.name:<30}{each.packets:>9}{each.answers:>9}{each.octets_in:>12}{each.octets_out:>12}"
            f"{each.seconds:>7.1f}"
        )
        lines.append(f"  {each.note}")
    return "\n".join(lines)


def _every(seconds: float, name: str) -> Callable[[int], None]:
    last = time.monotonic()

    def tell(sent: int) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            print(f"  {name}: {sent} packets so far", flush=True)

    return tell


if __name__ == "__main__":
    sys.exit(main())
