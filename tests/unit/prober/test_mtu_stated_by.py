"""Who states a path MTU is remembered only where the message quotes what its sender has to have seen."""

import socket
import time

from ipsecping.contract import LossReason
from ipsecping.net.connected_socket import Arrival, ConnectedSocket, Refusal
from ipsecping.probes.mtu_packets import EchoPackets
from ipsecping.probes.mtu_run import MtuRun

OURS, LINK, HEADERS = "10.99.0.2", 1446, 20
REPLY = b"\0"


class Line(ConnectedSocket):
    """A target that answers what the link before it carries; a router says so of the rest, and another."""

    def __init__(self) -> None:
        self._ours, self._news = socket.socketpair()
        super().__init__(self._ours)
        self._due: list[Arrival | Refusal] = []

    def send(self, data: bytes) -> None:
        if len(data) + HEADERS <= LINK:
            self._due.append(Arrival(REPLY + data[1:], None))
        else:
            for quote, sender in ((data[:64], OURS), (data[:8], "10.244.0.77")):
                self._due.append(Refusal(quote, LossReason.MESSAGE_TOO_BIG, LINK, sender))
        self._news.send(b"x")

    def receive(self) -> tuple[list[Arrival], list[Refusal]]:
        self._ours.recv(1000)
        due, self._due = self._due, []
        return (
            [each for each in due if isinstance(each, Arrival)],
            [each for each in due if isinstance(each, Refusal)],
        )

    def close(self) -> None:
        super().close()
        self._news.close()


async def test_who_quotes_too_little_may_be_anybody() -> None:
    line = Line()
    run = MtuRun(sock=line, packets=EchoPackets(ipv6=False), low=576, high=1500, timeout=200_000_000)
    assert await run.reach(count=3, spacing=1_000_000)
    found = await run.find(until=time.monotonic_ns() + 20_000_000_000)
    run.close()
    line.close()
    assert found is not None
    assert (found.forward, found.too_big, found.too_big_from) == (LINK, True, OURS)
