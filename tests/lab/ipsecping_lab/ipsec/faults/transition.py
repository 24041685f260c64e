"""From the faults in force to those wanted, as steps; and the way back from anything. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from .. import packet_filter, topology
from ..control import Command
from ..guest_files import chains_of
from ..topology import PATHS
from .between import forget_mappings
from .model import DIRECTIONS, Fault, FaultType
from .resources import Chain, OnNode, Resource, RouteMtu, Service, Start, Step
from .types import TYPES


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
    result: list[Step] = []
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
    commands = [
        step
        for resource in _all_resources()
        if not isinstance(resource, Chain | Service)
        for step in resource.revoke()
    ]
    result = [*_batched(commands), *forget_path_mtus()]
    result += [
        _empty_chains(namespace, version)
        for namespace in topology.NAMESPACES
        if chains_of(namespace)
        for version in topology.VERSIONS
    ]
    result += [forget_mappings(PATHS[letter].transit) for letter in natted]
    return [*result, *(Start(key) for key in services)]


def _all_resources() -> list[Resource]:
    """Everything that any fault can touch, once each."""
    effects = (effect for kind in TYPES.values() for fault in _every(kind) for effect in kind.effects(fault))
    return list(dict.fromkeys(effect.resource for effect in effects))


def _every(kind: FaultType) -> Iterator[Fault]:
    """The fault on each path, in each direction, with each word that it takes; numbers do not matter."""
    words = [argument.choices or (f"{argument.high:g}",) for argument in kind.arguments]
    for values in product(*words):
        arguments = {argument.name: value for argument, value in zip(kind.arguments, values, strict=True)}
        for path, direction in product(PATHS, DIRECTIONS if kind.directed else ("",)):
            yield Fault(kind.name, path, direction, arguments)


def _batched(commands: Sequence[Step]) -> list[Step]:
    """The same commands of ``ip``, ``tc`` and shells, one process for each program and namespace."""
    groups: dict[tuple[str, str], list[str]] = {}
    on_node = [command for command in commands if isinstance(command, OnNode)]
    for command in commands:
        if isinstance(command, Command):
            program, *words = command.argv
            groups.setdefault((program, command.namespace), []).append(command.stdin or " ".join(words))
    batches = [
        Command(
            (program,) if program == "sh" else (program, "-force", "-batch", "-"),
            namespace=namespace,
            stdin="\n".join(lines) + "\n",
            tolerant=True,
        )
        for (program, namespace), lines in groups.items()
    ]
    return [*batches, *on_node]


def _empty_chains(namespace: str, version: int) -> Command:
    lines = []
    for table, chains in chains_of(namespace).items():
        lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in chains), "COMMIT"]
    return packet_filter.restore(namespace, version, lines)
