"""Sessions of the prober with reflectors on loopback, ours and foreign ones."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_network
from pathlib import Path

from ipsecping.contract import (
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    RoundResult,
    StampOptions,
)
from ipsecping.measure.packet import Packet
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.probes import stamp as stamp_probe
from ipsecping.probes.base import Session
from ipsecping.reflector.admission import Admission
from ipsecping.reflector.keys import KeyRing
from ipsecping.reflector.responder import StampPolicy, StampResponder
from ipsecping.reflector.server import Listener
from ipsecping.reflector.sessions import SessionTable
from ipsecping.rounds.prober import PathProber
from ipsecping.wire import stamp
from ipsecping.wire.ntp import UNSYNCHRONIZED

from ...news import News
from ...peers.processes import PATIENCE

OLD, NEW, WRONG = "the key of the old days", "the key of the new days", "the key of somebody else"


LOOPBACK = "127.0.0.1"


def write_keys(path: Path, *keys: str) -> None:
    """Replace the file, as editors and the kubelet do."""
    draft = path.with_suffix(".draft")
    draft.write_text("\n".join(keys))
    draft.replace(path)


def planned(
    port: int, key_file: Path | None = None, *, size: int = 112, dscp: int = 0, **asks: bool
) -> PlannedProbe:
    return PlannedProbe(
        name="datapath",
        type=ProbeType.STAMP,
        count=3,
        spacing_ms=1,
        timeout_ms=2000,
        size=size,
        port=port,
        dscp=dscp,
        options=StampOptions(key_file=None if key_file is None else str(key_file), **asks),
    )


@asynccontextmanager
async def reflector(ring: KeyRing | None, **policy: bool) -> AsyncIterator[Listener]:
    listener = Listener(
        LOOPBACK,
        0,
        lambda port: StampResponder(
            admission=Admission(allow=[ip_network("127.0.0.0/8")], rate=10_000, total_rate=10_000),
            sessions=SessionTable(),
            own_ports={port},
            error_estimate=lambda _: UNSYNCHRONIZED,
            keys=None if ring is None else lambda: ring.keys,
            policy=StampPolicy(**policy),
        ),
    )
    try:
        yield listener
    finally:
        listener.close()


@contextmanager
def foreign_reflector(answer: Callable[[bytes, int], bytes]) -> Iterator[int]:
    """Somebody else's reflector: `answer` gets each request and how many came before; yields its port."""
    loop, count = asyncio.get_running_loop(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOOPBACK, 0))
        sock.setblocking(False)

        def readable() -> None:
            nonlocal count
            data, source = sock.recvfrom(2048)
            sock.sendto(answer(data, count), source)
            count += 1

        loop.add_reader(sock, readable)
        try:
            yield sock.getsockname()[1]
        finally:
            loop.remove_reader(sock)


@contextmanager
def session_with(probe: PlannedProbe) -> Iterator[Session]:
    session = stamp_probe.open_session(probe, LOOPBACK, Clock())
    try:
        yield session
    finally:
        session.close()


async def exchange(session: Session, count: int) -> list[Packet]:
    """Send packets and wait until each is answered or refused."""
    news = News()
    packets = [session.send(news) for _ in range(count)]
    async with asyncio.timeout(PATIENCE):
        while not all(packet.settled for packet in packets):
            news.clear()
            await news.wait()
    return packets


def check_with(probe: PlannedProbe) -> PlannedCheck:
    return PlannedCheck(
        uid="u",
        namespace="network",
        name="hq-dc1",
        generation=1,
        tunnel_name="hq-dc1",
        path="default",
        target=LOOPBACK,
        interval_ms=1000,
        probes=(probe,),
    )


async def one_round(probe: PlannedProbe, *, start: int = 0) -> RoundResult:
    return await prober_round(check_with(probe), start=start)


async def prober_round(check: PlannedCheck, *, start: int = 0) -> RoundResult:
    prober = PathProber(Clock(), Resolver())
    try:
        [result] = await prober.round(check, start=start)
    finally:
        prober.close()
    return result


def reflect_twamp(request: bytes, number: int, *, size: int) -> bytes:
    """RFC 5357 section 4.2.1: 41 bytes and as much padding as there is room for."""
    packet = stamp.parse_sender(request)
    assert packet is not None
    reply = stamp.ReflectorPacket(
        number, 0, UNSYNCHRONIZED, 0, packet.sequence, packet.timestamp, packet.error_estimate, 64
    )
    return bytes(stamp.pack_reflector(reply, bytes(size)))
