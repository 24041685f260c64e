"""HTTP probe: an answer is a response to GET with one of the status codes asked for (RFC 9110, RFC 9112)."""

from .. import __version__
from ..contract import HttpOptions, LossReason, PlannedProbe
from ..contract.web_url import parse_url
from ..measure.ledger import Ledger
from ..net.clocks import Clock
from ..net.tcp import Channel, ExchangeFailed, Stream
from ..wire import http1
from .base import ProbeMethod
from .exchange import Answered, ExchangeSession, Report
from .sending import sender_of
from .tls import TlsProbing

USER_AGENT = f"ipsecping/{__version__}"
MAX_DRAINED = 65_536
"""Octets of a response that are taken in after the answer: a server with a small one sees it all sent."""


async def get(channel: Channel, request: bytes, status_codes: tuple[int, ...], report: Report) -> None:
    """Ask, report the moment at which the response began if its status is wanted, and take the rest in."""
    await channel.send(request)
    reader = http1.StatusReader()
    began_at = status = None
    while status is None:
        chunk = await channel.receive()
        if not chunk.data:
            raise ExchangeFailed(LossReason.BAD_ANSWER, "the far end closed before its status line")
        began_at = began_at or chunk.at
        try:
            status = reader.feed(chunk.data)
        except http1.NotHttp as error:
            raise ExchangeFailed(LossReason.BAD_ANSWER, str(error)) from error
    if status not in status_codes:
        raise ExchangeFailed(LossReason.UNEXPECTED_STATUS, f"HTTP status {status}")
    assert began_at is not None
    report(Answered(began_at))
    drained = 0
    while drained < MAX_DRAINED and (chunk := await channel.receive()).data:
        drained += len(chunk.data)


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> ExchangeSession:
    """See ProbeMethod. The round trip is SYN to the first octets of the response, by our own clock."""
    options = probe.options
    assert isinstance(options, HttpOptions)
    url = parse_url(options.url)
    request = http1.pack_get(
        authority=url.authority, request_target=url.request_target, user_agent=USER_AGENT
    )

    def open_stream() -> Stream:
        return Stream(address, url.port, sender=sender_of(probe))

    probing = TlsProbing(options.tls, host=url.host, connect=open_stream) if url.tls else None

    async def exchange(stream: Stream, ledger: Ledger, report: Report) -> None:
        await stream.connected()
        channel: Channel = stream
        if probing is not None:
            channel, _ = await probing.handshake(stream, ledger, report)
        await get(channel, request, options.status_codes, report)

    return ExchangeSession(
        address=address,
        connect=open_stream,
        exchange=exchange,
        timeout=probe.timeout_ms * 1_000_000,
        ready=None if probing is None else probing.ready,
    )


METHOD = ProbeMethod(open=open_session)
