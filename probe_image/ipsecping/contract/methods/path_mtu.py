"""The search for the path MTU (RFC 4821, RFC 8899), with the help of whatever answers at the target."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, Self

from .. import fields
from ..bounds import MAX_MTU, MIN_MTU
from ..check import ProbeType
from ..fields import ContractError, out_of_range
from ..figure import Field, Gauge, Newest
from . import stamp
from .spec import MethodSpec, Options, Traffic

LEAST_MTU, MOST_MTU = 576, 65_535
"""Bounds of the sizes that can be tried."""
MIN_TRIED = 1280
"""What every IPv6 link carries (RFC 8200 section 5)."""
MAX_TRIED = 1500
SEARCH_PACKETS = 64
"""Of a search in a second, companions included; most searches need fewer in all."""


class Responder(StrEnum):
    """What answers the packets of a search."""

    STAMP = "STAMP"
    """A Session-Reflector; one that counts tells both directions apart."""
    UDP_ECHO = "UDPEcho"
    """Any UDP echo responder (RFC 862): there and back as one."""
    ICMP = "ICMP"
    """The target's own ICMP echo: there and back as one."""

    @property
    def counts(self) -> bool:
        """Whether it may number its answers."""
        return self is Responder.STAMP


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMtuOptions(Options):
    """A search for the largest IP packet (bytes) that passes with Don't Fragment set, in these bounds."""

    min: int = MIN_TRIED
    max: int = MAX_TRIED
    responder: Responder = Responder.STAMP
    key_file: str | None = None
    marked_keys: bool = False
    """Both as in StampOptions."""

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        low = fields.integer({"min": MIN_TRIED, **source}, "min", path, at_least=LEAST_MTU, at_most=MOST_MTU)
        high = fields.integer({"max": MAX_TRIED, **source}, "max", path, at_least=low, at_most=MOST_MTU)
        responder = Responder.STAMP
        if source.get("responder") is not None:
            responder = fields.member(source, "responder", path, Responder)
        if source.get("keyFile") is not None and responder is not Responder.STAMP:
            raise ContractError(f"{path}.keyFile: only STAMP signs its packets, {responder.value} does not")
        return cls(
            min=low,
            max=high,
            responder=responder,
            key_file=fields.optional_text(source, "keyFile", path),
            marked_keys=fields.flag(source, "markedKeys", path),
        )

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(
            min=self.min,
            max=self.max,
            responder=None if self.responder is Responder.STAMP else self.responder.value,
            keyFile=self.key_file,
            markedKeys=self.marked_keys or None,
        )

    @property
    def uses_port(self) -> bool:
        """See Options."""
        return self.responder is not Responder.ICMP

    def with_any_key(self) -> Self:
        """See Options."""
        return replace(self, marked_keys=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMtu(Newest):
    """What one search for the path MTU found. Sizes in bytes of the IP packet."""

    name: ClassVar[str] = "pathMTU"
    position: ClassVar[int] = 10
    gauges: ClassVar[tuple[Gauge, ...]] = (
        Gauge(
            "ipsecping_path_mtu_bytes",
            "Largest IP packet that passes, by the newest search.",
            lambda figure: figure.size,
            "Largest IP packet that reaches the target, newest round.",
            lambda figure: figure.forward,
        ),
    )

    forward: int | None
    """The largest packet that arrived at the target; None where not even the smallest did."""
    reverse: int | None
    """As much of it as came back; at most `forward`. None where it cannot be told."""
    too_big: bool
    """A "fragmentation needed" or "packet too big" message came; False with a limit: a black hole."""
    too_big_from: str | None = None
    """The router whose message states `forward`; None: none does."""

    @property
    def size(self) -> int | None:
        """The largest packet that passes, both ways where that is known; None: none does."""
        if self.forward is None or self.reverse is None:
            return self.forward
        return min(self.forward, self.reverse)

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        source = fields.mapping(value, path)
        return cls(
            forward=fields.optional_integer(source, "forward", path),
            reverse=fields.optional_integer(source, "reverse", path),
            too_big=fields.flag(source, "tooBig", path),
            too_big_from=fields.optional_address(source, "tooBigFrom", path),
        )

    def to_json(self) -> object:
        """See Figure."""
        return fields.present(
            forward=self.forward, reverse=self.reverse, tooBig=self.too_big, tooBigFrom=self.too_big_from
        )

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        if self.too_big_from is not None and not (self.too_big and self.forward is not None):
            raise ContractError(f"{path}.tooBigFrom: known only where tooBig and forward are")
        if self.forward is None:
            if self.reverse is not None:
                raise ContractError(f"{path}.reverse: known only where forward is")
            return
        if not MIN_MTU <= self.forward <= MAX_MTU:
            raise out_of_range(self.forward, f"{path}.forward", MIN_MTU, MAX_MTU)
        if self.reverse is not None and not MIN_MTU <= self.reverse <= self.forward:
            raise out_of_range(self.reverse, f"{path}.reverse", MIN_MTU, self.forward)

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {"path_mtu_bytes": self.forward, "path_mtu_reverse_bytes": self.reverse}

    def remark(self) -> str | None:
        """See Figure."""
        return None if self.forward is None else f"path MTU {self.forward}"


def _traffic(options: PathMtuOptions, size: int, turns: int) -> Traffic:
    # Before the search, small packets are sent until one is answered.
    return Traffic(max(SEARCH_PACKETS, turns), SEARCH_PACKETS * options.max)


METHOD = MethodSpec(
    name=ProbeType.PATH_MTU,
    member="pathMTU",
    module="path_mtu",
    options=PathMtuOptions,
    port=stamp.PORT,
    timed=False,
    sends_count=False,
    figures=(PathMtu,),
    traffic=_traffic,
)
