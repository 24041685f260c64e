"""What a service can reach of the file system, asked from within."""

from .machine import Machine


def status_of(machine: Machine, unit: str) -> dict[str, str]:
    """/proc/PID/status of a service's main process."""
    pid = machine.properties(unit, "MainPID")["MainPID"]
    lines = machine.run(f"cat /proc/{pid}/status").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def inside(machine: Machine, unit: str) -> str:
    """The words before a command that runs among a service's mounts, as its user and without capabilities."""
    status = status_of(machine, unit)
    user = f"--reuid {status['Uid'].split()[0]} --regid {status['Gid'].split()[0]} --clear-groups"
    return f"nsenter --target {status['Pid']} --mount --root setpriv {user} --bounding-set -all"


def writable_folders(machine: Machine, unit: str) -> list[str]:
    """Where a service could make a file."""
    find = "find / -path /proc -prune -o -type d -writable -print 2>/dev/null || true"
    return sorted(machine.run(f"{inside(machine, unit)} {find}").split())
