"""IKE_SA_INIT (RFC 7296) to the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Self

from .. import fields
from ..check import LOSS_REASONS, LossReason, ProbeType
from ..fields import ContractError, out_of_range
from ..figure import Counted, Field, Newest
from .spec import MethodSpec, Options, Traffic

IKE_PORT, NAT_PORT = 500, 4500
PORTS = (IKE_PORT, NAT_PORT)
MAX_PORTS = 4
REQUESTS = Traffic(4, 2000)
"""Those to one port, with what is sent again."""


class Require(StrEnum):
    """Which of the ports have to answer."""

    ALL = "All"
    """Each: one that does not is a lost packet."""
    ANY = "Any"
    """One of them: a round is one packet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeOptions(Options):
    """An IKE_SA_INIT (RFC 7296) to UDP ports of the gateway."""

    gateway: str
    """Address or name of the remote gateway's public endpoint."""
    ports: tuple[int, ...] = PORTS
    plain_ports: tuple[int, ...] = ()
    """Those among `ports` that take IKE as port 500 does: without the non-ESP marker (RFC 3948, 2.2)."""
    require: Require = Require.ALL
    detect_nat: bool = False
    """Also ask with an acceptable proposal, at most every ten minutes, whether there is NAT on the way."""

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        ports = _ports(source.get("ports"), f"{path}.ports") or PORTS
        plain = _ports(source.get("plainPorts"), f"{path}.plainPorts")
        if not set(plain) <= set(ports):
            among = ", ".join(map(str, ports))
            raise ContractError(f"{path}.plainPorts: only those among ports are possible: {among}")
        require = Require.ALL
        if source.get("require") is not None:
            require = fields.member(source, "require", path, Require)
        return cls(
            gateway=fields.text(source, "gateway", path),
            ports=ports,
            plain_ports=plain,
            require=require,
            detect_nat=fields.flag(source, "detectNAT", path),
        )

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(
            gateway=self.gateway,
            ports=None if self.ports == PORTS else list(self.ports),
            plainPorts=list(self.plain_ports) or None,
            require=None if self.require is Require.ALL else self.require.value,
            detectNAT=self.detect_nat or None,
        )

    def destination(self, target: str) -> str:
        """See Options."""
        return self.gateway


def _ports(value: object, path: str) -> tuple[int, ...]:
    """Different UDP ports; none where nothing is given. Raises ContractError."""
    if value is None:
        return ()
    listed = fields.sequence(value, path, at_most=MAX_PORTS)
    ports = tuple(
        fields.integer({str(i): each}, str(i), path, at_least=1, at_most=65_535)
        for i, each in enumerate(listed)
    )
    if not ports or len(set(ports)) < len(ports):
        raise ContractError(f"{path}: expected 1 to {MAX_PORTS} different ports")
    return ports


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
    """Requests that UDP ports of the gateway did not answer, by port and reason.

    They need not be lost packets: see `Require.ANY`.
    """

    name: ClassVar[str] = "unanswered"
    position: ClassVar[int] = 40
    most: ClassVar[int] = MAX_PORTS * len(LOSS_REASONS)

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
        wrong = next((key for key in source if not _is_port(key)), None)
        if wrong is not None:
            raise ContractError(f"{path}: {fields.shown(wrong)} is not a port")
        reasons = {int(key): fields.one_of(source, key, path, LOSS_REASONS) for key in source}
        return cls.of(reasons) if reasons else None

    def to_json(self) -> object:
        """See Figure."""
        return {str(port): reason for port, reason in self.counts}

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        most = MAX_PORTS if sent else 0
        if len(self.counts) > most:
            raise ContractError(f"{path}: {len(self.counts)} ports, at most {most} can be")
        wrong = next((port for port, _ in self.counts if not 1 <= port <= 65_535), None)
        if wrong is not None:
            raise out_of_range(wrong, path, 1, 65_535)

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {"unanswered_ports": ",".join(str(port) for port in self.by_port)}


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and text == str(int(text[:6])) and 1 <= int(text) <= 65_535


def _traffic(options: IkeOptions, size: int, turns: int) -> Traffic:
    return REQUESTS.times(len(options.ports))


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
