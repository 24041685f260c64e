"""What the answers of a path MTU search prove about each packet size.

Every large packet is followed by a small companion. A companion that is answered while its large packet is
not shows that the path carried packets at that moment: only then does silence count against the size. With a
stateful reflector (see `direction`) the numbers of the replies before and after also tell whether the large
packet arrived and only its answer was lost. Sizes in bytes of the IP packet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .reply_gap import ReplyGap, gap_between


@dataclass(slots=True, eq=False)
class ProbePacket:
    """One packet of a search."""

    sequence: int
    size: int
    companion: bool
    token: int = 0
    reply: int | None = None
    """The reflector's own number, where it has one."""
    answered: bool = False
    whole: bool = False
    """The answer was as large as the packet and came in one piece."""
    left: bool = True
    """False when this host did not send it."""
    refused: bool = False
    """This host's own link is too small for it."""


@dataclass(slots=True)
class Evidence:
    """What is known of one size."""

    arrived: bool = False
    """One packet is proved to have arrived at the target."""
    returned: bool = False
    """One answer of this size came back in one piece."""
    lost: int = 0
    """Packets that did not arrive, or, where arrival cannot be told, were not answered."""
    kept: int = 0
    """Packets that arrived, but whose answer did not come back whole."""
    refused: bool = False
    """This host's own link is too small."""


def trustworthy(probes: Sequence[ProbePacket]) -> bool:
    """Whether the reply numbers can tell arrival: the reflector counts for itself, and for us alone.

    Numbers that run backwards (packets overtook each other) or ahead (copies, or another sender on the same
    counter) make all of them doubtful.
    """
    answered = [probe for probe in probes if probe.answered]
    if not any(probe.reply is not None and probe.reply != probe.sequence for probe in answered):
        return False
    return not any(gap.absurd for _, gap in _gaps(probes))


def weigh(probes: Sequence[ProbePacket], *, counted: bool) -> Mapping[int, Evidence]:
    """The evidence for each size tried, companions apart. `counted`: the reply numbers tell arrival.

    What follows the last answer is not judged: perhaps its answer is still under way. Where nobody counts,
    silence counts only beside the answer of the packet's own companion: what limits the rate of answers
    (ICMP's above all) silences large and small ones alike.
    """
    found: dict[int, Evidence] = {}
    accompanied = {probe.sequence - 1 for probe in probes if probe.companion and probe.answered}
    for probe in probes:
        if probe.companion:
            continue
        evidence = found.setdefault(probe.size, Evidence())
        evidence.refused |= probe.refused
        evidence.arrived |= probe.answered
        evidence.returned |= probe.whole
        evidence.kept += probe.answered and not probe.whole
    for silent, gap in _gaps(probes):
        kept = gap.reverse() if counted else 0
        for probe in silent:
            if probe.companion:
                continue
            evidence = found[probe.size]
            if kept == 0:
                evidence.lost += counted or probe.sequence in accompanied
            elif kept == len(silent):
                evidence.arrived = True
                evidence.kept += 1
    return found


def loss_of_companions(probes: Sequence[ProbePacket]) -> tuple[int, int]:
    """Companions sent up to the last answer, and how many of them were not answered."""
    last = max((probe.sequence for probe in probes if probe.answered), default=-1)
    judged = [probe for probe in probes if probe.companion and probe.left and probe.sequence <= last]
    return len(judged), sum(not probe.answered for probe in judged)


def _gaps(probes: Sequence[ProbePacket]) -> Iterable[tuple[list[ProbePacket], ReplyGap]]:
    """The packets without an answer before and between answers, and what the reply numbers say of them."""
    silent: list[ProbePacket] = []
    before: ProbePacket | None = None
    for probe in probes:
        if not probe.left:
            continue
        if not probe.answered:
            silent.append(probe)
            continue
        if before is not None or silent:  # before the first answer there is no number to count from
            first = None if before is None else before.reply
            yield silent, gap_between(first, probe.reply, len(silent))
        before, silent = probe, []
