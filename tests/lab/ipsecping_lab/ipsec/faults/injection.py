"""Set and clear faults. What is in force is kept in one file in the guest, so it goes when the guest goes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ...errors import LabError
from ...host import cgroups, commands, namespaces
from ...host.locks import locked
from ...layout import Layout
from .. import responders, topology, tunnels
from ..control import Command, Control
from . import transition
from .model import Fault
from .resources import Kill, OnNode, RouteMtu, Service, Step
from .types import TYPES

STATE = "/run/faults.json"


def in_force(control: Control) -> list[Fault]:
    """The faults in force, oldest first."""
    text = control.read(STATE)
    return [Fault.from_data(data) for data in json.loads(text)] if text else []


def stopped_responders(present: Iterable[Fault]) -> set[str]:
    """Services of the far host that are stopped on purpose."""
    return {resource.key for resource in transition.configuration(present) if isinstance(resource, Service)}


def inject(layout: Layout, faults: Sequence[Fault]) -> None:
    """Set faults; each replaces an earlier one of its name, path and direction.

    Raises:
        LabError: it excludes another or needs one that is not in force, or the gateways are not up.
    """
    control = Control(layout)
    with _alone(layout):
        present = in_force(control)
        for fault in faults:
            _check_needs(fault, present)
        momentary = [fault for fault in faults if TYPES[fault.name].momentary]
        lasting = [fault for fault in faults if not TYPES[fault.name].momentary]
        wanted = transition.replaced(present, lasting)
        todo = transition.steps(present, wanted)
        todo += [step for fault in momentary for step in TYPES[fault.name].once(fault)]
        _carry_out(control, layout, todo, wanted)
        _forget_path_mtus_if_raised(layout, present, wanted)


def clear(layout: Layout, *, names: Collection[str] = (), paths: Collection[str] = ()) -> list[Fault]:
    """Clear the faults of these names and paths (all, where empty) and bring their tunnels back.

    With nothing known to be in force it undoes whatever a fault can do, from any state.

    Returns:
        The faults that were in force and are not any more.

    Raises:
        LabError: a tunnel does not come back in time, or the gateways are not up.
    """
    control = Control(layout)
    with _alone(layout):
        present = in_force(control)
        gone = [f for f in present if (not names or f.name in names) and (not paths or f.path in paths)]
        kept = [fault for fault in present if fault not in gone]
        if gone or names or paths:
            # What is known to be in force: a fraction of the processes that undoing everything takes.
            _carry_out(control, layout, transition.steps(present, kept), kept)
            damaged = sorted({fault.path for fault in gone})
        else:
            services = [responder.key for responder in responders.responders(layout.guest)]
            natted = {fault.path for fault in present if fault.name == "nat"}
            _carry_out(control, layout, transition.reset(services, natted=natted), [])
            damaged = list(topology.PATHS)
        _forget_path_mtus(layout)
        for command in (command for fault in gone for command in TYPES[fault.name].undo(fault)):
            control.run(command)
        still_faulty = {fault.path for fault in kept}
        tunnels.heal(control, [letter for letter in damaged if letter not in still_faulty])
    return gone


def _check_needs(fault: Fault, present: Iterable[Fault]) -> None:
    needed = TYPES[fault.name].needs
    if needed and not any(other.name == needed and other.path == fault.path for other in present):
        raise LabError(f"{fault.name} needs `lab fault set {needed} {fault.path}` in force first")


def _carry_out(control: Control, layout: Layout, todo: Sequence[Step], wanted: Sequence[Fault]) -> None:
    # The state goes first: after an interruption it names too much rather than too little.
    data = json.dumps([fault.as_data() for fault in wanted])
    starts = {responder.key: responder.request() for responder in responders.responders(layout.guest)}
    requests: list[Mapping[str, Any]] = [{"op": "write", "path": STATE, "text": data}]
    requests += [request for step in todo if (request := _request(step, starts))]
    control.batch(requests)
    for each in todo:
        if isinstance(each, OnNode):
            words = [
                *namespaces.in_network(layout.netns),
                "sh",
                "-c" if each.tolerant else "-ec",
                each.script,
            ]
            commands.run(words, check=not each.tolerant)


def _request(step: Step, starts: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    if isinstance(step, OnNode):
        return None
    if isinstance(step, Command):
        return step.request()
    return {"op": "kill", "key": step.key} if isinstance(step, Kill) else starts.get(step.key)


def _forget_path_mtus_if_raised(layout: Layout, present: Sequence[Fault], wanted: Sequence[Fault]) -> None:
    before, after = transition.configuration(present), transition.configuration(wanted)
    if any(
        isinstance(resource, RouteMtu) and value != after.get(resource) for resource, value in before.items()
    ):
        _forget_path_mtus(layout)


def _forget_path_mtus(layout: Layout) -> None:
    """The senders keep a path MTU too: the lab's namespace and every pod."""
    namespaces.flush_routes([layout.netns, *cgroups.network_namespaces(layout.name)])


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    with locked(layout.run / "faults.lock", on_wait=lambda: None):
        yield
