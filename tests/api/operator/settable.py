"""Runs the operator with a wall clock that a test can set: to set the machine's would set everybody's.

`python settable.py FILE run ...`: what the program reads of the wall clock is off by the nanoseconds (8
bytes) in FILE. Steady clocks are left alone, as settimeofday(2) leaves them.
"""

import mmap
import struct
import sys
import time
from pathlib import Path

NANOSECONDS = struct.Struct("@q")


def main() -> int:
    """Set up the clock before anything can take hold of it, then run the operator."""
    file = Path(sys.argv[1]).open("rb")  # noqa: SIM115 - for as long as the process lives
    held = mmap.mmap(file.fileno(), NANOSECONDS.size, access=mmap.ACCESS_READ)
    real = time.time_ns

    def time_ns() -> int:
        return real() + int(NANOSECONDS.unpack_from(held)[0])

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9
    from ipsecping_operator.cli import main as run

    return run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
