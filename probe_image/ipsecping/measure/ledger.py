"""The book of one session: every packet sent, every answer, and what the reflector's numbers reveal."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..contract import ClockSource, Figure, LossReason, Refusal, RefusedKind
from ..contract.figure import NO_FIGURES, figures_by_name
from ..contract.refused_packets import IcmpError
from .direction import Anchor, Attribution, Later, attribute, would_closing_tell
from .packet import Observer, Packet, Seen

FIRST_SEQUENCE = 2
"""A session's first packet has this number, as if two before it had been lost on this host.

RFC 8762 section 4.2.1 has sessions start at 0, and reflectors cannot tell the difference. But from the first
reply on we can tell a stateful reflector, whose numbers start at 0 (some start at 1), from a stateless one,
which copies ours: otherwise both look alike as long as only replies are lost.
"""
LAST_SEQUENCE = 2**31
"""A session that has come so far is replaced by a new one before the numbers wrap."""
RESTART_AHEAD = 2**20
"""A number so far ahead of those before begins a new count. One that is less so may be due to other senders,
if the reflector has one count for all: 3,000 packets a second while this session idled for five minutes."""
_RANGE, _HALF_RANGE = 2**32, 2**31
_LATEST_ROUNDS = 0xFF
"""A bit for each. A reflector that began to count anew within two of them is several, with a counter
each, that share the packets of a session: then its numbers tell nothing."""
MAX_REFUSED_KINDS = 16
"""Kinds of refused answers that are counted at the same time."""
MAX_COPIES = 16
"""Numbers of further answers that are kept of a packet. Where there were more, some seem to be missing, and
no direction is told."""


class Answer(NamedTuple):
    """What an answer says about itself."""

    sequence: int
    token: int = 0
    """As the packet's token; an answer with another token is not ours."""
    reply: int | None = None
    """The reflector's own number (STAMP)."""
    residence: int = 0
    """T3 - T2: how long the reflector held the packet, nanoseconds; 0 where the answer does not say."""
    failure: LossReason | None = None
    """Why the packet is lost although this came (DNS: an unwanted response code); None for a good answer."""
    seen: Seen | None = None
    """How the packet arrived (STAMP, where asked for)."""


class Ledger:
    """Belongs to one session (one socket, one target). Times in monotonic nanoseconds, passed in."""

    __slots__ = (
        "_anchor",
        "_counted_anew",
        "_first",
        "_given_twice",
        "_highest",
        "_left_out",
        "_packets",
        "_refused",
        "_timeout",
        "_top_reply",
        "_top_reply_at",
        "figures",
        "foreign",
        "stateful",
    )

    def __init__(self, *, timeout: int) -> None:
        self._timeout = timeout
        self._packets: list[Packet | None] = []
        """From `_first` on, in order of sequence; None where the book is closed."""
        self._first = FIRST_SEQUENCE
        self._highest = 0
        """The highest sequence number answered in time so far."""
        self._anchor = Anchor(fresh=True)
        self._counted_anew = 0
        self._given_twice = False
        """The latest number was given to another packet as well."""
        self._top_reply: int | None = None
        """The highest number of a reply since the reflector last began counting, also beyond 32 bits."""
        self._top_reply_at = 0
        """When it had come."""
        self.stateful = False
        """The reflector's numbers differed from ours once: it counts for itself."""
        self.foreign = 0
        """Answers to no packet we know: too late, or not ours."""
        self._refused: dict[RefusedKind, int] = {}
        self._left_out: Packet | None = None
        """The newest packet of which no refused answer is told."""
        self.figures: Mapping[str, Figure] = NO_FIGURES
        """What exchanges have found out, of each kind the newest; it stands from round to round."""

    @property
    def next_sequence(self) -> int:
        """The number of the next packet."""
        return self._first + len(self._packets)

    @property
    def exhausted(self) -> bool:
        """The numbers come to an end: a new session is due."""
        return self.next_sequence > LAST_SEQUENCE

    def record(self, *, at: int, token: int = 0, observer: Observer | None = None) -> Packet:
        """Enter a packet that is about to be sent."""
        packets = self._packets
        packet = Packet(self._first + len(packets), at, token, observer)
        packets.append(packet)
        return packet

    def not_sent(self, packet: Packet, reason: LossReason | None) -> None:
        """This host did not send it: the path's `reason`, or None when the host itself is at fault."""
        packet.left = False
        packet.reason = reason
        _tell(packet)

    def refused(
        self,
        sequence: int | None,
        reason: LossReason,
        error: IcmpError | None = None,
        *,
        token: int | None = None,
    ) -> bool:
        """ICMP says that a packet was lost. None: it does not say which; the oldest outstanding is taken.

        Who said so is remembered only with the packet's token: without it, it may be anybody. False: that is
        no news of any packet.
        """
        if sequence is None:
            packet = next((each for each in self._packets if each is not None and not each.settled), None)
        else:
            packet = self._packet(sequence)
        if packet is None or packet.answered or packet.reason is not None:
            return False
        if token is not None and token != packet.token:
            return False
        packet.reason = reason
        packet.error = None if token is None else error
        _tell(packet)
        return True

    def answered(self, answer: Answer, *, arrived_at: int | None, read_at: int) -> bool:
        """An answer came in: `arrived_at` by the kernel (None if it did not say), `read_at` by us.

        False: it is nobody's, or its packet has had one before.
        """
        sequence, token, reply, residence, failure, seen = answer
        packet = self._packet(sequence)
        if packet is None or packet.token != token or not packet.left:
            self._not_ours(packet, sequence)
            return False
        if failure is not None:
            return self.refused(sequence, failure)
        arrival = arrived_at if arrived_at is not None and arrived_at < read_at else read_at
        if reply is not None:
            if reply != sequence:
                self.stateful = True
            if reply - 1 == self._top_reply:  # as a rule, and thousands of times a second
                self._top_reply, self._top_reply_at = reply, arrival
            else:
                reply = self._numbered(packet, reply, arrival)
            if packet.reply is None:
                packet.reply = reply
            elif reply != packet.reply and len(packet.copies) < MAX_COPIES and reply not in packet.copies:
                packet.copies += (reply,)
        packet.arrivals += 1
        first = packet.arrivals == 1
        if first and arrival - packet.sent_at <= self._timeout:
            packet.answered = True
            packet.reason = None
            packet.residence = residence
            packet.seen = seen
            packet.rtt, packet.clock = round_trip(packet, arrived_at, read_at, residence)
            packet.departed_at = None
            if sequence > self._highest:
                self._highest = sequence
            else:
                packet.reordered = True
        elif first:
            self._refuse(RefusedKind(Refusal.TOO_LATE), sequence)
        if packet.observer is not None:
            packet.observer.updated(packet)
        return first

    def _not_ours(self, packet: Packet | None, sequence: int) -> None:
        self.foreign += 1
        if packet is not None and packet.left:
            self._refuse(RefusedKind(Refusal.WRONG_TIMESTAMP), sequence)
        elif not FIRST_SEQUENCE <= sequence < self.next_sequence:
            self.refuse(Refusal.UNKNOWN_NUMBER)

    def astray(self, answer: Answer, address: str, port: int) -> bool:
        """Count an answer that came from there instead of from the target, if it is to a packet of ours."""
        packet = self._packet(answer.sequence)
        if packet is None or packet.token != answer.token or not packet.left:
            return False
        self._refuse(RefusedKind(Refusal.OTHER_SOURCE, source=address, port=port), packet.sequence)
        return True

    def refuse(self, reason: Refusal, octets: int = 0) -> None:
        """Count an answer that is refused; of so many `octets` where its length is why."""
        self._refuse(RefusedKind(reason, octets))

    def leave_out(self, packet: Packet) -> None:
        """Tell of no refused answer to the newest packet.

        What cannot be read may be one while the packet is awaited, or no other one has left.
        """
        self._left_out = packet

    def _refuse(self, kind: RefusedKind, sequence: int | None = None) -> None:
        """`sequence`: of the packet that it is an answer to, if that is known."""
        left_out = self._left_out
        if left_out is not None and self._may_answer(left_out, sequence):
            return
        if kind in self._refused or len(self._refused) < MAX_REFUSED_KINDS:
            self._refused[kind] = self._refused.get(kind, 0) + 1

    def _may_answer(self, packet: Packet, sequence: int | None) -> bool:
        if sequence is not None:
            return sequence == packet.sequence
        awaited = not packet.settled and self._packet(packet.sequence) is packet
        return awaited or packet.sequence + 1 == self.next_sequence

    @property
    def refuses(self) -> bool:
        """Answers were refused since that was last asked."""
        return bool(self._refused)

    def take_refused(self) -> Mapping[RefusedKind, int]:
        """Return the answers refused since this was last asked."""
        taken, self._refused = self._refused, {}
        return taken

    def found(self, kind: type[Figure], figure: Figure | None) -> None:
        """Note what an exchange has found out; None: that it cannot be known any more."""
        others = [each for name, each in self.figures.items() if name != kind.name]
        self.figures = figures_by_name(*others, *([] if figure is None else [figure]))

    def attribute(self, packets: Sequence[Packet]) -> Attribution:
        """Close a round: attribute its losses to directions and forget its packets.

        Rounds are closed in the order in which they were sent.
        """
        later = self._later(packets[-1].sequence)
        anew = self._given_twice or _counted_anew_within(packets)
        self._counted_anew, self._given_twice = (self._counted_anew << 1 | anew) & _LATEST_ROUNDS, False
        one_counter = self.stateful and self._counted_anew.bit_count() < 2
        made = attribute(packets, stateful=one_counter, anchor=self._anchor, later=later)
        self._anchor = made.anchor
        book, first = self._packets, self._first
        for packet in packets:
            packet.observer = None
            book[packet.sequence - first] = None
        closed = next((place for place, packet in enumerate(book) if packet is not None), len(book))
        del book[:closed]
        self._first = first + closed
        return made

    def would_closing_tell(self, packets: Sequence[Packet], *, closing: int) -> bool:
        """See `direction.would_closing_tell`; never while a later round has begun, whose replies tell."""
        return packets[-1].sequence + 1 == self.next_sequence and would_closing_tell(
            packets, stateful=self.stateful, closing=closing
        )

    def _numbered(self, packet: Packet, reply: int, arrival: int) -> int:
        """Return the number of a reply that came at `arrival`, counted on where 32 bits wrap.

        A number that is not above that of a reply which was here before the packet left shows that the
        reflector has begun to count anew: nothing can have overtaken it. So does one that is too far ahead.
        A count is taken to begin with a packet only if none sent later can have been numbered before it.
        """
        top = self._top_reply
        if top is None:
            behind = reply > packet.sequence - FIRST_SEQUENCE  # there were not so many packets before it
            packet.restarted = behind and self._numbered_first(packet, reply, arrival)
            self._top_reply, self._top_reply_at = reply, arrival
            return reply
        ahead = (reply - top + _HALF_RANGE) % _RANGE - _HALF_RANGE
        if 0 < ahead < RESTART_AHEAD:
            self._top_reply, self._top_reply_at = top + ahead, arrival
            return top + ahead
        anew = packet.reply is None and (ahead > 0 or packet.sent_at > self._top_reply_at)
        if anew and self._numbered_first(packet, reply, arrival):
            packet.restarted = True
            self._top_reply, self._top_reply_at = reply, arrival
            return reply
        self._given_twice |= packet.reply is None and not ahead
        return top + ahead

    def _numbered_first(self, packet: Packet, reply: int, arrival: int) -> bool:
        """Whether no packet sent later can have been given a number before this one."""
        after = self._packet(packet.sequence + 1)
        return reply == 0 or after is None or after.sent_at > arrival

    def _packet(self, sequence: int) -> Packet | None:
        place = sequence - self._first
        return self._packets[place] if 0 <= place < len(self._packets) else None

    def _later(self, last: int) -> Later | None:
        lost = 0
        for packet in self._packets[last + 1 - self._first :]:
            if packet is None:
                return None
            if packet.reply is not None:
                return None if packet.restarted else Later(packet.reply, lost)
            lost += packet.left
        return None


def round_trip(
    packet: Packet, arrived_at: int | None, read_at: int, residence: int
) -> tuple[int | None, ClockSource]:
    """(T4 - T1) - (T3 - T2) and where T1 and T4 come from; None unless 0 <= T3 - T2 <= T4 - T1.

    A kernel stamp counts only within the bracket of our own reads of the monotonic clock: sent before,
    read after. Outside of it a step of the clock has broken it, and our own read takes its place.
    """
    start, end, kernel = packet.sent_at, read_at, 0
    departed_at = packet.departed_at
    if departed_at is not None and packet.sent_at <= departed_at <= read_at:
        start, kernel = departed_at, 1
    if arrived_at is not None and start <= arrived_at <= read_at:
        end, kernel = arrived_at, kernel + 1
    whole = end - start
    return (whole - residence if 0 <= residence <= whole else None), _SOURCES[kernel]


_SOURCES = (ClockSource.USER, ClockSource.MIXED, ClockSource.KERNEL)


def _counted_anew_within(packets: Sequence[Packet]) -> bool:
    """Whether the reflector began anew behind the first reply of a round: not while the session was idle."""
    numbered = [packet.restarted for packet in packets if packet.reply is not None]
    return any(numbered[1:])


def _tell(packet: Packet) -> None:
    if packet.observer is not None:
        packet.observer.updated(packet)
