"""The probes of a check: what is sent, how often, and by which method."""

from typing import Annotated

from pydantic import Field

from ipsecping.contract import MIN_PAYLOAD, Expect, ProbeType
from ipsecping.contract.options import stamp_payload
from ipsecping.contract.plan import MAX_PAYLOAD

from . import defaults, durations
from .methods import UNPACED, UNTIMED, Dns, Http, Icmp, Ike, PathMtu, Stamp, StampAuth, Tcp, Tls, UdpEcho
from .rules import Model, Rule
from .scalars import Name, duration

MEMBERS = {
    ProbeType.ICMP: "icmp",
    ProbeType.UDP_ECHO: "udpEcho",
    ProbeType.STAMP: "stamp",
    ProbeType.TCP: "tcp",
    ProbeType.HTTP: "http",
    ProbeType.DNS: "dns",
    ProbeType.PATH_MTU: "pathMTU",
    ProbeType.IKE: "ike",
}
"""How a spec writes each type."""


def _any_of(kinds: frozenset[ProbeType]) -> str:
    """CEL: the probe `self` is of one of these types."""
    return "(" + " || ".join(f"has(self.{name})" for kind, name in MEMBERS.items() if kind in kinds) + ")"


_SIZED = frozenset(MIN_PAYLOAD)


class Probe(Model):
    """One measuring method. Exactly one of icmp, udpEcho, stamp, tcp, http, dns, pathMTU and ike."""

    name: Name
    """Name of the probe, unique in the check."""
    count: Annotated[int, Field(ge=1, le=defaults.MAX_COUNT)] | None = None
    """Packets (with tcp, http and dns: connections or queries) a round, 1 to 1000 (100 with cron). Not with
    ike. Default: 10."""
    spacing: duration("10ms", "1m", whole_milliseconds=True) | None = None  # type: ignore[valid-type]
    """Time between two packets, 10ms to 1m; (count - 1) x spacing must be shorter than the interval. Not with
    ike. Default: 100ms."""
    timeout: duration("10ms", "1m", whole_milliseconds=True) | None = None  # type: ignore[valid-type]
    """How long to wait for the answer to each packet, 10ms to 1m; may overlap the next round. Default: 2s."""
    size: Annotated[int, Field(ge=min(MIN_PAYLOAD.values()), le=MAX_PAYLOAD)] | None = None
    """Octets of UDP or ICMP payload, with icmp, udpEcho and stamp only. Least: 16, with stamp 44, with
    stamp.auth 112; with spec.verify.sourceSeen 72 and 160. Default: 56, with stamp the least."""
    dscp: Annotated[int, Field(ge=0, le=63)] | None = None
    """Differentiated services code point of what is sent (RFC 2474), 0 to 63. Default: 0."""
    expect: Expect | None = None
    """Blocked for traffic that must not get through: any sign that the far end got a packet, such as a TCP
    reset, makes the check unhealthy with the reason UnexpectedlyReachable; limits of loss and time do not
    apply. Default: Reachable."""
    icmp: Icmp | None = None
    """Measure by ICMP echo."""
    udp_echo: UdpEcho | None = None
    """Measure by a UDP echo responder."""
    stamp: Stamp | None = None
    """Measure by a STAMP Session-Reflector, which tells loss by direction."""
    tcp: Tcp | None = None
    """Measure the time to connect by TCP, with TLS the handshake too."""
    http: Http | None = None
    """Measure the time to the answer to an HTTP GET."""
    dns: Dns | None = None
    """Measure the time to the answer to a DNS query."""
    path_mtu: Annotated[PathMtu | None, Field(alias="pathMTU")] = None
    """Find the largest packet that passes unfragmented."""
    ike: Ike | None = None
    """Ask the gateway's IKE daemon whether it is alive."""

    rules = (
        Rule(
            cel=f"[{', '.join(f'has(self.{name})' for name in MEMBERS.values())}]"
            ".filter(given, given).size() == 1",
            holds=lambda self: len(self.members) == 1,
            reason="FieldValueRequired",
            message="exactly one type is needed, such as icmp: {}; the types are "
            + ", ".join(MEMBERS.values()),
        ),
        Rule(
            cel=f"!has(self.stamp) || !has(self.size) || self.size >= {MIN_PAYLOAD[ProbeType.STAMP]}",
            holds=lambda self: (
                not self.stamp or self.size is None or self.size >= MIN_PAYLOAD[ProbeType.STAMP]
            ),
            field=".size",
            message=f"must be at least {MIN_PAYLOAD[ProbeType.STAMP]}, the size of a STAMP packet",
        ),
        Rule(
            cel="!has(self.stamp) || !has(self.stamp.auth) || !has(self.size) || "
            f"self.size < {MIN_PAYLOAD[ProbeType.STAMP]} || self.size >= {defaults.AUTHENTICATED_SIZE}",
            holds=lambda self: (
                not (
                    self.stamp
                    and self.stamp.auth
                    and self.size is not None
                    and MIN_PAYLOAD[ProbeType.STAMP] <= self.size < defaults.AUTHENTICATED_SIZE
                )
            ),
            field=".size",
            message=f"must be at least {defaults.AUTHENTICATED_SIZE} with stamp.auth, "
            "the size of an authenticated STAMP packet",
        ),
        Rule(
            cel=f"!has(self.size) || {_any_of(_SIZED)} || !{_any_of(frozenset(MEMBERS))}",
            holds=lambda self: self.size is None or not self.members or bool(_SIZED & {*self.members}),
            field=".size",
            reason="FieldValueForbidden",
            message="only icmp, udpEcho and stamp have a payload of a size to choose: remove it",
        ),
        Rule(
            cel=f"!has(self.count) || !{_any_of(UNPACED)}",
            holds=lambda self: self.count is None or not UNPACED & {*self.members},
            field=".count",
            reason="FieldValueForbidden",
            message="ike sends what it needs: remove it",
        ),
        Rule(
            cel=f"!has(self.spacing) || !{_any_of(UNPACED)}",
            holds=lambda self: self.spacing is None or not UNPACED & {*self.members},
            field=".spacing",
            reason="FieldValueForbidden",
            message="ike sends what it needs: remove it",
        ),
    )

    @property
    def members(self) -> tuple[ProbeType, ...]:
        """The types named; exactly one in a valid probe."""
        given = {
            ProbeType.ICMP: self.icmp,
            ProbeType.UDP_ECHO: self.udp_echo,
            ProbeType.STAMP: self.stamp,
            ProbeType.TCP: self.tcp,
            ProbeType.HTTP: self.http,
            ProbeType.DNS: self.dns,
            ProbeType.PATH_MTU: self.path_mtu,
            ProbeType.IKE: self.ike,
        }
        return tuple(kind for kind, value in given.items() if value is not None)

    @property
    def is_timed(self) -> bool:
        """Limits of time apply to it."""
        return self.expect is not Expect.BLOCKED and not UNTIMED & {*self.members}

    @property
    def may_ask_source(self) -> bool:
        """Its answers can tell the source address that the far end sees."""
        return self.stamp is not None and self.expect is not Expect.BLOCKED

    def least_size(self, *, asks: bool) -> int:
        """Least octets of a stamp probe's packets, which may have to ask for the source address."""
        return stamp_payload(signed=self.auth is not None, asks=asks)

    @property
    def auth(self) -> StampAuth | None:
        """Where the keys are that its packets are signed with."""
        return self.stamp.auth if self.stamp else self.path_mtu.auth if self.path_mtu else None

    @property
    def tls(self) -> Tls | None:
        """What is asked of TLS."""
        return self.tcp.tls if self.tcp else self.http.tls if self.http else None

    @property
    def min_valid_days(self) -> int | None:
        """Days that the far end's certificate must still be valid; None where that is not judged."""
        return None if self.tls is None else self.tls.min_valid_days

    @property
    def packets(self) -> int:
        """Packets a round, default included."""
        return defaults.COUNT if self.count is None else self.count

    @property
    def sending_ms(self) -> int:
        """From the first packet of a round to its last, defaults included."""
        if UNPACED & {*self.members}:
            return 0
        return (self.packets - 1) * durations.milliseconds(self.spacing or defaults.SPACING)
