"""Rates: how much of what a sender, or all of them, send is answered. Pure.

A rate is kept as the time at which all that was answered so far is paid for (the generic cell rate algorithm,
ITU-T I.371): a packet moves that time on, and is refused when it would lie too far ahead. Once it has passed,
nothing is known of the sender that would matter, so it can be forgotten without a trace.
"""

from collections import OrderedDict
from typing import Final

from ..wire.ntp import NANOSECONDS

BURST_NS = NANOSECONDS
"""What is due in so long may come at once."""
SWEEP: Final = 8
"""Senders looked at for each new one whether they can be forgotten."""


class Rate:
    """So many packets and bytes a second."""

    __slots__ = ("_octet_burst_ns", "_octet_ns", "_packet_ns")

    def __init__(self, packets: int, octets: int, *, largest: int) -> None:
        """`largest`: bytes of a packet that may come at any rate, alone."""
        self._packet_ns = NANOSECONDS // packets
        self._octet_ns = NANOSECONDS / octets
        self._octet_burst_ns = max(BURST_NS, largest * NANOSECONDS // octets)

    def take(self, meter: "Meter", octets: int, now: int) -> str | None:
        """Count a packet, or say what there is too much of: `packets` or `bytes`; it is not counted then."""
        # Without max(): it would be the dearest thing here, and this is done twice for each packet.
        packets_paid, octets_paid = meter.packets_paid, meter.octets_paid
        if packets_paid < now:
            packets_paid = now
        packets_paid += self._packet_ns
        if packets_paid > now + BURST_NS:
            return PACKETS
        if octets_paid < now:
            octets_paid = now
        octets_paid += octets * self._octet_ns
        if octets_paid > now + self._octet_burst_ns:
            return OCTETS
        meter.packets_paid, meter.octets_paid = packets_paid, octets_paid
        return None


PACKETS, OCTETS = "packets", "octets"


class Meter:
    """What has come from one sender: the monotonic nanoseconds at which it is paid for."""

    __slots__ = ("octets_paid", "packets_paid")

    def __init__(self) -> None:
        self.packets_paid = 0
        self.octets_paid = 0.0

    def idle(self, now: int) -> bool:
        """Whether it can be forgotten: a new one would allow no more."""
        return self.packets_paid <= now and self.octets_paid <= now


class Meters:
    """One for each sender. None is forgotten that is in use: a sender cannot push another one out."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._meters: OrderedDict[str, Meter] = OrderedDict()
        self.get = self._meters.get
        """The meter of a sender, None of one that is new."""

    def __len__(self) -> int:
        return len(self._meters)

    def add(self, sender: str, now: int) -> Meter | None:
        """A meter for a new sender; None when there are too many that are in use."""
        for _ in range(min(SWEEP, len(self._meters))):
            known, meter = next(iter(self._meters.items()))
            if meter.idle(now):
                del self._meters[known]
            else:
                self._meters.move_to_end(known)
        if len(self._meters) >= self._most:
            return None
        meter = self._meters[sender] = Meter()
        return meter
