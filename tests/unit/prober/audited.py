"""Reflectors on loopback to be audited: as they should be, and with one thing left open."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_network

from ipsecping.contract import AuditFinding, AuditProtocol
from ipsecping.net.sender import Sender
from ipsecping.probes.audit import dialects
from ipsecping.probes.audit_run import AuditRun
from ipsecping.probes.audit_verdict import Outcome, Record, judge
from ipsecping.reflector.admission import Admission
from ipsecping.reflector.responder import EchoResponder, Responder, StampPolicy, StampResponder
from ipsecping.reflector.server import Listener
from ipsecping.reflector.sessions import SessionTable
from ipsecping.wire.ntp import UNSYNCHRONIZED

PROBER, REFLECTOR, OUTSIDE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
KEY, OTHER_KEY = b"the key of both sides, of 32 bytes", b"the key of somebody else, 32 bytes"
ANY_PORT = range(65_536)
MS = 1_000_000
AS_USUAL = StampPolicy()
SIGNED = {
    AuditFinding.UNSIGNED,
    AuditFinding.WRONG_KEY,
    AuditFinding.REPLAYED,
    AuditFinding.REFLECTED,
    AuditFinding.OWN_PORT,
    AuditFinding.SHORT,
    AuditFinding.AMPLIFIES,
    AuditFinding.FALLS_SILENT,
}
"""What is tested at a STAMP reflector by whoever has its keys, without a privilege."""


def admission(*, allow: str = f"{PROBER}/32", rate: int = 10_000) -> Admission:
    return Admission(allow=[ip_network(allow)], rate=rate, total_rate=10_000)


def stamp_responder(
    port: int,
    keys: Sequence[bytes] = (),
    *,
    admitted: Admission | None = None,
    permitted_ports: Sequence[int] = (),
    policy: StampPolicy = AS_USUAL,
) -> StampResponder:
    return StampResponder(
        admission=admitted or admission(),
        sessions=SessionTable(),
        own_ports={port},
        permitted_ports=permitted_ports,
        error_estimate=lambda _: UNSYNCHRONIZED,
        keys=(lambda: keys) if keys else None,
        policy=policy,
    )


def echo_responder(
    port: int, *, admitted: Admission | None = None, permitted_ports: Sequence[int] = ()
) -> EchoResponder:
    return EchoResponder(admission=admitted or admission(), own_ports={port}, permitted_ports=permitted_ports)


@asynccontextmanager
async def reflector(make: Callable[[int], Responder], address: str = REFLECTOR) -> AsyncIterator[Listener]:
    listener = Listener(address, 0, make)
    try:
        yield listener
    finally:
        listener.close()


async def audited(
    port: int,
    keys: tuple[bytes, ...] = (),
    *,
    protocol: AuditProtocol = AuditProtocol.STAMP,
    address: str = REFLECTOR,
    source: str | None = PROBER,
    outside: str | None = None,
    rate: int | None = None,
    timeout: int = 300 * MS,
) -> Record:
    """One audit, quicker than users have it."""
    dialect, fallback = dialects(protocol, keys)
    run = AuditRun(
        address=address,
        port=port,
        dialect=dialect,
        fallback=fallback,
        timeout=timeout,
        spacing=5 * MS,
        until=time.monotonic_ns() + 60_000 * MS,
        sender=Sender(source=source),
        outside=outside,
        rate=rate,
    )
    try:
        return await run.run()
    finally:
        run.close()


def outcomes(record: Record) -> dict[AuditFinding, Outcome]:
    return {finding: verdict.outcome for finding, verdict in judge(record).items()}


def found(record: Record) -> set[AuditFinding]:
    return {finding for finding, outcome in outcomes(record).items() if outcome is Outcome.FOUND}


def not_tested(record: Record) -> set[AuditFinding]:
    return {finding for finding, outcome in outcomes(record).items() if outcome is Outcome.NOT_TESTED}


@contextmanager
def foreign(answer: Callable[[socket.socket, bytes, tuple[str, int]], None]) -> Iterator[int]:
    """A reflector of somebody else's: `answer` sends what it likes; yields its port."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((REFLECTOR, 0))
        sock.setblocking(False)
        loop.add_reader(sock, lambda: answer(sock, *sock.recvfrom(65_535)))
        try:
            yield sock.getsockname()[1]
        finally:
            loop.remove_reader(sock)
