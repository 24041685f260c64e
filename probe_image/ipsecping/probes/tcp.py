"""TCP probe: an answer is a connection (RFC 9293), a complete TLS handshake, a conversation as asked for."""

import asyncio

from ..contract import LossReason, PlannedProbe, TcpOptions
from ..measure.ledger import Ledger
from ..net.clocks import Clock
from ..net.tcp import Channel, ExchangeFailed, Stream
from .base import ProbeMethod
from .conversation import Conversation, ask_for_tls
from .exchange import Answered, Exchange, ExchangeSession, Report
from .sending import sender_of
from .tls import TlsProbing

PATIENCE = 0.9
"""Part of the timeout in which a conversation has to be over: then it can still be said what was missing."""


async def connect(stream: Stream, _: Ledger, report: Report) -> None:
    """The round trip is SYN to SYN-ACK by the kernel; by our own clock when the SYN had to be sent again."""
    at = await stream.connected()
    report(Answered(at, stream.connect_rtt()))


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> ExchangeSession:
    """See ProbeMethod. With more than a connection, the round trip is SYN to its end by our own clock."""
    port = probe.port
    assert port is not None
    options = probe.options or TcpOptions()
    assert isinstance(options, TcpOptions)
    timeout = probe.timeout_ms * 1_000_000

    def open_stream() -> Stream:
        return Stream(address, port, sender=sender_of(probe))

    async def introduce(stream: Stream) -> None:
        if options.start_tls is not None:
            await ask_for_tls(stream, options.start_tls)

    probing = None
    if options.tls is not None:
        probing = TlsProbing(options.tls, host=address, connect=open_stream, introduce=introduce)
    is_bare = probing is None and not options.steps
    return ExchangeSession(
        address=address,
        connect=open_stream,
        exchange=connect if is_bare else _talk(options, probing, timeout / 1e9 * PATIENCE),
        timeout=timeout,
        ready=None if probing is None else probing.ready,
    )


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
