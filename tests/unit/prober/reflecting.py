"""A stateful STAMP reflector on loopback that does with each packet as told."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ipsecping.wire import stamp
from ipsecping.wire.ntp import ntp_from_unix


@dataclass
class Reflector:
    """A stateful reflector on loopback: what came from which port, and what it does with each packet."""

    behave: "Behaviour"
    sock: socket.socket
    ports: list[int] = field(default_factory=list)
    counted: Counter[int] = field(default_factory=Counter)
    """Replies by source port."""

    def readable(self) -> None:
        """Do with one packet as told."""
        data, source = self.sock.recvfrom(2048)
        self.ports.append(source[1])
        for answer in self.behave(self, data, len(self.ports) - 1, source[1]):
            self.sock.sendto(answer, source)

    def answer(self, data: bytes, port: int) -> bytes:
        """The answer to a packet, which takes a number of this port's session."""
        sent = stamp.parse_sender(data)
        assert sent is not None
        number, now = self.counted[port], ntp_from_unix(10**18)
        self.counted[port] += 1
        reply = stamp.ReflectorPacket(
            number, now, 1, now, sent.sequence, sent.timestamp, sent.error_estimate, 64, sent.ssid
        )
        return bytes(stamp.pack_reflector(reply, data))


Behaviour = Callable[[Reflector, bytes, int, int], list[bytes]]
"""The answers to the packet with this place among all, which came from this port."""


def answering(reflector: Reflector, data: bytes, place: int, port: int) -> list[bytes]:
    return [reflector.answer(data, port)]


@contextmanager
def reflecting(behave: Behaviour = answering) -> Iterator[Reflector]:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        made = Reflector(behave, sock)
        loop.add_reader(sock, made.readable)
        try:
            yield made
        finally:
            loop.remove_reader(sock)
