"""From the faults in force to those wanted, as steps; and the way back from anything. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .. import packet_filter, topology
from ..control import Command
from ..guest_files import FAULT_CHAINS
from ..topology import PATHS
from .model import DIRECTIONS, Fault
from .resources import GatewayLink, Neighbours, Queue, Resource, RouteMtu, Start, Step
from .types import TYPES, forget_mappings, policies


def replaced(present: Iterable[Fault], new: Iterable[Fault]) -> list[Fault]:
    """The faults in force after ``new`` were set."""
    faults = {fault.key: fault for fault in present}
    return list((faults | {fault.key: fault for fault in new}).values())


def configuration(faults: Iterable[Fault]) -> dict[Resource, Any]:
    """What all faults together make of each resource they touch.

    Raises:
        LabError: two of them exclude one another.
    """
    contributions: dict[Resource, list[Any]] = {}
    for fault in faults:
        for effect in TYPES[fault.name].effects(fault):
            contributions.setdefault(effect.resource, []).append(effect.contribution)
    return {resource: resource.merge(values) for resource, values in contributions.items()}


def steps(present: Sequence[Fault], wanted: Sequence[Fault]) -> list[Step]:
    """What leads from one set of faults to the other; what does not change is left alone.

    Raises:
        LabError: the wanted faults exclude one another.
    """
    before, after = configuration(present), configuration(wanted)
    old = {fault.key: dict(fault.arguments) for fault in present}
    new = {fault.key: dict(fault.arguments) for fault in wanted}
    set_anew = [fault for fault in wanted if old.get(fault.key) != new[fault.key]]
    changed = [*(fault for fault in present if new.get(fault.key) != old[fault.key]), *set_anew]
    once_each = list({fault.key: fault for fault in changed}.values())
    result: list[Step] = [step for fault in once_each for step in TYPES[fault.name].before(fault)]
    for resource in before:
        if resource not in after:
            result += resource.revoke()
    for resource, value in after.items():
        if before.get(resource) != value:
            result += resource.establish(value)
    if any(isinstance(r, RouteMtu) and before[r] != after.get(r) for r in before):
        result += forget_path_mtus()
    result += [step for fault in once_each for step in TYPES[fault.name].after(fault)]
    result += [step for fault in set_anew for step in TYPES[fault.name].once(fault)]
    return result


def forget_path_mtus() -> list[Command]:
    """Gateways and the far host keep a path MTU for minutes. Only once the links have theirs again: a packet
    in between would be told the small one anew."""
    # `ip route flush cache` is about IPv4; IPv6 keeps what it was told as routes, which only `ip -6` deletes
    flush = ("sh", "-c", "echo 1 >/proc/sys/net/ipv4/route/flush; exec ip -6 route flush cache")
    places = (*topology.GATEWAYS, topology.FAR)
    return [Command(flush, namespace=namespace, tolerant=True) for namespace in places]


def reset(services: Iterable[str], *, natted: Iterable[str]) -> list[Step]:
    """Undo every fault that there can be, from any state; few processes, for each costs some 10 ms.

    ``natted``: paths whose transit has to forget its mappings too.
    """
    commands: list[Step] = []
    for path in PATHS.values():
        resources: tuple[Resource, ...] = (
            Queue(path.transit, topology.TO_RIGHT),
            Queue(path.transit, topology.TO_LEFT),
            Queue(path.right, topology.LAN),
            Queue(topology.FAR, path.far_device),
            *(RouteMtu(path.letter, direction) for direction in DIRECTIONS),
            GatewayLink(path.letter),
            Neighbours(path.letter),
            *(policy for version in topology.VERSIONS for policy in policies(path.letter, version)),
        )
        commands += [step for resource in resources for step in resource.revoke()]
    result = [*_batched(commands), *forget_path_mtus()]
    result += [
        _empty_chains(path.transit, version) for path in PATHS.values() for version in topology.VERSIONS
    ]
    result += [forget_mappings(PATHS[letter].transit) for letter in natted]
    return [*result, *(Start(key) for key in services)]


def _batched(commands: Sequence[Step]) -> list[Step]:
    """The same ``ip`` and ``tc`` commands, one process for each program and namespace."""
    groups: dict[tuple[str, str], list[str]] = {}
    for command in commands:
        assert isinstance(command, Command)
        program, *words = command.argv
        groups.setdefault((program, command.namespace), []).append(" ".join(words))
    return [
        Command(
            (program, "-force", "-batch", "-"),
            namespace=namespace,
            stdin="\n".join(lines) + "\n",
            tolerant=True,
        )
        for (program, namespace), lines in groups.items()
    ]


def _empty_chains(transit: str, version: int) -> Command:
    lines = []
    for table, chains in FAULT_CHAINS.items():
        lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in chains), "COMMIT"]
    return packet_filter.restore(transit, version, lines)
