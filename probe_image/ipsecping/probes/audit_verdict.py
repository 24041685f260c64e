"""What an audit shows, from what was sent and what came. Pure.

Silence proves nothing by itself: a packet may be lost. A try counts where the controls before and behind it
were answered, and only where the path loses little.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from ..contract import AuditFinding, AuditProtocol, LossReason
from .audit_cases import BURST, TRIES, Case, Exchange, Origin, Reply

LEAST_COUNTED = 2
"""Tries of a case that must count before its silence means anything."""
LOST_MOST = 0.1
"""Of the controls; where more are lost, silence means nothing: two tries would be lost too often."""
REPEATED = 3
"""Controls that are answered several times, before it is not the network that copies."""
SUSPECT, SILENT = 5, 8
"""Controls in a row without an answer, behind others with one: so many make a reflector suspect, and so many
show that it has fallen silent, for loss seldom lasts so long."""
KEPT = 2048
"""Bytes of a datagram that are kept."""
BURST_ALLOWANCE = 1.0
"""Seconds: what is due in so long a rate may let pass at once."""


class Outcome(Enum):
    """What became of one test."""

    FOUND = "found"
    CLOSED = "closed"
    NOT_TESTED = "not tested"


class Verdict(NamedTuple):
    """The outcome for one finding, and what it rests on."""

    outcome: Outcome
    evidence: str


class Datagram(NamedTuple):
    """What came to a socket."""

    size: int
    data: bytes
    """The first bytes of it."""


def datagram(data: bytes) -> Datagram:
    """Return as much of it as is kept."""
    return Datagram(len(data), data[:KEPT])


@dataclass(slots=True)
class Control:
    """A right packet."""

    request: bytes
    reply: Reply | None = None
    """None: no answer came, or none to this packet."""
    answers: list[Datagram] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        """Whether the reflector is there, and the path had carried the packet and its answer."""
        return self.reply in (Reply.RIGHT, Reply.UNSIGNED)


@dataclass(slots=True)
class Trial:
    """One case as it went."""

    case: Case
    sent: list[bytes] = field(default_factory=list)
    """The packet of each try."""
    behind: list[int] = field(default_factory=list)
    """For each of them which control went ahead of it; the next one followed it."""
    came: list[Datagram] = field(default_factory=list)
    """Since the first of them was sent."""
    exchange: Exchange | None = None
    trouble: str = ""
    """Why it could not be tried."""
    pinged: bool = False
    """From an outside address: whether a ping from there was answered."""


class Burst(NamedTuple):
    """The test of the rate."""

    rate: int
    sent: int
    answered: int
    seconds: float
    """From the first packet to the last."""
    followed: bool
    """A control was answered afterwards."""


@dataclass(slots=True, kw_only=True)
class Record:
    """One audit as it went."""

    protocol: AuditProtocol
    signed: bool
    """The controls are signed."""
    controls: list[Control] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    burst: Burst | None = None
    rate: int | None = None
    came: int = 0
    """Datagrams, whatever they are."""
    strays: list[Datagram] = field(default_factory=list)
    """What came in answer to controls and answers none."""
    refusals: Counter[LossReason] = field(default_factory=Counter)
    """Packets of the controls' socket that ICMP or this host's routes and rules refused."""
    flooded: bool = False
    """More came than was looked at."""
    untold_keys: bool = False
    """There are keys, and no signed packet was answered, but plain ones were."""
    packets: int = 0
    """Sent in all."""

    @property
    def lost(self) -> int:
        """Controls without an answer."""
        return sum(not control.answered for control in self.controls)

    @property
    def fell_silent(self) -> bool:
        """There was an answer, and to the last controls there was none."""
        return 0 < silent_from(self.controls) <= len(self.controls) - SILENT

    @property
    def alive(self) -> Sequence[Control]:
        """The controls before it fell silent, if it has: those that tell how much the path loses."""
        return self.controls[: silent_from(self.controls)] if self.fell_silent else self.controls


def silent_from(controls: Sequence[Control]) -> int:
    """Return behind which controls no further one was answered."""
    return max((place + 1 for place, control in enumerate(controls) if control.answered), default=0)


def judge(record: Record) -> dict[AuditFinding, Verdict]:
    """Return a verdict for each finding that applies, in the order of `AuditFinding`."""
    told: dict[AuditFinding, list[Verdict]] = {}
    for finding, verdict in _verdicts(record):
        told.setdefault(finding, []).append(verdict)
    return {each: _gravest(told[each]) for each in AuditFinding if each in told}


def _gravest(verdicts: Sequence[Verdict]) -> Verdict:
    """Of several tests for one thing: one that found it, else one that could not be made."""
    order = (Outcome.FOUND, Outcome.NOT_TESTED, Outcome.CLOSED)
    return min(verdicts, key=lambda verdict: order.index(verdict.outcome))


def _verdicts(record: Record) -> Iterator[tuple[AuditFinding, Verdict]]:
    if record.protocol is AuditProtocol.STAMP:
        yield from _signature(record)
    yield AuditFinding.AMPLIFIES, _amplification(record)
    yield AuditFinding.FALLS_SILENT, _silence(record)
    for trial in record.trials:
        yield trial.case.finding, _trial(record, trial)
    if record.rate is not None:
        yield AuditFinding.ABOVE_RATE, _rate(record, record.rate)


def _signature(record: Record) -> Iterator[tuple[AuditFinding, Verdict]]:
    """What the controls say of signatures by themselves."""
    unsigned = [
        control
        for control in record.controls
        if control.reply is Reply.UNSIGNED or (control.answered and not record.signed)
    ]
    if unsigned:
        yield (
            AuditFinding.UNSIGNED,
            Verdict(Outcome.FOUND, f"{len(unsigned)} of {len(record.controls)} plain packets were answered"),
        )
    elif not record.signed:
        yield AuditFinding.UNSIGNED, _not_tested(record)
    if record.untold_keys:
        verdict = Verdict(Outcome.NOT_TESTED, "it answers no packet that is signed with the key given")
        yield AuditFinding.WRONG_KEY, verdict
        yield AuditFinding.REPLAYED, verdict


def _trial(record: Record, trial: Trial) -> Verdict:
    answers = _answers(trial)
    if answers:
        tries = len(trial.sent)
        return Verdict(Outcome.FOUND, f"{min(answers, tries)} of {tries} such packets were answered")
    if trial.trouble:
        return Verdict(Outcome.NOT_TESTED, trial.trouble)
    if (why := _unreliable(record)) is not None:
        return why
    if trial.case.opened and trial.exchange is None:
        return Verdict(Outcome.NOT_TESTED, "the right packet that has to go ahead was not answered")
    controls = record.controls
    counted = sum(
        each + 1 < len(controls) and controls[each].answered and controls[each + 1].answered
        for each in trial.behind
    )
    if counted < LEAST_COUNTED:
        return Verdict(
            Outcome.NOT_TESTED, f"{counted} of {TRIES} tries were between right packets that were answered"
        )
    if trial.case.origin is Origin.OUTSIDE and not trial.pinged:
        return Verdict(
            Outcome.NOT_TESTED,
            "no answer, but none to a ping from that address either: nothing shows that one could come back",
        )
    return Verdict(
        Outcome.CLOSED, f"no answer to {counted} of them, each between right packets that were answered"
    )


def _answers(trial: Trial) -> int:
    """How many answers came to the tries: without copies that the network makes of the one before them."""
    if not trial.case.opened or trial.exchange is None:
        return len(trial.came) if trial.sent else 0
    before = trial.exchange.answer
    others = [each for each in trial.came if each.data != before]
    copies = len(trial.came) - len(others)
    # A reflector without times and a count of its own gives the same answer to the same packet.
    return len(others) + (copies if copies >= LEAST_COUNTED else 0)


def _unreliable(record: Record) -> Verdict | None:
    """Why silence means nothing in this audit."""
    if not any(control.answered for control in record.controls):
        return _not_tested(record)
    if record.flooded:
        return Verdict(Outcome.NOT_TESTED, "given up: far more answers came than packets were sent")
    lost = sum(not control.answered for control in record.alive)
    if lost > LOST_MOST * len(record.alive):
        return Verdict(
            Outcome.NOT_TESTED,
            f"{lost} of {len(record.alive)} right packets were not answered: silence says nothing",
        )
    return None


def _not_tested(record: Record) -> Verdict:
    foreign = sum(control.reply is Reply.FOREIGN for control in record.controls)
    if foreign or record.came:
        return Verdict(
            Outcome.NOT_TESTED, "what comes back is no answer to the packets sent, or signed with another key"
        )
    refusals = "".join(f", {count} of them {reason}" for reason, count in sorted(record.refusals.items()))
    return Verdict(Outcome.NOT_TESTED, f"none of {len(record.controls)} right packets was answered{refusals}")


def _amplification(record: Record) -> Verdict:
    if record.flooded:
        return Verdict(Outcome.FOUND, f"more than {record.came - 1} answers came to {record.packets} packets")
    pairs = [(len(control.request), control.answers) for control in record.controls]
    pairs += [(len(control.request), record.strays) for control in record.controls[:1]]
    pairs += [(max(map(len, trial.sent)), trial.came) for trial in record.trials if trial.sent]
    longest = max(
        ((each.size, size) for size, came in pairs for each in came if each.size > size),
        key=lambda pair: pair[0] - pair[1],
        default=None,
    )
    if longest is not None:
        return Verdict(Outcome.FOUND, f"{longest[0]} bytes came for {longest[1]}")
    answered = [control for control in record.controls if control.answered]
    # One wrong answer to a packet that has no right one is no more than was sent.
    further = max(len(record.strays) - record.lost, 0)
    further += sum(sum(each.size for each in control.answers) > len(control.request) for control in answered)
    if further >= REPEATED and 2 * further > len(answered):
        return Verdict(Outcome.FOUND, f"{further} further answers came to {len(record.controls)} packets")
    if not answered:
        return _not_tested(record)
    return Verdict(Outcome.CLOSED, f"no more bytes came than were sent, in answer to {len(answered)} packets")


def _silence(record: Record) -> Verdict:
    if (why := _unreliable(record)) is not None:
        return why
    first = silent_from(record.controls)
    if not record.fell_silent:
        answered = f"{len(record.controls) - record.lost} of {len(record.controls)}"
        return Verdict(Outcome.CLOSED, f"right packets were answered to the end, {answered}")
    blamed = next(
        (trial.case.finding for trial in record.trials if first - 1 in trial.behind),
        "one of the last packets",
    )
    return Verdict(
        Outcome.FOUND,
        f"after a packet for {blamed} none of {len(record.controls) - first} right ones was answered: "
        "it crashed, it locks this host out, or the path broke in that moment",
    )


def _rate(record: Record, rate: int) -> Verdict:
    burst = record.burst
    if (why := _unreliable(record)) is not None:
        return why
    if burst is None or burst.sent < BURST:
        return Verdict(Outcome.NOT_TESTED, "there was no time left to send more than its rate")
    allowed = int(rate * (burst.seconds + BURST_ALLOWANCE)) + 1
    said = f"{burst.answered} of {burst.sent} packets within {burst.seconds:.1f} s were answered"
    if burst.answered > allowed:
        return Verdict(Outcome.FOUND, f"{said}, {allowed} would be due")
    if allowed >= (1 - LOST_MOST) * burst.sent:
        return Verdict(Outcome.NOT_TESTED, f"{burst.sent} packets took {burst.seconds:.1f} s to leave")
    if not (burst.answered and burst.followed):
        return Verdict(Outcome.NOT_TESTED, f"{said}, and afterwards a right packet was not")
    return Verdict(Outcome.CLOSED, f"{said}, {allowed} would be due")
