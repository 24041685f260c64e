"""`python -m tests.bench.scale --checks 2000`: see docs/benchmarks.md."""

import argparse
import asyncio
import os
import resource
import sys
import tempfile
from pathlib import Path

from .alone import Pair, compare, median_of, pair
from .operator_run import measure
from .plain import yardstick
from .report import Report
from .stand import stand


def main() -> int:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=2000, help="half by interval, half by cron")
    parser.add_argument("--steady", type=int, default=300, help="seconds to observe the steady state")
    parser.add_argument(
        "--pairs", type=int, default=3, help="comparisons without controllers, the median counts"
    )
    parser.add_argument("--keep", type=Path, help="directory to leave logs in")
    parser.add_argument("--profile", action="store_true", help="run the operator under cProfile")
    args = parser.parse_args()
    _allow_files(args.checks * 4)
    report = Report(checks=args.checks)
    with tempfile.TemporaryDirectory(prefix="ipsecping-scale-") as made:
        workdir = args.keep or Path(made)
        report.say(f"load {os.getloadavg()[0]:.1f}; the plain client and the operator, without controllers")
        pairs: list[Pair] = []
        for number in range(args.pairs):
            pairs.append(pair(workdir / f"pair-{number}", checks=args.checks, profile=args.profile))
            report.say(f"  {pairs[-1]}")
        compare(pairs, report)
        report.bare = median_of(pairs).plain
        report.say("now the plain client beside the controllers")
        with stand(workdir / "busy", controllers=True) as api:
            report.busy = asyncio.run(yardstick(api, args.checks))
        report.say(f"  {report.busy}; now the operator")
        with stand(workdir / "operator", controllers=True) as api:
            asyncio.run(
                measure(
                    api,
                    workdir / "operator",
                    report,
                    checks=args.checks,
                    steady=args.steady,
                    profile=args.profile,
                )
            )
    print(report.table())
    return 0 if report.passed else 1


def _allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


if __name__ == "__main__":
    sys.exit(main())
