"""TCP probe: an answer is a connection (RFC 9293), a complete TLS handshake, a conversation as asked for."""

import asyncio
import socket
from collections.abc import Callable
from typing import TypedDict

from ..addresses import is_ipv6
from ..contract import LossReason, PlannedProbe, TcpOptions
from ..measure.ledger import Ledger
from ..net.clocks import Clock
from ..net.held_port import hold_port
from ..net.tcp import Channel, ExchangeFailed, Stream
from .base import ProbeMethod
from .conversation import Conversation, ask_for_tls
from .exchange import Answered, Exchange, ExchangeSession, Report
from .sending import sender_of
from .tls import TlsProbing

PATIENCE = 0.9
"""Part of the timeout in which a conversation has to be over: then it can still be said what was missing."""


class _OfPort(TypedDict, total=False):
    at_once: int
    closed: Callable[[], None]


async def connect(stream: Stream, _: Ledger, report: Report) -> None:
    """The round trip is SYN to SYN-ACK by the kernel; by our own clock when the SYN had to be sent again."""
    at = await stream.connected()
    report(Answered(at, stream.connect_rtt()))


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> ExchangeSession:
    """See ProbeMethod. With more than a connection, the round trip is SYN to its end by our own clock.

    Raises SourceUnavailable for a source port that is taken.
    """
    port = probe.port
    assert port is not None
    options = probe.options or TcpOptions()
    assert isinstance(options, TcpOptions)
    timeout = probe.timeout_ms * 1_000_000

    sender = sender_of(probe)

    def open_stream() -> Stream:
        return Stream(address, port, sender=sender, talks=not is_bare)

    def open_another() -> Stream:
        """While a connection has the port that is fixed."""
        return Stream(address, port, sender=sender._replace(port=0))

    async def introduce(stream: Stream) -> None:
        if options.start_tls is not None:
            await ask_for_tls(stream, options.start_tls)

    probing = None
    if options.tls is not None:
        probing = TlsProbing(options.tls, host=address, connect=open_another, introduce=introduce)
    is_bare = probing is None and not options.steps
    return ExchangeSession(
        address=address,
        connect=open_stream,
        exchange=connect if is_bare else _talk(options, probing, timeout / 1e9 * PATIENCE),
        timeout=timeout,
        ready=None if probing is None else probing.ready,
        **_from_one_port(probe, address, port),
    )


def _from_one_port(probe: PlannedProbe, address: str, port: int) -> _OfPort:
    """What a session has beside where all of its connections come from one port: one of them at a time."""
    if probe.source_port is None:
        return {}
    family, target = socket.AF_INET6 if is_ipv6(address) else socket.AF_INET, (address, port)
    held = hold_port(family, sender_of(probe), target)
    return {"at_once": 1, "closed": lambda: held.release(target)}


def _talk(options: TcpOptions, probing: TlsProbing | None, patience: float) -> Exchange:
    async def talk(stream: Stream, ledger: Ledger, report: Report) -> None:
        deadline = asyncio.get_running_loop().time() + patience
        at = await stream.connected()
        channel: Channel = stream
        if probing is not None:
            channel, at = await probing.handshake(stream, ledger, report)
        if options.steps:
            conversation = Conversation(channel)
            try:
                async with asyncio.timeout_at(deadline):
                    at = await conversation.hold(options.steps)
            except TimeoutError:
                if not conversation.heard:
                    raise
                missing = f"no line that matches {conversation.waits_for!r} among what came"
                raise ExchangeFailed(LossReason.UNEXPECTED_STATUS, missing) from None
        report(Answered(at))

    return talk


METHOD = ProbeMethod(open=open_session)
