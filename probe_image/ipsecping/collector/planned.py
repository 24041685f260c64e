"""What to diagnose, from the plan of a path: its probes become methods, its controls go along. Pure."""

from collections.abc import Iterator
from types import MappingProxyType

from ..contract import (
    METHODS,
    Control,
    Expect,
    PathMtuOptions,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    StampOptions,
    TcpOptions,
    destination,
    named,
)
from ..contract.methods.path_mtu import Responder
from ..contract.methods.spec import Options
from ..diagnosis.evidence import Known, Part
from .steps import Asked, Method

_PARTS = {
    Control.FAR_INSIDE: Part.FAR_INSIDE,
    Control.NEAR_INSIDE: Part.NEAR_INSIDE,
    Control.GATEWAY: Part.GATEWAY,
}
_FIELDS = MappingProxyType({
    Part.FAR_INSIDE: "spec.tunnel.controls.farInside",
    Part.NEAR_INSIDE: "spec.tunnel.controls.nearInside",
    Part.GATEWAY: "spec.tunnel.gateway",
})  # fmt: skip
_RESPONDERS = {
    Responder.STAMP: ProbeType.STAMP,
    Responder.UDP_ECHO: ProbeType.UDP_ECHO,
    Responder.ICMP: ProbeType.ICMP,
}
_ORDER = (
    ProbeType.STAMP, ProbeType.UDP_ECHO, ProbeType.ICMP, ProbeType.TCP, ProbeType.HTTP, ProbeType.DNS,
)  # fmt: skip
"""What tells most comes first."""


def asked_of(
    check: PlannedCheck,
    *,
    failing: str | None = None,
    before: tuple[str, ...] = (),
    known: Known | None = None,
) -> Asked:
    """Return what is to be diagnosed of the path.

    `failing`: of several addresses of the target, the one that packets were lost to last; `before`: those
    that its name had when all was well.
    """
    return Asked(
        host=check.target,
        methods=tuple(_methods(check)),
        controls=MappingProxyType({_PARTS[control]: host for control, host in check.controls.items()}),
        control_names=_FIELDS,
        inside=check.inside,
        underlay=check.underlay,
        family=check.family,
        path=check.path,
        addresses=check.targets,
        preferred=failing,
        permits=check.permits,
        known=known or Known(),
        addresses_before=before,
    )


def why_not(check: PlannedCheck) -> str | None:
    """Return why there is nothing to diagnose, None: there is."""
    if _named_methods(check):
        return None
    if all(probe.expect is Expect.BLOCKED for probe in check.probes):
        return "every probe of this path expects that nothing gets through, so that silence is no fault"
    return "no probe of this path asks its target by a method that can be diagnosed"


def main_probe(check: PlannedCheck) -> PlannedProbe | None:
    """Return the probe whose rounds tell most of the path; None: none sends a series of packets."""
    found = [probe for probe in _reachable(check) if METHODS[probe.type].sends_count and probe.flows == 1]
    return min(found, key=lambda probe: _ORDER.index(probe.type), default=None)


def _reachable(check: PlannedCheck) -> Iterator[PlannedProbe]:
    """Those that are to reach the target."""
    for probe in check.probes:
        if (
            probe.type in _ORDER
            and probe.expect is Expect.REACHABLE
            and destination(probe, check.target) == check.target
        ):
            yield probe


def probes_alike(check: PlannedCheck) -> Iterator[PlannedProbe]:
    """Yield the probes whose rounds send what a diagnosis sends: what becomes of both is the same."""
    methods = _named_methods(check)
    for probe in _reachable(check):
        method = methods[probe.type]
        alike = (probe.port, probe.dscp, probe.source) == (method.port, method.dscp, method.source)
        if alike and probe.ttl is None:
            yield probe


def _methods(check: PlannedCheck) -> list[Method]:
    """One of each type. ICMP is always asked too, though nobody may have said that it is answered."""
    made, first = _named_methods(check), check.probes[0]
    icmp = Method(type=ProbeType.ICMP, assumed=True, dscp=first.dscp, source=first.source)
    made.setdefault(ProbeType.ICMP, icmp)
    return sorted(made.values(), key=lambda method: _ORDER.index(method.type))


def _named_methods(check: PlannedCheck) -> dict[ProbeType, Method]:
    made = dict[ProbeType, Method]()
    # Of two the one that may be asked from any port.
    for probe in sorted(_reachable(check), key=lambda probe: probe.source_port is not None):
        made.setdefault(probe.type, _method(named(probe, check.target)))
    for probe in check.probes:
        if isinstance(probe.options, PathMtuOptions) and probe.expect is Expect.REACHABLE:
            found = _by_responder(probe, probe.options)
            made.setdefault(found.type, found)
    return made


def _method(probe: PlannedProbe) -> Method:
    return Method(
        type=probe.type,
        port=probe.port,
        assumed=probe.source_port is not None,
        rounds_port=probe.source_port,
        options=_asked_for(probe),
        dscp=probe.dscp,
        source=probe.source,
    )


def _asked_for(probe: PlannedProbe) -> Options | None:
    """What makes a conversation of it, or keys."""
    options = probe.options
    if isinstance(options, TcpOptions) and options.tls is None and not options.steps:
        return None
    return options


def _by_responder(probe: PlannedProbe, options: PathMtuOptions) -> Method:
    """What answers a search for the path MTU answers other packets as well."""
    signs = options.responder is Responder.STAMP and options.key_file is not None
    return Method(
        type=_RESPONDERS[options.responder],
        port=probe.port,
        options=StampOptions(key_file=options.key_file, marked_keys=options.marked_keys) if signs else None,
        dscp=probe.dscp,
        source=probe.source,
    )
