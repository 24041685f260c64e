"""Flows: what became of each of a probe's source ports, as a router with several ways sees them apart.

Routers with several equal ways (ECMP, link bundles), gateways with several SAs and network cards with several
queues choose by addresses and ports (RFC 2992, RFC 7424): a dead member takes some
flows along, and no others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

from . import fields
from .bounds import MAX_COUNT, MAX_FLOWS, MAX_RTT
from .fields import ContractError, out_of_range
from .figure import Counted, Field, LabelledGauge

MAX_NAMED = 8
"""So many source ports are named in a message; the status has all."""


class FlowPackets(NamedTuple):
    """What is counted together: packets of one flow that were answered in time, or that were not."""

    flow: int
    """From 0 on: it is sent from the first source port and so many more."""
    answered: bool


@dataclass(frozen=True, slots=True)
class Flows(Counted):
    """Packets by `FlowPackets`: of a round, those of every flow of the probe."""

    name: ClassVar[str] = "flows"
    position: ClassVar[int] = 15
    most: ClassVar[int] = 2 * MAX_FLOWS
    labelled: ClassVar[tuple[LabelledGauge, ...]] = (
        LabelledGauge(
            "ipsecping_flow_loss_ratio",
            "Packets of a flow lost over the check's window, 0 to 1; flows are numbered from 0.",
            "flow",
            lambda figure: {str(flow): figure.loss_ratio(flow) for flow in figure.flows},
            "Packets of a flow lost in the newest round, 0 to 1; flows are numbered from 0.",
        ),
        LabelledGauge(
            "ipsecping_flow_rtt_mean_seconds",
            "Mean round-trip time of a flow over the check's window.",
            "flow",
            lambda figure: {
                str(flow): mean / 1e9 for flow in figure.flows if (mean := figure.mean_rtt(flow)) is not None
            },
            "Mean round-trip time of a flow in the newest round.",
        ),
    )

    first_port: int | None = None
    """Source port of flow 0; None where rounds from several ports were added up."""
    times: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """Flow to the number of its round-trip times, and their sum in nanoseconds."""

    @classmethod
    def of(cls, flows: Sequence[tuple[int, int, int, int]], *, first_port: int) -> Self:
        """Return the figure of one round: packets sent and received, number and sum of round-trip times."""
        counts: dict[FlowPackets, int] = {}
        times: dict[int, tuple[int, int]] = {}
        for flow, (sent, received, timed, time) in enumerate(flows):
            counts |= {FlowPackets(flow, True): received, FlowPackets(flow, False): sent - received}
            times[flow] = timed, time
        return cls(
            _some(counts), first_port, MappingProxyType({key: each for key, each in times.items() if each[0]})
        )

    @property
    def flows(self) -> range:
        """The numbers of all flows."""
        return range(1 + max((key.flow for key in self.counts), default=-1))

    def sent(self, flow: int) -> int:
        """Return the packets sent."""
        return self.received(flow) + self.counts.get(FlowPackets(flow, False), 0)

    def received(self, flow: int) -> int:
        """Return the packets answered in time."""
        return self.counts.get(FlowPackets(flow, True), 0)

    def loss_ratio(self, flow: int) -> float:
        """Return the share of packets lost."""
        sent = self.sent(flow)
        return (sent - self.received(flow)) / sent if sent else 0.0

    def mean_rtt(self, flow: int) -> float | None:
        """Return the mean round-trip time, nanoseconds."""
        count, time = self.times.get(flow, (0, 0))
        return time / count if count else None

    @property
    def silent(self) -> list[int]:
        """The flows of which no packet was answered."""
        return [flow for flow in self.flows if not self.received(flow)]

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        source = fields.mapping(value, path)
        rows = []
        for place, item in enumerate(
            fields.sequence(source.get("flows"), f"{path}.flows", at_most=MAX_FLOWS)
        ):
            row, where = fields.mapping(item, f"{path}.flows[{place}]"), f"{path}.flows[{place}]"
            sent = fields.integer(row, "sent", where, at_least=1, at_most=MAX_COUNT)
            received = fields.optional_integer(row, "received", where, at_most=sent) or 0
            timed = fields.optional_integer(row, "timed", where, at_most=received)
            time = fields.optional_integer(row, "rttSum", where) or 0
            rows.append((sent, received, received if timed is None else timed, time))
        return cls.of(rows, first_port=fields.integer(source, "firstPort", path, at_least=1, at_most=65_535))

    def to_json(self) -> object:
        """See Figure."""
        return {"firstPort": self.first_port, "flows": [self._row(flow) for flow in self.flows]}

    def _row(self, flow: int) -> dict[str, int]:
        received = self.received(flow)
        timed, time = self.times.get(flow, (0, 0))
        return fields.present(
            sent=self.sent(flow),
            received=received or None,
            timed=None if timed == received else timed,
            rttSum=time or None,
        )

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        if not 2 <= len(self.flows) <= MAX_FLOWS:
            raise out_of_range(len(self.flows), f"{path}.flows", 2, MAX_FLOWS)
        last = 65_536 - len(self.flows)
        if self.first_port is None or not 1 <= self.first_port <= last:
            raise ContractError(f"{path}.firstPort: {self.first_port} is outside 1..{last}")
        if (sum(map(self.sent, self.flows)), sum(map(self.received, self.flows))) != (sent, received):
            raise ContractError(f"{path}.flows: do not add up to {sent} packets sent and {received} received")
        for flow, (timed, time) in self.times.items():
            if not 0 <= timed <= self.received(flow):
                raise out_of_range(timed, f"{path}.flows[{flow}].timed", 0, self.received(flow))
            if not 0 <= time <= timed * MAX_RTT:
                raise out_of_range(time, f"{path}.flows[{flow}].rttSum", 0, timed * MAX_RTT)

    @classmethod
    def made(cls, counts: Mapping[Any, int], parts: Sequence[tuple[Self, int]]) -> Self:
        """See Counted."""
        ports = {each.first_port for each, _ in parts}
        times: dict[int, tuple[int, int]] = {}
        for each, sign in parts:
            for flow, (timed, time) in each.times.items():
                known = times.get(flow, (0, 0))
                times[flow] = known[0] + sign * timed, known[1] + sign * time
        times = {flow: each for flow, each in times.items() if each[0]}
        return cls(counts, ports.pop() if len(ports) == 1 else None, times)

    def only(self, counts: Mapping[Any, int]) -> Self:
        """See Counted."""
        flows = {key.flow for key in counts if key.answered}
        return replace(
            self, counts=counts, times={key: each for key, each in self.times.items() if key in flows}
        )

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        silent = self.silent
        ports = (
            ",".join(str(self.first_port + flow) for flow in silent) if self.first_port is not None else ""
        )
        return {
            "flows": len(self.flows),
            "flows_silent": len(silent),
            "flows_silent_ports": ports or None,
        }

    def remark(self) -> str | None:
        """See Figure: which flows lost every packet while others did not."""
        silent = self.silent
        if not silent or len(silent) == len(self.flows) or self.first_port is None:
            return None
        return lost_flows([self.first_port + flow for flow in silent], of=len(self.flows))


def lost_flows(ports: Sequence[int], *, of: int) -> str:
    """Say which flows lost every packet, by their source ports."""
    named = ", ".join(map(str, ports[:MAX_NAMED])) + (" ..." if len(ports) > MAX_NAMED else "")
    return f"{len(ports)} of {of} flows lost every packet: source port{'s' if len(ports) > 1 else ''} {named}"


def _some(counts: Mapping[FlowPackets, int]) -> Mapping[FlowPackets, int]:
    return MappingProxyType({key: count for key, count in counts.items() if count})
