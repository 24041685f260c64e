"""Sessions of the probe types that are one datagram there and one back."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from ..measure.ledger import Answer, Ledger
from ..measure.packet import Packet
from ..net.clocks import Clock
from ..net.datagram import DatagramSocket, SendError

log = logging.getLogger(__name__)

MAX_KEYS = 1024
"""Packets whose send timestamp is awaited."""


class Codec(Protocol):
    """Makes the packets of one session and reads the answers."""

    def token(self, realtime: int) -> int:
        """What the answer to a packet sent at `realtime` (nanoseconds since the epoch) must carry back."""

    def encode(self, sequence: int, token: int) -> bytes:
        """The packet."""

    def decode(self, data: bytes) -> Answer | None:
        """What an answer says; None for anything that is not an answer in this session."""

    def quoted(self, data: bytes) -> int | None:
        """The sequence number in our own packet as an ICMP error quotes it, None when cut short."""


class DatagramSession:
    """See Session. Reads its socket whenever the running event loop finds it readable."""

    def __init__(
        self, *, address: str, sock: DatagramSocket, codec: Codec, clock: Clock, timeout: int
    ) -> None:
        self.address = address
        self.ledger = Ledger(timeout=timeout)
        self._sock = sock
        self._codec = codec
        self._clock = clock
        self._keys: dict[int, Packet] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self.drain)

    def send(self, observer: Callable[[Packet], None] | None = None) -> Packet:
        """Send one packet; see Session."""
        now = self._clock.read()
        token = self._codec.token(now.realtime)
        packet = self.ledger.record(at=now.monotonic, token=token, observer=observer)
        try:
            key = self._sock.send(self._codec.encode(packet.sequence, token))
        except SendError as error:
            self._keys.clear()
            if error.reason is None:
                log.warning("%s: packet not sent: %s", self.address, error)
            self.ledger.not_sent(packet, error.reason)
            return packet
        self._keys[key] = packet
        if len(self._keys) > MAX_KEYS:  # a driver that gives no send timestamps
            del self._keys[next(iter(self._keys))]
        # Most drivers have stamped the packet by now: this spares the loop a wake-up of its own.
        self.drain()
        return packet

    def drain(self) -> None:
        """Take in all that has come; see Session."""
        batch = self._sock.receive()
        for departure in batch.departures:
            packet = self._keys.pop(departure.key, None)
            if packet is not None:
                packet.departed_at = departure.at
        for refusal in batch.refusals:
            self.ledger.refused(self._codec.quoted(refusal.quote), refusal.reason)
        for arrival in batch.arrivals:
            answer = self._codec.decode(arrival.data)
            if answer is None:
                self.ledger.foreign += 1
            else:
                self.ledger.answered(answer, arrived_at=arrival.at, read_at=batch.read_at)

    def overflowed(self) -> bool:
        """See Session."""
        return self._sock.overflowed()

    def close(self) -> None:
        """End the conversation."""
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
