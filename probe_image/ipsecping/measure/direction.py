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
a gap than packets; or the counter is not this session's alone. Then a missing number may be nobody's, but as
many losses as exceed the missing numbers were forward for certain, and none missing proves that all were. And
a number that is missing far from every trace of a copy was a lost packet's. A round of which not all is known
tells how many packets each direction lost at the least. A copy that leaves no trace near it, because all its
replies were lost, cannot be seen: there is taken to be none.

A reflector may forget a session that was idle, or be restarted, and count anew from any number. The ledger
marks the first reply after that (`Packet.restarted`): the gap before it tells nothing, unless its number is 0
and so the first; those behind it tell as ever. Where that happens twice in a round, several reflectors
share the packets of the session, with a counter each: no gap tells anything.

Sessions begin at 0 (RFC 8762 section 4.3.1) or, with some reflectors, at 1 or anywhere. So where packets are
lost before a session's first reply, the numbers below that reply are missing, or were never given. As many of
those packets as exceed them were lost on the way there; of the others alone the direction is not known.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
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


NEAR = 10
"""Copies arrive so close to what they are copies of, and packets overtake no more others than that."""


def _attribution(gaps: Sequence[ReplyGap], lost: int, anchor: Anchor, traces: "Traces | None") -> Attribution:
    """What gaps with `lost` packets in all tell; `traces` are those of copies, None: there are no copies."""
    known = [(gap.own, gap.missing) for gap in gaps if gap.missing is not None]
    if any(missing < 0 for _, missing in known):
        return Attribution(None, None, anchor)
    each = [gap.least() for gap in gaps]
    if traces is None and not any(gap.absurd for gap in gaps):
        forward, reverse = (sum(counts) for counts in zip(*each, strict=True))
    else:
        # Whichever packets the missing numbers were given to, and in whatever order.
        forward = max(sum(own - missing for own, missing in known), 0)
        reverse = 0 if traces is None else sum(each[place][1] for place in traces.far_from(gaps))
    if forward + reverse == lost:
        return Attribution(forward, reverse, anchor)
    return Attribution(None, None, anchor, forward, reverse)


class Traces(NamedTuple):
    """Where the copies of a round show, by places in the round.

    Gap number `i` ends at the answered packet number `i`, and the last one at the end of the round.
    """

    answered: Sequence[int]
    """The places of the answered packets."""
    copied: Sequence[int]
    """The places of those of which copies were answered."""

    def far_from(self, gaps: Sequence[ReplyGap]) -> Iterator[int]:
        """The numbers of the gaps that are far from copies, and from gaps that only copies explain."""
        ends = [-1, *self.answered, self.answered[-1] + gaps[-1].own + 1]
        traces = list(self.copied)
        for number, gap in enumerate(gaps):
            if gap.absurd:
                traces += ends[number : number + 2]
        traces.sort()
        for number in range(len(gaps)):
            behind = bisect_left(traces, ends[number] - NEAR)
            if behind == len(traces) or traces[behind] > ends[number + 1] + NEAR:
                yield number


def _numbers(packet: Packet) -> tuple[int, int]:
    """The lowest and the highest number of the replies to an answered packet."""
    assert packet.reply is not None
    if not packet.copies:
        return packet.reply, packet.reply
    return min(packet.reply, *packet.copies), max(packet.reply, *packet.copies)


def _in_order(answered: Sequence[Packet], numbers: Sequence[tuple[int, int]]) -> bool:
    """Whether all copies of each packet reached the reflector before any of the next one, and in a row."""
    in_a_row = all(
        high - low == len(packet.copies) for packet, (low, high) in zip(answered, numbers, strict=True)
    )
    return in_a_row and all(before[1] < after[0] for before, after in pairwise(numbers))


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
    if [packet.restarted for packet in answered].count(True) > 1 or (
        disordered and any(packet.restarted for packet in answered[1:])
    ):
        made = Attribution(None, None, Anchor(None))
    else:
        numbers = [_numbers(packet) for packet in answered]
        lowest = min(low for low, _ in numbers)
        begun = answered[0].restarted
        before = Anchor(None if lowest else 0, anchor.pending) if begun else anchor
        if disordered and not _in_order(answered, numbers):
            made = _by_sum(sent, lost, before, later)
        else:
            made = _by_gaps(sent, numbers, lost, before, later)
    if not lost:
        return Attribution(0, 0, made.anchor)
    return made if stateful else _unknown(made)


def _unknown(made: Attribution) -> Attribution:
    return Attribution(None, None, made.anchor)


def _by_gaps(
    sent: Sequence[Packet],
    numbers: Sequence[tuple[int, int]],
    lost: int,
    anchor: Anchor,
    later: Later | None,
) -> Attribution:
    """By the gaps between replies whose `numbers` (`_numbers`) are in order."""
    answered = [place for place, packet in enumerate(sent) if packet.reply is not None]
    first, last = answered[0], answered[-1]
    before, end = anchor.next_reply, numbers[-1][1] + 1
    below = None if before is None else numbers[0][0] - before
    head = ReplyGap(first, anchor.pending, below, (below or 0) if anchor.fresh else 0)
    inner = [
        gap_between(None if sent[here].restarted else previous[1], following[0], here - there - 1)
        for (there, here), (previous, following) in zip(pairwise(answered), pairwise(numbers), strict=True)
    ]
    unanswered = len(sent) - 1 - last
    if later is None:
        tail = ReplyGap(unanswered, 0, None if unanswered else 0)
    else:
        tail = ReplyGap(unanswered, later.lost, later.reply - end)
    copied = [place for place in answered if sent[place].copies]
    behind = None if copied and unanswered and tail.missing else tail.reverse()
    after = Anchor(end, unanswered) if behind is None else Anchor(end + behind)
    traces = Traces(answered, copied) if copied else None
    return _attribution((head, *inner, tail), lost, after, traces)


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
    begin, lowest = anchor.next_reply, min(numbers)
    missing = None if begin is None or lowest < begin else end - begin - len(numbers)
    gap = ReplyGap(lost, others, missing, lowest if anchor.fresh else 0)
    if not copies:
        return _attribution((gap,), lost, after, None)
    if missing is None or missing < 0:
        return Attribution(None, None, after)
    return (
        Attribution(lost, 0, after) if not missing else Attribution(None, None, after, max(lost - missing, 0))
    )
