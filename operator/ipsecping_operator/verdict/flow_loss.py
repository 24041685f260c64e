"""The verdict on a probe's flows: which of them lose everything while others live. Pure.

A flow is dead when it has lost every packet of the newest rounds, two at least, and that is no accident. Be
p the loss of the flows that live in these rounds: that a flow loses n packets of n by chance has the
probability p^n, that one of N flows does at most N * p^n. Where that is `MOST_BY_CHANCE` or less, it was
not by chance. Of p there is only an estimate, (lost + 1) / (sent + 2) after Laplace, which is never 0 and
rather too high. So with more loss, or fewer packets, it takes more rounds. With 8 flows, half of them dead,
and no other loss, two rounds are enough from 3 packets of each flow in a round on; with 2 flows, one of
them dead, from 4 on.

Rounds in which nothing was answered count among the losses of the living flows told: that a flow was silent
when all of them were is no evidence against it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from ipsecping.contract import Flows
from ipsecping.contract.flows import lost_flows
from ipsecping_operator.api.conditions import HealthyReason

from . import text
from .finding import Finding

LEAST_ROUNDS = 2
MOST_ROUNDS = 64
"""So far back it is looked at most: whoever runs the reflector decides whether it is ever known."""
LEAST_PACKETS = 3
MOST_BY_CHANCE = 1e-6
"""With a round every 30 s, one in a year by chance at the worst."""


@dataclass(frozen=True, slots=True)
class FlowState:
    """What is known of a probe's flows."""

    count: int
    first_port: int
    """Source port of flow 0."""
    dead: tuple[int, ...] = ()
    """Numbers of the flows that are dead."""
    rounds: int = 0
    """So many of the newest rounds say so."""

    @property
    def dead_ports(self) -> list[int]:
        """Source ports of the dead flows."""
        return [self.first_port + flow for flow in self.dead]


@dataclass(slots=True)
class _Evidence:
    """The newest rounds so far, added up; by flow."""

    rounds: int = 0
    """Those that had an answer."""
    told: Counter[int] = field(default_factory=Counter)
    """Packets sent in these."""
    sent: Counter[int] = field(default_factory=Counter)
    received: Counter[int] = field(default_factory=Counter)

    def add(self, figure: Flows) -> None:
        sent = {flow: figure.sent(flow) for flow in figure.flows}
        self.sent.update(sent)
        self.received.update({flow: figure.received(flow) for flow in figure.flows})
        if len(figure.silent) < len(figure.flows):
            self.rounds += 1
            self.told.update(sent)

    @property
    def silent(self) -> tuple[int, ...]:
        return tuple(flow for flow, received in self.received.items() if not received)

    def decides(self, silent: tuple[int, ...]) -> bool:
        """Whether so many flows are not silent by chance."""
        alive = [flow for flow in self.sent if flow not in silent]
        sent, received = sum(self.sent[each] for each in alive), sum(self.received[each] for each in alive)
        ratio = (sent - received + 1) / (sent + 2)
        fewest = min(self.told[flow] for flow in silent)
        by_chance = len(self.sent) * ratio**fewest
        return self.rounds >= LEAST_ROUNDS and fewest >= LEAST_PACKETS and by_chance <= MOST_BY_CHANCE


def state_of_flows(newest_first: Iterable[Flows]) -> FlowState | None:
    """What a window's figures, of one round each, say; None where they say nothing.

    Those of other source ports than the newest's are of other flows, and end the look back. It ends as soon
    as it is known what became of each flow, after a few rounds as a rule.
    """
    evidence, newest = _Evidence(), None
    for figure in islice(newest_first, MOST_ROUNDS):
        newest = newest or figure
        if figure.first_port is None or figure.first_port != newest.first_port:
            break
        evidence.add(figure)
        silent = evidence.silent
        if not silent:
            break
        if evidence.decides(silent):
            return FlowState(len(newest.flows), newest.first_port or 0, silent, evidence.rounds)
    if newest is None or newest.first_port is None:
        return None
    return FlowState(len(newest.flows), newest.first_port)


def flow_loss(where: str, state: FlowState | None) -> Finding | None:
    """Some flows are dead, and others are not."""
    if state is None or not state.dead:
        return None
    lost = lost_flows(state.dead_ports, of=state.count)
    return Finding(
        reason=HealthyReason.FLOW_LOSS,
        message=f"{lost} in the last {text.counted(state.rounds, 'round')} on {where}, others are answered: "
        "one of several ways (ECMP, link bundle, SA or queue) that traffic is spread over is dead",
    )
