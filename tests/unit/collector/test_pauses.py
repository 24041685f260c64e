"""Bursts after pauses: one session, each burst a batch of its own that says how long the pause was."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ipsecping.collector.convert import batch_of
from ipsecping.collector.pauses import PausesRun
from ipsecping.collector.steps import Method, PausesStep, Train
from ipsecping.contract import ProbeType
from ipsecping.diagnosis import Part
from ipsecping.net.clocks import Clock

from ..cli.conftest import Reflector, reflector

__all__ = ["reflector"]
MS = 1_000_000


def step(port: int, *, kind: ProbeType = ProbeType.STAMP) -> PausesStep:
    train = Train(
        part=Part.IDLE, method=Method(type=kind, port=port), address="127.0.0.1", count=3, spacing_ms=20,
        payload=80, timeout_ms=2000,
    )  # fmt: skip
    return PausesStep(train=train, pauses=(0, 50 * MS, 100 * MS))


@contextmanager
def forgetful(port: int) -> Iterator[int]:
    """A relay to the reflector that loses the first answer of each burst but the first, as a NAT would."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
    ):
        near.bind(("127.0.0.1", 0))
        far.connect(("127.0.0.1", port))
        near.settimeout(0.2)
        far.settimeout(5)
        over = threading.Event()

        def relay() -> None:
            first: int | None = None
            while not over.is_set():
                try:
                    data, client = near.recvfrom(2048)
                except TimeoutError:
                    continue
                far.send(data)
                answer = far.recv(2048)
                number = int.from_bytes(data[:4], "big")
                first = number if first is None else first
                if number - first not in (3, 6):
                    near.sendto(answer, client)

        thread = threading.Thread(target=relay)
        thread.start()
        try:
            yield near.getsockname()[1]
        finally:
            over.set()
            thread.join()


async def test_each_burst_says_how_long_the_pause_before_it_was(reflector: Reflector) -> None:
    samples = await PausesRun(step(reflector.stamp), Clock()).run()
    batches = [batch_of(sample, None) for sample in samples]
    assert [batch.idle for batch in batches] == [None, 50 * MS, 100 * MS]
    assert [(batch.sent, batch.answered) for batch in batches] == [(3, 3)] * 3


async def test_the_way_on_which_a_pause_costs_packets_is_known(reflector: Reflector) -> None:
    """Since all bursts are of one session, whose reflector has counted the packet that got no answer."""
    with forgetful(reflector.stamp) as port:
        samples = await PausesRun(step(port), Clock()).run()
    first, *others = [batch_of(sample, None) for sample in samples]
    assert first.answers == "111"
    assert [batch.answers for batch in others] == ["011", "011"]
    assert [(batch.forward_lost, batch.reverse_lost) for batch in others] == [(0, 1), (0, 1)]


async def test_a_pause_can_be_broken_off() -> None:
    run = PausesRun(step(9, kind=ProbeType.UDP_ECHO), Clock())
    run.stop()
    assert len(await run.run()) <= 1


@pytest.mark.parametrize("kind", [ProbeType.STAMP, ProbeType.UDP_ECHO])
def test_a_step_costs_what_its_bursts_cost(kind: ProbeType) -> None:
    made = step(1, kind=kind)
    assert made.packets == 3 * made.train.packets
    assert made.time >= 150 * MS + 3 * made.train.time
