"""What the kernel knows of a process: CPU time and memory, read from /proc."""

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process: int) -> float:
    """User and system time of the process so far, to 10 ms."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def pss_mib(process: int) -> float:
    """Proportional set size: its own memory and its share of what others map too."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError("smaps_rollup has no line Pss")


def run_on(core: int | None, process: int = 0) -> None:
    """Keep a process (0: this one) on one core, when there is more than one."""
    cores = sorted(os.sched_getaffinity(0))
    if core is not None and len(cores) > 1:
        os.sched_setaffinity(process, {cores[core % len(cores)]})


def rss_mib(process: int, field: str = "VmRSS") -> float:
    """Resident set size now; with `VmHWM` the largest it ever was."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{process}/status has no line {field}")
