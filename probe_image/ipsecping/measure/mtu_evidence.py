"""What the answers of a path MTU search prove about each packet size.

Every large packet is followed by a small companion. A companion that is answered while its large packet is
not shows that the path carried packets at that moment: only then does silence count against the size. With a
stateful reflector (see `direction`) the numbers of the replies before and after also tell whether the large
packet arrived and only its answer was lost. Sizes in octets of the IP packet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Shot:
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
    """One packet is proved to have arrived at the far end."""
    returned: bool = False
    """One answer of this size came back in one piece."""
    lost: int = 0
    """Packets that did not arrive, or, where arrival cannot be told, were not answered."""
    kept: int = 0
    """Packets that arrived, but whose answer did not come back whole."""
    refused: bool = False
    """This host's own link is too small."""


def trustworthy(shots: Sequence[Shot]) -> bool:
    """Whether the reply numbers can tell arrival: the reflector counts for itself, and for us alone.

    Numbers that run backwards (packets overtook each other) or ahead (copies, or another sender on the same
    counter) make all of them doubtful.
    """
    answered = [shot for shot in shots if shot.answered]
    if not any(shot.reply is not None and shot.reply != shot.sequence for shot in answered):
        return False
    return all(missing is None or 0 <= missing <= len(silent) for silent, missing in _gaps(shots))


def weigh(shots: Sequence[Shot], *, counted: bool) -> Mapping[int, Evidence]:
    """The evidence for each size tried, companions apart. `counted`: the reply numbers tell arrival.

    What follows the last answer is not judged: perhaps its answer is still under way.
    """
    found: dict[int, Evidence] = {}
    for shot in shots:
        if shot.companion:
            continue
        evidence = found.setdefault(shot.size, Evidence())
        evidence.refused |= shot.refused
        evidence.arrived |= shot.answered
        evidence.returned |= shot.whole
        evidence.kept += shot.answered and not shot.whole
    for silent, missing in _gaps(shots):
        for shot in silent:
            if shot.companion:
                continue
            evidence = found[shot.size]
            if not counted or missing == 0:
                evidence.lost += 1
            elif missing == len(silent):
                evidence.arrived = True
                evidence.kept += 1
    return found


def loss_of_companions(shots: Sequence[Shot]) -> tuple[int, int]:
    """Companions sent up to the last answer, and how many of them were not answered."""
    last = max((shot.sequence for shot in shots if shot.answered), default=-1)
    judged = [shot for shot in shots if shot.companion and shot.left and shot.sequence <= last]
    return len(judged), sum(not shot.answered for shot in judged)


def _gaps(shots: Sequence[Shot]) -> Iterable[tuple[list[Shot], int | None]]:
    """Packets without an answer between two answers, and how many reply numbers are missing there."""
    silent: list[Shot] = []
    before: Shot | None = None
    for shot in shots:
        if not shot.left:
            continue
        if not shot.answered:
            silent.append(shot)
            continue
        if before is not None:
            yield silent, _missing(before.reply, shot.reply)
        elif silent:  # before the first answer there is no number to count from
            yield silent, None
        before, silent = shot, []


def _missing(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before - 1
