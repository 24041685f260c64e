"""What the declaration of a probe type says. Pure data; whatever else knows of a type is derived from it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from .. import fields
from ..check import LossReason, ProbeType
from ..fields import ContractError
from ..figure import Figure
from ..flows import Flows
from ..loss_shape import LossShape

HEADERS = 48
"""Bytes of IPv6 and of UDP or ICMP."""


class Options(ABC):
    """What a probe type needs to know beyond count, spacing, timeout, size and port.

    Subclasses are frozen dataclasses with slots: equal options are equal, and have a hash.
    """

    __slots__ = ()

    @classmethod
    @abstractmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """Read the options of a plan; absent keys mean the default. Raises ContractError."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Make the options of a plan."""

    def destination(self, target: str) -> str:
        """Return the host that packets go to, an address or a name: as a rule the check's target."""
        return target

    def named(self, host: str) -> Self:
        """Return the same, with `host` as the name that a certificate must bear, where they give none."""
        return self

    def with_any_key(self) -> Self:
        """Return the same, with keys of any form accepted, see `net.key_file`."""
        return self

    @property
    def discloses_secret(self) -> bool:
        """Whether packets carry a secret as it is, rather than a proof of it."""
        return False

    @property
    def uses_port(self) -> bool:
        """Whether packets go to a port, with a type that has one."""
        return True

    def least_size(self, usual: int) -> int:
        """Return the least payload (bytes) that a packet has room in for what these ask for."""
        return usual


class Traffic(NamedTuple):
    """Packets, and the bytes of their IP packets."""

    packets: int
    octets: int

    def __add__(self, other: object) -> "Traffic":
        if not isinstance(other, Traffic):
            return NotImplemented
        return Traffic(self.packets + other.packets, self.octets + other.octets)

    def times(self, number: int) -> "Traffic":
        """Return so many of these."""
        return Traffic(self.packets * number, self.octets * number)


CONNECTION = Traffic(4, 320)
"""A TCP connection that is opened and closed again."""
HANDSHAKE = Traffic(6, 1500)
"""Of TLS."""


def datagrams(options: Any, size: int, turns: int) -> Traffic:
    """One datagram of `size` bytes of payload each turn."""
    return Traffic(1, HEADERS + size).times(turns)


class Flag(NamedTuple):
    """How `ipsecping ping` asks for the type: an option of the command line with a value."""

    metavar: str
    text: str
    """For --help."""
    is_port: bool = True
    """The value is the port; otherwise it is for `read` alone."""
    read: Callable[[str, Mapping[str, Any]], Options | None] | None = None
    """Makes the type's options of the value and of the command line's other options, by name. Raises
    ContractError. None: those of an empty plan."""
    position: int = 100
    """Where it stands in --help: the lower the sooner."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MethodSpec:
    """The declaration of one probe type."""

    name: ProbeType
    member: str
    """How a spec writes it."""
    module: str
    """Its module in `ipsecping.probes`, imported when the first packet is sent."""
    options: type[Options] | None = None
    """None: it has none."""
    has_port: bool = True
    """Whether a probe has a port of its own; not where it is named by a URL, or fixed by the protocol."""
    port: int | None = None
    """The default port; None: there is none, and a spec has to name one."""
    least_size: int = 0
    """Least payload (bytes) that a packet needs to be told from others; 0: there is no size to choose."""
    default_size: int | None = None
    """None: the least."""
    timed: bool = True
    """Whether round-trip times say something of the tunnel; limits of time apply to no other type."""
    paced: bool = True
    """Whether a round is a series of packets, with count and spacing."""
    sends_count: bool = True
    """Whether a round sends as many packets as the plan says, rather than what it needs."""
    rate_limited: bool = False
    """Whether hosts and routers limit the rate of such packets as a rule: by default they are sent slower."""
    fixes_port: bool = False
    """Whether a plan may fix the UDP port that packets come from: a session has one socket, and tells its
    answers from those of earlier ones by more than ports."""
    has_flows: bool = False
    """Whether a probe may send from several source ports side by side."""
    keeps_mapping: bool = False
    """Whether its rounds come from one port (or ICMP identifier), so that a packet between them keeps the
    mapping of a NAT on the way."""
    one_at_a_time: bool = False
    """Whether a source port is taken until what becomes of its packet is known: a TCP connection's."""
    may_rest: bool = False
    """Whether a round may send nothing though nothing is wrong."""
    directed: bool = False
    """Whether losses are told by direction. Such a round may add closing packets (`bounds.MAX_CLOSING`)."""
    turn: str = "packets"
    """What one of `count` is called."""
    turns: int = 1
    """How many packets of the usual spacing a round has time for, where it is not paced by a spec."""
    least_interval_ms: int = 0
    """Its rounds come no more often than this: a burden that nobody needs all the time."""
    figures: tuple[type[Figure], ...] = ()
    """What it alone measures, or it and a few others."""
    reasons: tuple[LossReason, ...] = ()
    """Why its packets alone may be lost."""
    traffic: Callable[[Any, int, int], Traffic] = datagrams
    """What is sent in a second in which so many turns begin, given options, size and that number."""
    flag: Flag | None = None
    """None: `ipsecping ping` does not measure by it."""

    @property
    def sized(self) -> bool:
        """Whether a probe's payload has a size to choose."""
        return self.least_size > 0

    def needs_port(self, options: Options | None) -> bool:
        """Whether a plan has to name the port of a probe with these options; otherwise it must not."""
        return self.has_port and (options is None or options.uses_port)

    def least_payload(self, options: Options | None) -> int:
        """Return the least payload (bytes) of a probe with these options; 0: there is no size to choose."""
        return self.least_size if options is None else options.least_size(self.least_size)

    def read_options(self, value: object, path: str) -> Options | None:
        """Read the options of a probe in a plan, None for a type that has none. Raises ContractError."""
        if self.options is None:
            if value is not None:
                raise ContractError(f"{path}: {self.name} has no options")
            return None
        return self.options.from_json(fields.mapping({} if value is None else value, path), path)

    @property
    def measures(self) -> tuple[type[Figure], ...]:
        """Every figure of its results: a series of packets has a shape of loss beside its own, and flows."""
        of_flows = (Flows,) if self.has_flows else ()
        return (*self.figures, LossShape, *of_flows) if self.paced and self.sends_count else self.figures
