"""All permissions together: what a check is limited to, and what it is refused for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType

from ipsecping.contract import PlannedProbe
from ipsecping_operator.compile import CompiledCheck, CompiledPath

from . import placement
from .files import files
from .rates import no_diagnosis, rates
from .resources import resources
from .scope import ALL, Refusal, holds_in, of_namespace
from .special import special_networks
from .targets import looked_up, secrets, targets

Names = Mapping[str, tuple[str, ...]]
"""Namespace to names, or beginnings of names that end in `*`."""
MAX_CPU, MAX_MEMORY, MAX_PACKET_RATE, MAX_BIT_RATE = "1", "512Mi", 1000, "10M"
"""Of each pod; and of a check, in packets and bits a second."""


def _none() -> Names:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """Nobody gains by writing a check what they may not do themselves: the default permits no privilege."""

    host_network: frozenset[str] = frozenset()
    """Namespaces whose probe pods may use the node's own network."""
    every_node: frozenset[str] = frozenset({ALL})
    """Namespaces whose checks may have a pod on each node."""
    target_from: frozenset[str] = frozenset()
    """Namespaces whose checks may have their targets looked up in the cluster."""
    cross_namespace_affinity: frozenset[str] = frozenset()
    """Namespaces whose probe pods may be placed by the pods of others."""
    text_keys: frozenset[str] = frozenset()
    """Namespaces whose probes may sign with keys that are text."""
    priority_classes: Names = field(default_factory=_none)
    tolerations: Names = field(default_factory=_none)
    """Keys; a namespace that is not named has ordinary ones, see `placement.is_ordinary`."""
    pod_labels: Names = field(default_factory=_none)
    pod_annotations: Names = field(default_factory=_none)
    secrets: Names = field(default_factory=_none)
    config_maps: Names = field(default_factory=_none)
    cpu: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({ALL: MAX_CPU}))
    memory: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({ALL: MAX_MEMORY}))
    packet_rate: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({ALL: MAX_PACKET_RATE}))
    bit_rate: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({ALL: MAX_BIT_RATE}))
    targets: Mapping[str, tuple[str, ...]] | None = None
    """Namespace to the networks that its probes may send to; None: anywhere, from all namespaces."""
    api_server: tuple[str, ...] = ()
    """The API server's own addresses."""

    def limited(self, check: CompiledCheck) -> CompiledCheck:
        """The check with plans that tell its probers what they alone can see to.

        That is what names resolve to, and what is in the files of keys.
        """
        allowed = None if self.targets is None else of_namespace(self.targets, check.namespace, ())
        refused = special_networks(self.api_server)
        any_key = holds_in(self.text_keys, check.namespace)

        def limit(path: CompiledPath) -> CompiledPath:
            plan = replace(path.plan, allowed=allowed, refused=refused)
            if any_key:
                plan = replace(plan, probes=tuple(map(_with_any_key, plan.probes)))
            return replace(path, plan=plan)

        return replace(check, paths=tuple(map(limit, check.paths)))

    def refusal(self, check: CompiledCheck) -> str | None:
        """Which field of the check, as `limited`, is not permitted, and the remedy; None when all is."""
        found = dict.fromkeys(self._refusals(check))
        if not found:
            return None
        first, *others = found
        more = len({each.field for each in others} - {first.field})
        return f"{first}" + (f" (and {more} more {'field' if more == 1 else 'fields'})" if more else "")

    def no_diagnosis(self, namespace: str) -> str | None:
        """Why no check of the namespace may be diagnosed, and the remedy; None: each may."""
        return no_diagnosis(
            namespace,
            packets=of_namespace(self.packet_rate, namespace, MAX_PACKET_RATE),
            bits=of_namespace(self.bit_rate, namespace, MAX_BIT_RATE),
        )

    def _refusals(self, check: CompiledCheck) -> Iterator[Refusal]:
        namespace = check.namespace
        yield from chain.from_iterable(self._of_path(path, namespace) for path in check.paths)
        yield from files(
            check,
            secrets=of_namespace(self.secrets, namespace, ()),
            config_maps=of_namespace(self.config_maps, namespace, ()),
        )
        if not holds_in(self.target_from, namespace):
            yield from looked_up(check)
        yield from targets(check)
        yield from secrets(check)
        yield from rates(
            check,
            packets=of_namespace(self.packet_rate, namespace, MAX_PACKET_RATE),
            bits=of_namespace(self.bit_rate, namespace, MAX_BIT_RATE),
        )

    def _of_path(self, path: CompiledPath, namespace: str) -> Iterator[Refusal]:
        if not holds_in(self.host_network, namespace):
            yield from placement.host_network(path)
        if not holds_in(self.every_node, namespace):
            yield from placement.every_node(path)
        if not holds_in(self.cross_namespace_affinity, namespace):
            yield from placement.affinity(path)
        yield from placement.priority_class(path, of_namespace(self.priority_classes, namespace, ()))
        ordinary: tuple[str, ...] | None = None
        yield from placement.tolerations(path, of_namespace(self.tolerations, namespace, ordinary))
        yield from placement.metadata(
            path,
            labels=of_namespace(self.pod_labels, namespace, ()),
            annotations=of_namespace(self.pod_annotations, namespace, ()),
        )
        yield from resources(
            path,
            cpu=of_namespace(self.cpu, namespace, MAX_CPU),
            memory=of_namespace(self.memory, namespace, MAX_MEMORY),
        )


def _with_any_key(probe: PlannedProbe) -> PlannedProbe:
    return probe if probe.options is None else replace(probe, options=probe.options.with_any_key())
