"""The probes of a check: what is sent, how often, and by which method."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from pydantic import Field, create_model

from ipsecping.contract import Expect, MethodSpec
from ipsecping.contract.methods import stamp
from ipsecping.contract.plan import MAX_PAYLOAD

from . import defaults, durations
from .derived import joined
from .methods import MODELS, Method, Stamp, Tls
from .mounted import MountedKey, mounted_in
from .rules import Model, Rule
from .scalars import Name, Port, duration

M = TypeVar("M", bound=Method)
Count: TypeAlias = Annotated[int, Field(ge=1, le=defaults.MAX_COUNT)]
if TYPE_CHECKING:
    Span: TypeAlias = str
else:
    Span = duration("10ms", "1m", whole_milliseconds=True)


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
    """TTL or hop limit of what is sent, 1 to 255. Default: the node's, 64 as a rule."""
    source_port: Port | None = None
    """UDP port that packets come from, in every round and after each restart of the pod, for a reflector or a
    firewall that is told it; with stamp and udpEcho only, one probe a target. Default: a fresh one."""
    dscp: Annotated[int, Field(ge=0, le=63)] | None = None
    """Differentiated services code point of what is sent (RFC 2474), 0 to 63. Default: 0."""
    expect: Expect | None = None
    """Blocked for traffic that must not get through: any sign that the target got a packet, such as a TCP
    reset, makes the check unhealthy with the reason UnexpectedlyReachable; limits of loss and time do not
    apply. Default: Reachable."""

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
    def may_ask_source(self) -> bool:
        """Its answers can tell the source address that the target sees."""
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
        """Packets a round, default included."""
        return defaults.COUNT if self.count is None else self.count

    @property
    def sending_ms(self) -> int:
        """From the first packet of a round to its last, defaults included."""
        if not all(each.declared().paced for each in self.methods):
            return 0
        return (self.packets - 1) * durations.milliseconds(self.spacing or defaults.SPACING)


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
    signed, asking, both = (
        stamp.payload(signed=signed, asks=asks)
        for signed, asks in ((True, False), (False, True), (True, True))
    )
    return {
        "count": (
            Count,
            f"Packets (with {exchanging}: {turns}) a round, 1 to 1000 (100 with cron). "
            f"Not with {unpaced}. Default: 10.",
        ),
        "spacing": (
            Span,
            "Time between two packets, 10ms to 1m; (count - 1) x spacing must be shorter than the interval. "
            f"Not with {unpaced}. Default: 100ms.",
        ),
        "size": (
            Annotated[int, Field(ge=least, le=MAX_PAYLOAD)],
            f"Bytes of UDP or ICMP payload, with {sized} only. Least: {least}, with stamp {stamp.PAYLOAD}, "
            f"with stamp.auth {signed}; with spec.verify.sourceSeen {asking} and {both}. "
            "Default: 56, with stamp the least.",
        ),
    }


def _any_of(methods: Iterable[MethodSpec]) -> str:
    """CEL: the probe `self` is of one of these types."""
    return "(" + " || ".join(f"has(self.{method.member})" for method in methods) + ")"


def _has(probe: Probe, methods: Iterable[MethodSpec]) -> bool:
    """The same in Python."""
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
            cel=f"!has(self.size) || {_any_of(sized)} || !{_any_of(methods)}",
            holds=lambda self: self.size is None or not self.methods or _has(self, sized),
            field=".size",
            reason="FieldValueForbidden",
            message=f"only {joined([method.member for method in sized], 'and')} have a payload of a size to "
            "choose: remove it",
        ),
        Rule(
            cel=f"!has(self.sourcePort) || {_any_of(fixing)} || !{_any_of(methods)}",
            holds=lambda self: self.source_port is None or not self.methods or _has(self, fixing),
            field=".sourcePort",
            reason="FieldValueForbidden",
            message=f"only {joined([method.member for method in fixing], 'and')} have a UDP port of their "
            "own to fix: remove it",
        ),
        Rule(
            cel=f"!has(self.count) || !{_any_of(unpaced)}",
            holds=lambda self: self.count is None or not _has(self, unpaced),
            field=".count",
            reason="FieldValueForbidden",
            message=needs,
        ),
        Rule(
            cel=f"!has(self.spacing) || !{_any_of(unpaced)}",
            holds=lambda self: self.spacing is None or not _has(self, unpaced),
            field=".spacing",
            reason="FieldValueForbidden",
            message=needs,
        ),
    )
