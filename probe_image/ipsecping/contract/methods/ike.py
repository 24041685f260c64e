"""IKE_SA_INIT (RFC 7296) to the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self

from .. import fields
from ..check import LOSS_REASONS, LossReason, ProbeType
from ..fields import ContractError
from ..figure import Counted, Field, Newest
from .spec import MethodSpec, Options, Traffic

PORTS = (500, 4500)
REQUESTS = Traffic(8, 4000)
"""Those to both ports, with what is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeOptions(Options):
    """An IKE_SA_INIT (RFC 7296) to ports 500 and 4500 of the gateway."""

    gateway: str
    """Address or name of the remote gateway's public endpoint."""
    detect_nat: bool = False
    """Also ask with an acceptable proposal, at most every ten minutes, whether there is NAT on the way."""

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        return cls(
            gateway=fields.text(source, "gateway", path), detect_nat=fields.flag(source, "detectNAT", path)
        )

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(gateway=self.gateway, detectNAT=self.detect_nat or None)

    def destination(self, target: str) -> str:
        """See Options."""
        return self.gateway


@dataclass(frozen=True, slots=True)
class Nat(Newest):
    """Whether there is NAT between here and the gateway, by the newest round that asked."""

    name: ClassVar[str] = "nat"
    position: ClassVar[int] = 30
    kept: ClassVar[int] = 30 * 60 * 10**9
    """It is looked for every ten minutes at most."""

    found: bool

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        return cls(fields.boolean(value, path))

    def to_json(self) -> object:
        """See Figure."""
        return self.found

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure; either can be."""

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {"nat": int(self.found)}


@dataclass(frozen=True, slots=True)
class Unanswered(Counted):
    """Packets that UDP ports of the gateway did not answer, by port and reason."""

    name: ClassVar[str] = "unanswered"
    position: ClassVar[int] = 40
    most: ClassVar[int] = 2 * len(LOSS_REASONS)

    @classmethod
    def of(cls, reasons: Mapping[int, LossReason]) -> Self:
        """Return the figure of one round: each silent port, and why it is."""
        return cls(MappingProxyType(dict.fromkeys(reasons.items(), 1)))

    @property
    def by_port(self) -> dict[int, int]:
        """Packets of each port, in the order of ports."""
        ports = sorted({port for port, _ in self.counts})
        return {port: sum(n for (each, _), n in self.counts.items() if each == port) for port in ports}

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        source = fields.mapping(value, path)
        if any(key not in _WRITTEN for key in source):
            raise ContractError(f"{path}: IKE has the ports {', '.join(_WRITTEN)} only")
        reasons = {int(key): fields.one_of(source, key, path, LOSS_REASONS) for key in source}
        return cls.of(reasons) if reasons else None

    def to_json(self) -> object:
        """See Figure."""
        return {str(port): reason for port, reason in self.counts}

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        most = min(sent - received, len(PORTS))
        if len(self.counts) > most:
            raise ContractError(f"{path}: {len(self.counts)} ports, at most {most} can be")
        if any(port not in PORTS for port, _ in self.counts):
            raise ContractError(f"{path}: IKE has the ports {PORTS} only")

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {"unanswered_ports": ",".join(str(port) for port in self.by_port)}


_WRITTEN = tuple(str(port) for port in PORTS)


def _traffic(options: IkeOptions, size: int, turns: int) -> Traffic:
    return REQUESTS


METHOD = MethodSpec(
    name=ProbeType.IKE,
    member="ike",
    module="ike",
    options=IkeOptions,
    has_port=False,
    timed=False,
    paced=False,
    sends_count=False,
    may_rest=True,
    figures=(Nat, Unanswered),
    traffic=_traffic,
)
