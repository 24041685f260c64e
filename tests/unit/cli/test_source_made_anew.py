"""`ipsecping ping -I`: an interface that is removed and made anew has another number, and other sockets."""

import asyncio
from collections.abc import Callable

import pytest

from ipsecping.cli import pinging
from ipsecping.cli.pinging import HostPing, Target
from ipsecping.contract import PlannedProbe, ProbeType
from ipsecping.net import socket_pool
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.net.sender import SourceUnavailable

from ..prober.far_ends import udp_echo

FIRST, FROM_ANOTHER = 5, 10
"""Packets from the first socket before the interface goes, and from another one before it is enough.

How many are sent in between, nobody knows: on a busy machine all that are due are sent at once.
"""


class Host:
    """Its interface is number 7, is away for a while, and is number 8 then, once it has sent some packets."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.asked_while_away = 0
        self.enough: Callable[[], None] = lambda: None
        """Called once enough packets have come from another port than the first."""

    def heard(self, number: int, port: int) -> bool:
        """Note where a packet came from."""
        self.ports.append(port)
        if len(self.ports) - self.ports.count(self.ports[0]) == FROM_ANOTHER:
            self.enough()
        return False

    def interface_index(self, source: str | None) -> int:
        if len(self.ports) < FIRST:
            return 7
        self.asked_while_away += 1
        if self.asked_while_away < 3:
            raise SourceUnavailable(f"to send from interface {source}", OSError(19, "No such device"))
        return 8


async def test_packets_go_on_from_another_socket_once_the_interface_is_there_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host()
    for module in (pinging, socket_pool):
        monkeypatch.setattr(module, "interface_index", host.interface_index)
    monkeypatch.setattr(pinging, "LOOK_SECONDS", 0.02)
    async with udp_echo(lose=host.heard) as port:
        probe = PlannedProbe(
            name="ping", type=ProbeType.UDP_ECHO, count=1, spacing_ms=20, timeout_ms=5000, size=16,
            port=port, source="127.0.0.1",
        )  # fmt: skip
        ping = HostPing(Target("127.0.0.1"), probe, watcher=None)
        await ping.open(Resolver(), Clock(), None)
        host.enough = ping.stop
        async with asyncio.timeout(30):
            await ping.run(None)
    totals = ping.outcome.totals
    assert (totals.sent, totals.received, ping.trouble) == (len(host.ports), len(host.ports), None)
    assert len(dict.fromkeys(host.ports)) == 2
    assert sorted(host.ports, key=host.ports.index) == host.ports  # never from the first one again
