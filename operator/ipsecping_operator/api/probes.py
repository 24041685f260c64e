"""The probes of a check: what is sent, how often, and by which method."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from pydantic import Field, create_model

from ipsecping.contract import Expect, MethodSpec
from ipsecping.contract.bounds import MAX_FLOWS
from ipsecping.contract.methods import stamp
from ipsecping.contract.planned_probe import LEAST_REST_MS, MAX_PAYLOAD

from . import defaults, durations, keepalive, probe_limits
from .derived import joined
from .flows import any_of, probe_rules, several
from .methods import MODELS, Method, Stamp, Tls
from .mounted import MountedKey, mounted_in
from .rules import Model, Rule
from .scalars import Name, Port, duration
from .thresholds import ProbeThresholds

M = TypeVar("M", bound=Method)
Count: TypeAlias = Annotated[int, Field(ge=1, le=defaults.MAX_COUNT)]
if TYPE_CHECKING:
    Span: TypeAlias = str
    Pause: TypeAlias = str
else:
    Span = duration("10ms", "1m", whole_milliseconds=True)
    Pause = duration(keepalive.LEAST, keepalive.MOST, whole_milliseconds=True)


class Probe(Model):
    """One measuring method: what all types share. `probe_model` adds a field for each type."""

    name: Name
    """Name of the probe, unique in the check."""
    count: Count | None = None
    spacing: Span | None = None
    timeout: Span | None = None
    """How long to wait for the answer to each packet, 10ms to 1m; may overlap the next round. Default: 2s."""
    size: int | None = None
    ttl: Annotated[int, Field(ge=1, le=255)] | None = None
    """TTL or hop limit of the packets, 1 to 255. Default: the node's, usually 64."""
    source_port: Port | None = None
    """Fixed UDP port that packets are sent from, in every round and after each restart of the pod, for a
    reflector or firewall that is configured for it. Only with stamp and udpEcho, and for one probe per
    target. With flows (also of tcp), the port of the first flow; the others use the following ports. Default:
    a new one."""
    flows: Annotated[int, Field(ge=1, le=MAX_FLOWS)] | None = None
    """Number of source ports, 1 to 16, from each of which count packets are sent, at the same time and the
    same ones in every round. If a router, a link bundle or a gateway with several SAs spreads traffic by
    ports, a dead member shows up in some of them. Only with stamp, udpEcho and tcp. Default: 1."""
    keepalive: Pause | None = None
    """Between rounds, send one packet after each such time from the same port, 5s to 5m, so that a NAT
    outside of the tunnel does not forget the probe's mapping. These packets count in no figure. Only with
    stamp, udpEcho and icmp, and shorter than the interval. Default: none, so that rounds find the path as
    occasional traffic does."""
    dscp: Annotated[int, Field(ge=0, le=63)] | None = None
    """Differentiated services code point (DSCP) of the packets, 0 to 63. Default: 0."""
    expect: Expect | None = None
    """Blocked: the traffic must not get through. Any sign that the target received a packet, such as a TCP
    reset, makes the check unhealthy with the reason UnexpectedlyReachable; limits of loss and time do not
    apply. Default: Reachable."""
    thresholds: ProbeThresholds | None = None
    """Limits of this probe, where those of all probes do not suit it: a request over TLS takes several times
    as long as an echo. Each one given here stands in place of that of spec.thresholds. Not with a probe that
    expects Blocked. Default: spec.thresholds."""

    @classmethod
    def rule_set(cls) -> tuple[Rule, ...]:
        """See Model."""
        return _rules(tuple(MODELS.values()))

    def given(self, model: type[M]) -> M | None:
        """Return what is given of a type."""
        found = getattr(self, model.declared().module, None)
        return found if isinstance(found, model) else None

    @property
    def methods(self) -> tuple[Method, ...]:
        """What is given of each type that is named; exactly one in a valid probe."""
        return tuple(found for model in MODELS.values() if (found := self.given(model)) is not None)

    @property
    def method(self) -> Method:
        """What is given of the probe's type."""
        (given,) = self.methods
        return given

    @property
    def is_timed(self) -> bool:
        """Limits of time apply to it."""
        return self.expect is not Expect.BLOCKED and all(each.declared().timed for each in self.methods)

    @property
    def shows_bursts(self) -> bool:
        """A limit of bursts applies to it."""
        types = [each.declared() for each in self.methods]
        return self.expect is not Expect.BLOCKED and not probe_limits.shapeless(types)

    @property
    def can_verify(self) -> bool:
        """Its answers can tell how packets arrive at the target."""
        return self.given(Stamp) is not None and self.expect is not Expect.BLOCKED

    @property
    def mounted(self) -> Mapping[str, MountedKey]:
        """The keys of Secrets and ConfigMaps that it names, by the path of the field below its type."""
        return {path: key for each in self.methods for path, key in mounted_in(each)}

    @property
    def tls(self) -> Tls | None:
        """What is asked of TLS."""
        found = (getattr(each, "tls", None) for each in self.methods)
        return next((each for each in found if isinstance(each, Tls)), None)

    @property
    def min_valid_days(self) -> int | None:
        """Days that the target's certificate must still be valid; None where that is not judged."""
        return None if self.tls is None else self.tls.min_valid_days

    @property
    def packets(self) -> int:
        """Packets a round, of one flow, default included."""
        return defaults.COUNT if self.count is None else self.count

    @property
    def flow_count(self) -> int:
        """Flows, default included."""
        return self.flows or 1

    @property
    def keepalive_ms(self) -> int | None:
        """Between rounds, from one packet to the next."""
        return None if self.keepalive is None else durations.milliseconds(self.keepalive)

    @property
    def timeout_ms(self) -> int:
        """How long to wait for an answer, default included."""
        return durations.milliseconds(self.timeout or defaults.TIMEOUT)

    @property
    def spacing_ms(self) -> int:
        """Between two packets of a flow, default included: what has one at a time is to be over before."""
        if self.spacing is not None:
            return durations.milliseconds(self.spacing)
        if self.flow_count > 1 and any(each.declared().one_at_a_time for each in self.methods):
            return self.timeout_ms + LEAST_REST_MS
        return durations.milliseconds(defaults.SPACING)

    def planned_spacing_ms(self, interval_ms: int | None) -> int:
        """As `spacing_ms`; what routers limit the rate of takes up to half the interval by default."""
        if self.spacing is not None or not any(each.declared().rate_limited for each in self.methods):
            return self.spacing_ms
        most = durations.milliseconds(defaults.RATE_LIMITED_SPACING)
        half = (interval_ms or durations.milliseconds(defaults.INTERVAL)) // 2
        return min(max(half // self.packets, self.spacing_ms), most)

    @property
    def sending_ms(self) -> int:
        """From the first packet of a round to its last, defaults included."""
        if not all(each.declared().paced for each in self.methods):
            return 0
        return (self.packets - 1) * self.spacing_ms


def probe_model() -> type[Probe]:
    """Return the model of a probe, with a field for each declared type."""
    return _probe_model(tuple(MODELS.values()))


@lru_cache(maxsize=4)
def _probe_model(models: tuple[type[Method], ...]) -> type[Probe]:
    fields: dict[str, Any] = {
        name: (annotation | None, Field(default=None, description=text))
        for name, (annotation, text) in _common_fields(models).items()
    }
    for model in models:
        method = model.declared()
        field = Field(default=None, alias=method.member, description=model.summary)
        fields[method.module] = (model | None, field)
    names = [model.declared().member for model in models]
    made = create_model("Probe", __base__=Probe, **fields)
    made.__doc__ = f"One measuring method. Exactly one of {joined(names, 'and')}."
    return made


def _common_fields(models: tuple[type[Method], ...]) -> dict[str, tuple[Any, str]]:
    """What all types share and what is told of it, where that names types."""
    methods = [model.declared() for model in models]
    sized = joined([method.member for method in methods if method.sized], "and")
    least = min(method.least_size for method in methods if method.sized)
    turned = [method for method in methods if method.turn != "packets"]
    exchanging = joined([method.member for method in turned], "and")
    turns = joined(list(dict.fromkeys(method.turn for method in turned)), "or")
    unpaced = joined([method.member for method in methods if not method.paced], "or")
    limited = joined([method.member for method in methods if method.rate_limited], "and")
    return {
        "count": (
            Count,
            f"Packets (with {exchanging}: {turns}) a round, of each flow, 1 to 1000 (100 with cron, of all "
            f"flows). Not with {unpaced}. Default: 10.",
        ),
        "spacing": (
            Span,
            "Time between two packets, 10ms to 1m; (count - 1) x spacing must be shorter than the interval. "
            f"Not with {unpaced}. Default: {defaults.SPACING}; with {limited}, whose rate routers limit, "
            f"interval / (2 x count), but {defaults.SPACING} to {defaults.RATE_LIMITED_SPACING}; of tcp with "
            f"flows {LEAST_REST_MS}ms more than timeout, its least.",
        ),
        "size": (
            Annotated[int, Field(ge=least, le=MAX_PAYLOAD)],
            f"Bytes of UDP or ICMP payload, with {sized} only. Least: {least}, with stamp {stamp.PAYLOAD}, "
            f"with stamp.auth {stamp.AUTHENTICATED_PAYLOAD}; what spec.verify asks takes "
            f"{stamp.SOURCE_QUESTION} with sourceSeen and {stamp.DSCP_QUESTION} with dscp, and with "
            f"stamp.auth {stamp.QUESTION_SEAL} more. Default: 56, with stamp the least.",
        ),
    }


def _has(probe: Probe, methods: Iterable[MethodSpec]) -> bool:
    """As `any_of`, in Python."""
    return any(each.declared() in methods for each in probe.methods)


@lru_cache(maxsize=4)
def _rules(models: tuple[type[Method], ...]) -> tuple[Rule, ...]:
    methods = [model.declared() for model in models]
    names = [method.member for method in methods]
    sized = [method for method in methods if method.sized]
    fixing = [method for method in methods if method.fixes_port]
    unpaced = [method for method in methods if not method.paced]
    sends = "sends what it needs" if len(unpaced) == 1 else "send what they need"
    needs = f"{joined([method.member for method in unpaced], 'and')} {sends}: remove it"
    return (
        Rule(
            cel=f"[{', '.join(f'has(self.{name})' for name in names)}].filter(given, given).size() == 1",
            holds=lambda self: len(self.methods) == 1,
            reason="FieldValueRequired",
            message=f"exactly one type is needed, such as icmp: {{}}; the types are {', '.join(names)}",
        ),
        *(rule for model in models for rule in model.probe_rules),
        Rule(
            cel=f"!has(self.size) || {any_of(sized)} || !{any_of(methods)}",
            holds=lambda self: self.size is None or not self.methods or _has(self, sized),
            field=".size",
            reason="FieldValueForbidden",
            message=f"only {joined([method.member for method in sized], 'and')} have a payload of a size to "
            "choose: remove it",
        ),
        Rule(
            cel=f"!has(self.sourcePort) || {any_of(fixing)} || {several()} || !{any_of(methods)}",
            holds=lambda self: (
                self.source_port is None or not self.methods or self.flow_count > 1 or _has(self, fixing)
            ),
            field=".sourcePort",
            reason="FieldValueForbidden",
            message=f"only {joined([method.member for method in fixing], 'and')} have a UDP port of their "
            "own to fix, and tcp with flows: remove it",
        ),
        Rule(
            cel=f"!has(self.count) || !{any_of(unpaced)}",
            holds=lambda self: self.count is None or not _has(self, unpaced),
            field=".count",
            reason="FieldValueForbidden",
            message=needs,
        ),
        Rule(
            cel=f"!has(self.spacing) || !{any_of(unpaced)}",
            holds=lambda self: self.spacing is None or not _has(self, unpaced),
            field=".spacing",
            reason="FieldValueForbidden",
            message=needs,
        ),
        *probe_rules(methods),
        *keepalive.probe_rules(methods),
        *probe_limits.probe_rules(methods),
    )
