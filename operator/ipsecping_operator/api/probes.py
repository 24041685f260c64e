"""The probes of a check: what is sent, how often, and by which method."""

from typing import Annotated

from pydantic import Field

from ipsecping.contract import MIN_PAYLOAD, ProbeType
from ipsecping.contract.plan import MAX_PAYLOAD

from . import defaults, durations
from .rules import Model, Rule
from .scalars import Name, Port, duration


class Icmp(Model):
    """ICMP or ICMPv6 echo request (RFC 792, RFC 4443)."""


class UdpEcho(Model):
    """UDP datagrams that any plain echo responder (RFC 862) sends back."""

    port: Port
    """UDP port of the echo responder."""


class Stamp(Model):
    """STAMP, RFC 8762, unauthenticated mode; TWAMP Light reflectors answer it too."""

    port: Port | None = None
    """UDP port of the Session-Reflector. Default: 862."""


class Probe(Model):
    """One measuring method. Exactly one of icmp, udpEcho and stamp."""

    name: Name
    """Name of the probe, unique in the check."""
    count: Annotated[int, Field(ge=1, le=defaults.MAX_COUNT)] | None = None
    """Packets a round, 1 to 1000 (100 with cron). Default: 10."""
    spacing: duration("10ms", "1m", whole_milliseconds=True) | None = None  # type: ignore[valid-type]
    """Time between two packets, 10ms to 1m; (count - 1) x spacing must be shorter than the interval.
    Default: 100ms."""
    timeout: duration("10ms", "1m", whole_milliseconds=True) | None = None  # type: ignore[valid-type]
    """How long to wait for the answer to each packet, 10ms to 1m; may overlap the next round. Default: 2s."""
    size: Annotated[int, Field(ge=min(MIN_PAYLOAD.values()), le=MAX_PAYLOAD)] | None = None
    """Octets of UDP or ICMP payload. Least: 16, with stamp 44. Default: 56, with stamp 44."""
    icmp: Icmp | None = None
    """Measure by ICMP echo."""
    udp_echo: UdpEcho | None = None
    """Measure by a UDP echo responder."""
    stamp: Stamp | None = None
    """Measure by a STAMP Session-Reflector, which tells loss by direction."""

    rules = (
        Rule(
            cel="[has(self.icmp), has(self.udpEcho), has(self.stamp)].filter(given, given).size() == 1",
            holds=lambda self: len(self.members) == 1,
            reason="FieldValueRequired",
            message="exactly one of icmp: {}, udpEcho: {port: 7} and stamp: {} is needed",
        ),
        Rule(
            cel=f"!has(self.stamp) || !has(self.size) || self.size >= {MIN_PAYLOAD[ProbeType.STAMP]}",
            holds=lambda self: (
                not self.stamp or self.size is None or self.size >= MIN_PAYLOAD[ProbeType.STAMP]
            ),
            field=".size",
            message=f"must be at least {MIN_PAYLOAD[ProbeType.STAMP]}, the size of a STAMP packet",
        ),
    )

    @property
    def members(self) -> tuple[ProbeType, ...]:
        """The types named; exactly one in a valid probe."""
        given = {ProbeType.ICMP: self.icmp, ProbeType.UDP_ECHO: self.udp_echo, ProbeType.STAMP: self.stamp}
        return tuple(kind for kind, value in given.items() if value is not None)

    @property
    def sending_ms(self) -> int:
        """From the first packet of a round to its last, defaults included."""
        count = defaults.COUNT if self.count is None else self.count
        return (count - 1) * durations.milliseconds(self.spacing or defaults.SPACING)
