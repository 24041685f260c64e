"""TCP probe: an answer is an established connection (RFC 9293), and a complete TLS handshake if asked for."""

from ..contract import PlannedProbe, TcpOptions
from ..measure.ledger import Ledger
from ..net.clocks import Clock
from ..net.tcp import Stream
from .base import ProbeMethod
from .exchange import Answered, Exchange, ExchangeSession, Report
from .sending import sender_of
from .tls import TlsProbing


async def connect(stream: Stream, _: Ledger, report: Report) -> None:
    """The round trip is SYN to SYN-ACK by the kernel; by our own clock when the SYN had to be sent again."""
    at = await stream.connected()
    report(Answered(at, stream.connect_rtt()))


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> ExchangeSession:
    """See ProbeMethod. With TLS, the round trip is SYN to the handshake's end by our own clock."""
    port = probe.port
    assert port is not None
    options = probe.options or TcpOptions()
    assert isinstance(options, TcpOptions)

    def open_stream() -> Stream:
        return Stream(address, port, sender=sender_of(probe))

    probing = None
    if options.tls is not None:
        probing = TlsProbing(options.tls, host=address, connect=open_stream)
    return ExchangeSession(
        address=address,
        connect=open_stream,
        exchange=connect if probing is None else _handshake(probing),
        timeout=probe.timeout_ms * 1_000_000,
        ready=None if probing is None else probing.ready,
    )


def _handshake(probing: TlsProbing) -> Exchange:
    async def connect_and_handshake(stream: Stream, ledger: Ledger, report: Report) -> None:
        await stream.connected()
        _, complete_at = await probing.handshake(stream, ledger, report)
        report(Answered(complete_at))

    return connect_and_handshake


METHOD = ProbeMethod(open=open_session)
