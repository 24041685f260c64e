"""Which direction lost the packets, from the numbers a stateful Session-Reflector gives its replies.

A stateful reflector counts its replies (RFC 8762 section 4.3.1): a packet it never saw takes no number, a
reply that was lost on the way back took one. Between two replies received, as many numbers are missing as
replies were lost (reverse); the other packets lost between them never arrived (forward).

So packets are attributed in gaps: the head, from the end of the previous round to the first reply; the inner
ones; the tail, from the last reply to the first one after the round. Where packets of another round fell into
the same gap, it says something only if all of its packets went the same way.

When packets overtook each other on the way there, gaps mean nothing, and only the sum over the round is
used. A reply without a number may have taken one: then the direction is unknown.

Copies made on the way there take numbers of their own. Where a round shows one, by a second reply with
another number, there may be others whose replies were lost. So may there be where more numbers are missing in
a gap than packets; or the counter is not this session's alone. Then a missing number proves nothing, but as
many losses as exceed the missing numbers were forward for certain, and none missing proves that all were.
A round of which not all is known tells how many packets each direction lost at the least. A copy that leaves
no trace, because all its replies were lost, cannot be seen: a round without a trace is taken to have none.

A reflector may forget a session that was idle, or be restarted, and count anew from any number. The ledger
marks the first reply after that (`Packet.restarted`): the gap before it tells nothing, unless its number is 0
and so the first; those behind it tell as ever. So it is with a session's first reply, since sessions begin at
0 (RFC 8762 section 4.3.1) or, with some reflectors, at 1 or anywhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .packet import Packet
from .reply_gap import ReplyGap, gap_between


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is known of the reflector's counter before the next round."""

    next_reply: int | None = 0
    """The number of its next reply but for `pending`; None when unknown."""
    pending: int = 0
    """Packets of earlier rounds that may or may not have taken a number since."""
    fresh: bool = False
    """The session has had no reply yet."""


class Later(NamedTuple):
    """The first reply to a packet sent after the round."""

    reply: int
    lost: int
    """Packets between the end of the round and that packet without a reply (as yet)."""


class Attribution(NamedTuple):
    """Packets lost in each direction, None where it cannot be known; and the anchor for the next round."""

    forward: int | None
    reverse: int | None
    anchor: Anchor
    min_forward: int = 0
    """Where `forward` is None: so many at the least."""
    min_reverse: int = 0


NOT_KNOWN = Attribution(None, None, Anchor(None))


def _attribution(gaps: Iterable[ReplyGap], lost: int, anchor: Anchor, *, copied: bool = False) -> Attribution:
    """What gaps with `lost` packets in all tell; `copied`: packets reached the reflector more than once."""
    gaps = tuple(gaps)
    known = [(gap.own, gap.missing) for gap in gaps if gap.missing is not None]
    if any(missing < 0 for _, missing in known):
        return Attribution(None, None, anchor)
    if copied or any(gap.absurd for gap in gaps):
        # Whichever packets the missing numbers were given to, and in whatever order.
        forward, reverse = max(sum(own - missing for own, missing in known), 0), 0
    else:
        forward, reverse = (sum(counts) for counts in zip(*(gap.least() for gap in gaps), strict=True))
    if forward + reverse == lost:
        return Attribution(forward, reverse, anchor)
    return Attribution(None, None, anchor, forward, reverse)


def overtaken(packets: Sequence[Packet]) -> bool:
    """Whether packets reached the reflector out of order or more than once."""
    before = -1
    for packet in packets:
        if packet.copies:
            return True
        if packet.reply is not None:
            if packet.reply < before and not packet.restarted:
                return True
            before = packet.reply
    return False


def would_closing_tell(packets: Sequence[Packet], *, stateful: bool, closing: int) -> bool:
    """Whether the answer to one more packet, sent now, would tell the direction of the round's losses.

    So it is when the tail is lost, or when packets overtook each other: then only a reply to a packet sent
    after all the others have come or gone ends the sum for certain. `closing` packets were sent already. In a
    round without one answer there is nothing to tell: the path is down.
    """
    sent = [packet for packet in packets if packet.left]
    if not stateful or not any(packet.vanished for packet in sent):
        return False
    if all(packet.reply is None for packet in sent):
        return False
    return sent[-1].reply is None or (closing == 0 and overtaken(sent))


def attribute(
    packets: Sequence[Packet], *, stateful: bool, anchor: Anchor, later: Later | None = None
) -> Attribution:
    """Attribute one round's losses. `packets` are all of the round's, in order of sequence.

    `stateful`: whether the reflector is known to count for itself. Packets that never left and packets whose
    answer came late are lost in no direction.
    """
    sent = [packet for packet in packets if packet.left]
    lost = [packet.arrivals for packet in sent].count(0)
    last = sent[-1].reply if sent else None
    if last is None and all(packet.reply is None for packet in sent):
        nothing = None if lost else 0
        return Attribution(nothing, nothing, replace(anchor, pending=anchor.pending + lost))
    disordered = overtaken(sent)
    if not (lost or disordered) and last is not None:
        return Attribution(0, 0, Anchor(last + 1))
    if any(packet.arrivals and packet.reply is None for packet in sent):
        # An answer without a number may have taken one all the same: gaps and sums would count it as lost.
        nothing = None if lost else 0
        return Attribution(nothing, nothing, Anchor(None))
    answered = [packet for packet in sent if packet.reply is not None]
    if disordered and any(packet.restarted for packet in answered[1:]):
        made = Attribution(None, None, Anchor(None))
    else:
        lowest = min(number for packet in answered for number in (packet.reply or 0, *packet.copies))
        begun = answered[0].restarted
        before = Anchor(None if lowest else 0, anchor.pending) if begun else anchor
        made = (_by_sum if disordered else _by_gaps)(sent, lost, before, later)
        if anchor.fresh and lowest and not begun:
            made = _unknown(made)  # lost replies, or a count that began later
    if not lost:
        return Attribution(0, 0, made.anchor)
    return made if stateful else _unknown(made)


def _unknown(made: Attribution) -> Attribution:
    return Attribution(None, None, made.anchor)


def _by_gaps(sent: Sequence[Packet], lost: int, anchor: Anchor, later: Later | None) -> Attribution:
    answered, replies = list[int](), list[int]()
    for position, packet in enumerate(sent):
        if packet.reply is not None:
            answered.append(position)
            replies.append(packet.reply)
    first, last = answered[0], answered[-1]
    before = anchor.next_reply
    head = ReplyGap(first, anchor.pending, None if before is None else replies[0] - before)
    inner = [
        gap_between(None if sent[here].restarted else previous, number, here - there - 1)
        for there, here, previous, number in zip(answered, answered[1:], replies, replies[1:], strict=False)
    ]
    unanswered = len(sent) - 1 - last
    if later is None:
        tail = ReplyGap(unanswered, 0, None if unanswered else 0)
    else:
        tail = ReplyGap(unanswered, later.lost, later.reply - replies[-1] - 1)
    behind = tail.reverse()
    end = replies[-1] + 1
    after = Anchor(end, unanswered) if behind is None else Anchor(end + behind)
    return _attribution((head, *inner, tail), lost, after)


def _by_sum(sent: Sequence[Packet], lost: int, anchor: Anchor, later: Later | None) -> Attribution:
    replies = [packet.reply for packet in sent if packet.reply is not None]
    copies = [number for packet in sent for number in packet.copies]
    replies += copies
    numbers = set(replies)
    end = max(numbers) + 1 if later is None else later.reply
    after = Anchor(end, 0)
    if later is not None and later.lost:
        after = Anchor(None, 0)
    if sent[-1].reply is None and later is None:
        return Attribution(None, None, replace(after, pending=lost))
    if len(numbers) < len(replies):
        return Attribution(None, None, after)
    others = anchor.pending + (later.lost if later else 0)
    missing = None if anchor.next_reply is None else end - anchor.next_reply - len(numbers)
    return _attribution((ReplyGap(lost, others, missing),), lost, after, copied=bool(copies))
