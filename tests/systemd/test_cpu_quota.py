"""A real prober under CPUQuota= of a real systemd: control groups of version 2.

The files are those of the kernel, Documentation/admin-guide/cgroup-v2.rst.
"""

import json
from typing import Any

import pytest

from ipsecping.contract import Plan, PlannedProbe, ProbeType, plan_to_json

from ..plans import check_of
from .machine import Machine

PROGRAM = "/run/payload/dist/ipsecping.pyz"
PLAN = "/run/quota.json"
QUOTA = "50%"


@pytest.fixture(scope="module")
def guest(machine: Machine) -> Machine:
    """With a plan of a round that takes longer than several periods of the quota.

    Nobody listens on port 1: each packet is refused at once, and no responder is needed.
    """
    probe = PlannedProbe(
        name="p", type=ProbeType.UDP_ECHO, count=30, spacing_ms=10, timeout_ms=100, size=64, port=1
    )
    plan = json.dumps(plan_to_json(Plan(checks=(check_of(probe),))))
    machine.run(f"cat > {PLAN} <<'EOF'\n{plan}\nEOF")
    assert machine.run("stat --file-system --format=%T /sys/fs/cgroup").strip() == "cgroup2fs"
    return machine


def run_in_a_service(guest: Machine, script: str, *options: str) -> str:
    """What a script prints that runs in a service of its own, with a neighbour that uses up its quota.

    The neighbour is nice, so that it takes what the script leaves of it.
    """
    guest.run(
        f"cat > /run/quota.sh <<'EOF'\nnice -n 19 sh -c 'while :; do :; done' &\n{script}\nkill $!\nEOF"
    )
    return guest.run(f"systemd-run --wait --pipe --collect --quiet {' '.join(options)} bash /run/quota.sh")


ROUND = f"python3 {PROGRAM} run {PLAN} --json || true"


def invalidity(said: str) -> str | None:
    """Why the round says nothing about the path, if it does not."""
    result: dict[str, Any] = json.loads(said)
    assert result["losses"] == {"Refused": result["sent"]}
    reason: str | None = result.get("invalid")
    return reason


def test_a_round_held_back_by_the_quota_of_its_service_is_invalid(guest: Machine) -> None:
    assert invalidity(run_in_a_service(guest, ROUND, f"--property=CPUQuota={QUOTA}")) == "CPUThrottled"


def test_a_quota_of_a_group_further_up_counts_as_well(guest: Machine) -> None:
    guest.run(f"systemctl set-property --runtime limited.slice CPUQuota={QUOTA}")
    assert invalidity(run_in_a_service(guest, ROUND, "--slice=limited.slice")) == "CPUThrottled"


def test_without_a_quota_nobody_is_held_back(guest: Machine) -> None:
    """The neighbour is there as well, but no limit."""
    assert invalidity(run_in_a_service(guest, ROUND)) != "CPUThrottled"


def test_the_time_read_is_that_of_the_kernel(guest: Machine) -> None:
    read = (
        f"import sys, time; sys.path.insert(0, '{PROGRAM}'); "
        "from ipsecping.host.throttling import own_throttling; "
        "print(own_throttling().total(now=time.monotonic_ns()))"
    )
    stat = "/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/cpu.stat"
    script = f'sleep 0.3\ncat {stat}\npython3 -c "{read}"\ncat {stat}'
    said = run_in_a_service(guest, script, f"--property=CPUQuota={QUOTA}").splitlines()
    times = [int(line.split()[1]) for line in said if line.startswith("throttled_usec ")]
    (total,) = [int(line) for line in said if line.isdigit()]
    assert len(times) == 2
    assert 0 < times[0] * 1000 <= total <= times[1] * 1000
