"""What the API model of a probe type has to offer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from ipsecping.contract import METHODS, Figure, LossShape, MethodSpec, Options, ProbeType

from ..rules import Model, Rule
from ..scalars import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusField:
    """A field of `status.probes[]` that shows a figure."""

    name: str
    annotation: Any
    """Its type, without the None of an absent field."""
    description: str
    figure: type[Figure]
    read: Callable[[Any], Any]
    """Its JSON value of a window's figure; None: there is nothing to show."""
    is_time: bool = False
    """What is read is nanoseconds since the Unix epoch, to be written as a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a probe's options are made of, beside the probe itself."""

    gateway: str | None = None
    """spec.tunnel.gateway."""
    ask_source: bool = False
    """Whether answers are to tell the source address that the target sees."""
    ask_dscp: bool = False
    """Whether they are to tell the DSCP and ECN that it sees."""
    ask_hops: bool = False
    """Whether they are to tell how many routers packets passed."""
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Where the keys are mounted that the member names, by the path of the field (`tls.ca`)."""


class LongestLoss(Model):
    """Packets lost one after the other."""

    packets: Count
    """So many."""
    milliseconds: Count
    """From the sending of the first to that of the next one answered."""


LONGEST_LOSS = StatusField(
    name="longestLoss",
    annotation=LongestLoss,
    description="The longest run of packets lost one after the other in a round of the window; absent "
    "without loss.",
    figure=LossShape,
    read=lambda shape: {"packets": shape.packets, "milliseconds": round(shape.duration / 1e6)},
)
LOSS_PERIOD = StatusField(
    name="lossPeriod",
    annotation=Count,
    description="Every so many packets one is lost, in the newest round whose losses are evenly spaced, as "
    "by a rate limit; absent where they are not.",
    figure=LossShape,
    read=lambda shape: shape.period,
)


class Method(Model):
    """What a probe of one type needs beyond count, spacing and timeout."""

    kind: ClassVar[ProbeType]
    summary: ClassVar[str]
    """What the field of a probe that asks for the type is for."""
    probe_rules: ClassVar[tuple[Rule, ...]] = ()
    """Rules of a probe of the type; for what its own fields must obey there is `rules`."""
    status_fields: ClassVar[tuple[StatusField, ...]] = ()
    """Those of what it measures beside the shape of loss, which `methods.status_fields` adds."""

    @classmethod
    def declared(cls) -> MethodSpec:
        """Return the declaration of the type."""
        return METHODS[cls.kind]

    def options(self, given: Given) -> Options | None:
        """Return the options that the prober gets: by default, the member's own fields but for the port."""
        content = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"port"})
        return self.declared().read_options(content or None, self.declared().member)

    @property
    def planned_port(self) -> int | None:
        """The port that the prober sends to; None where there is none."""
        method = self.declared()
        return (getattr(self, "port", None) or method.port) if method.has_port else None

    @classmethod
    def host_field(cls, options: Any) -> str:
        """Return where a spec says whom the probe sends to, below the member or (from spec. on) the check;
        empty: as all probes, to the path's target."""
        return ""

    @classmethod
    def effective(cls, options: Any) -> dict[str, Any]:
        """Return the member's fields, with every default, as they follow from a plan; without the port, and
        what no plan has: Kubernetes objects and thresholds."""
        return {} if options is None else dict(options.to_json())

    @classmethod
    def effective_port(cls, options: Any, port: int | None) -> dict[str, Any]:
        """Return the fields that say where packets go."""
        return {} if port is None else {"port": port}
