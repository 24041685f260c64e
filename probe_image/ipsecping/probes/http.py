"""HTTP probe: an answer is a response with what is asked of status, fields and body (RFC 9110, RFC 9112)."""

import asyncio
import base64
import itertools
import time
from dataclasses import replace
from urllib.parse import urljoin

from .. import __version__
from ..contract import HttpOptions, Invalidity, LossReason, PlannedProbe
from ..contract.methods.expressions import pattern
from ..contract.methods.http import ConnectTo, Method
from ..contract.pattern import TooCostly
from ..contract.web_url import WebUrl, parse_url
from ..host.secret_file import SecretFile, SecretFileError
from ..measure.ledger import Ledger
from ..net.clocks import Clock
from ..net.tcp import Channel, ExchangeFailed, Stream
from ..wire import http1
from .base import ProbeMethod, RoundInvalid
from .exchange import Answered, ExchangeSession, Report
from .sending import sender_of
from .tls import TlsProbing

USER_AGENT = f"ipsecping/{__version__}"
MAX_DRAINED = 65_536
"""Bytes of a response that are taken in after the answer: a server with a small one sees it all sent."""
PIECE = 16_384
"""Bytes that are looked at in one go."""
MAX_LOCATION = 2048
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REPEATED = frozenset({307, 308})
"""Redirects that keep method and body (RFC 9110 section 15.4)."""
_WITHOUT_BODY = frozenset({101, 204, 304})


class Response:
    """A response that has begun."""

    def __init__(
        self, status: int, began_at: int, begun: bytes, reader: http1.ResponseReader, channel: Channel
    ) -> None:
        """`begun` is what has come so far; who asks for the status alone does not mind what follows it."""
        self.status, self.began_at = status, began_at
        self.reader = reader
        self._begun = begun
        self._channel = channel

    async def fields(self) -> http1.ResponseReader:
        """Take in all header fields. Raises ExchangeFailed."""
        self._feed_begun()
        while not self.reader.has_fields:
            await self._more()
        return self.reader

    async def body(self) -> bytes:
        """Take in the body, as much of it as is looked at. Raises ExchangeFailed."""
        self._feed_begun()
        while not self.reader.complete:
            await self._more()
        try:
            return self.reader.body()
        except http1.NotHttp as error:
            raise ExchangeFailed(LossReason.BAD_ANSWER, str(error)) from error

    def _feed_begun(self) -> None:
        begun, self._begun = self._begun, b""
        if begun:
            self._feed(begun)

    async def _more(self) -> None:
        self._feed((await self._channel.receive()).data)

    def _feed(self, data: bytes) -> None:
        """Take bytes in; none: the target has closed."""
        try:
            if data:
                self.reader.feed(data)
            else:
                self.reader.end()
        except http1.NotHttp as error:
            raise ExchangeFailed(LossReason.BAD_ANSWER, str(error)) from error


async def respond(channel: Channel, request: bytes, method: Method) -> Response:
    """Ask, and take in the status of the response. Raises ExchangeFailed."""
    await channel.send(request)
    reader = http1.StatusReader()
    began_at, status = 0, None
    try:
        while status is None:
            chunk = await channel.receive()
            if not chunk.data:
                raise ExchangeFailed(LossReason.BAD_ANSWER, "the target closed before its status line")
            begun, interim = bool(reader.begun), reader.interim
            status = reader.feed(chunk.data)
            if not begun or interim != reader.interim:  # the response that counts has begun here, or later
                began_at = chunk.at
    except http1.NotHttp as error:
        raise ExchangeFailed(LossReason.BAD_ANSWER, str(error)) from error
    response = http1.ResponseReader(without_body=method is Method.HEAD or status in _WITHOUT_BODY)
    return Response(status, began_at, reader.begun, response, channel)


async def judge(response: Response, options: HttpOptions) -> None:
    """Raise ExchangeFailed unless the response has all that is asked for."""
    if response.status not in options.status_codes:
        raise ExchangeFailed(LossReason.UNEXPECTED_STATUS, f"HTTP status {response.status}")
    if options.header_matches or options.header_not_matches:
        reader = await response.fields()
        for wanted, headers in ((True, options.header_matches), (False, options.header_not_matches)):
            for name, expression in headers:
                if await _found_in_any(expression, reader.values(name)) != wanted:
                    raise _mismatch(f"header field {name}", expression, wanted=wanted)
    if options.looks_at_body:
        body = await response.body()
        for wanted, expressions in ((True, options.body_matches), (False, options.body_not_matches)):
            for expression in expressions:
                if await _found(expression, body) != wanted:
                    raise _mismatch("body", expression, wanted=wanted)


async def _found_in_any(expression: str, values: list[str]) -> bool:
    for each in values:
        if await _found(expression, each.encode("latin-1")):
            return True
    return False


async def _found(expression: str, text: bytes) -> bool:
    """Whether the pattern is there; others get their turn in between."""
    search = pattern(expression).search()
    try:
        for at in range(0, len(text), PIECE):
            if search.feed(text[at : at + PIECE]):
                return True
            await asyncio.sleep(0)
        return search.end()
    except TooCostly as error:
        # An invalid round says nothing, and so would all that follow: this is about the answer.
        raise ExchangeFailed(LossReason.UNEXPECTED_STATUS, str(error)) from error


def _mismatch(what: str, expression: str, *, wanted: bool) -> ExchangeFailed:
    verb = "does not match" if wanted else "matches"
    return ExchangeFailed(LossReason.UNEXPECTED_STATUS, f"the {what} {verb} {expression!r}")


class Requests:
    """Writes the requests of one session. Raises RoundInvalid, as `ready`, without its credentials."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        file = options.password_file or options.token_file
        self._secret = None if file is None else SecretFile(file)
        self._origin = parse_url(options.url).origin
        self._sequence = itertools.count(1)
        self.ready()

    def ready(self) -> None:
        """Raises RoundInvalid while the credentials cannot be read."""
        try:
            if self._secret is not None:
                self._secret.read()
        except SecretFileError as error:
            raise RoundInvalid(Invalidity.KEY_MISSING, str(error)) from error

    def request(self, url: WebUrl, method: Method, *, has_body: bool) -> bytes:
        """The request for a URL; what is for its first origin alone is not sent to another one."""
        options = self._options
        at_home = url.origin == self._origin
        fields = [
            ("Host", (options.host or url.authority) if at_home else url.authority),
            ("Accept-Encoding", "gzip" if options.gzip else "identity"),
        ]
        if options.sequence_header:
            fields.append(("X-IPsecPing", f"seq={next(self._sequence)}; time={time.time():.6f}"))
        if at_home:
            fields += options.headers
            if self._secret is not None:
                fields.append(("Authorization", self._authorization(self._secret)))
        given = {name.lower() for name, _ in fields}
        usual = (("User-Agent", USER_AGENT), ("Accept", "*/*"))
        fields += [each for each in usual if each[0].lower() not in given]
        body = options.body.encode() if has_body and options.body is not None else None
        return http1.pack_request(method.value, url.request_target, fields, body)

    def _authorization(self, secret: SecretFile) -> str:
        try:
            text = secret.read()
        except SecretFileError as error:
            raise ExchangeFailed(None, str(error)) from error
        if self._options.username is None:
            if not text.isascii():
                raise ExchangeFailed(None, "the token is not ASCII (RFC 6750)")
            return f"Bearer {text}"
        return "Basic " + base64.b64encode(f"{self._options.username}:{text}".encode()).decode()


class Browser:
    """Has the exchanges of one session with one address: a request, and what it redirects to."""

    def __init__(self, probe: PlannedProbe, address: str) -> None:
        """Raises RoundInvalid, as `ready`."""
        assert isinstance(probe.options, HttpOptions)
        self._options = probe.options
        self._url = parse_url(probe.options.url)
        self._address, self._sender = address, sender_of(probe)
        self._requests = Requests(probe.options)
        self._probing = self._probing_of(self._url) if self._url.tls else None

    def connect(self) -> Stream:
        """Open the connection of the first request."""
        return self._open(self._url.port)

    def ready(self) -> None:
        """Raises RoundInvalid while credentials or certificates cannot be used."""
        self._requests.ready()
        if self._probing is not None:
            self._probing.ready()

    def _open(self, port: int) -> Stream:
        return Stream(self._address, port, sender=self._sender)

    async def exchange(self, stream: Stream, ledger: Ledger, report: Report) -> None:
        """See Exchange."""
        url, method, has_body = self._url, self._options.method, True
        opened: list[Stream] = []
        held = 0  # by this host, between a redirect and the connection that it leads to
        try:
            for left in range(self._options.max_redirects, -1, -1):
                channel = await self._channel(url, stream, ledger, report)
                request = self._requests.request(url, method, has_body=has_body)
                response = await respond(channel, request, method)
                if response.status not in _REDIRECTS or not self._options.max_redirects:
                    break
                if not left:
                    raise ExchangeFailed(
                        LossReason.UNEXPECTED_STATUS, f"more than {self._options.max_redirects} redirects"
                    )
                url = self._redirected(url, (await response.fields()).values("location"))
                if response.status not in _REPEATED and method is not Method.HEAD:
                    method, has_body = Method.GET, False
                another = self._open(url.port)
                held += another.begun - stream.came
                stream = another
                opened.append(stream)
            await judge(response, self._options)
            report(Answered(response.began_at - held))
            drained = 0
            while (
                drained < MAX_DRAINED
                and not response.reader.complete
                and (more := await channel.receive()).data
            ):
                drained += len(more.data)
        finally:
            for each in opened:
                each.close()

    async def _channel(self, url: WebUrl, stream: Stream, ledger: Ledger, report: Report) -> Channel:
        await stream.connected()
        if not url.tls:
            return stream
        home = url.origin == self._url.origin
        try:
            probing = self._probing if home and self._probing is not None else self._probing_of(url)
        except RoundInvalid as error:
            raise ExchangeFailed(None, str(error)) from error
        channel, _ = await probing.handshake(stream, ledger, report)
        return channel

    def _probing_of(self, url: WebUrl) -> TlsProbing:
        """TLS with an origin; another than the first one is not shown our certificate."""
        tls = self._options.tls
        if url.origin != self._url.origin:
            tls = replace(tls, server_name=None, certificate_file=None, certificate_key_file=None)
        return TlsProbing(tls, host=url.host, connect=lambda: self._open(url.port))

    def _redirected(self, url: WebUrl, locations: list[str]) -> WebUrl:
        """Return where a redirect leads. Raises ExchangeFailed where it leads nowhere that is asked."""
        if len(locations) != 1 or len(locations[0]) > MAX_LOCATION:
            raise ExchangeFailed(LossReason.BAD_ANSWER, "a redirect without one Location")
        scheme = "https" if url.tls else "http"
        try:
            found = parse_url(
                urljoin(f"{scheme}://{url.authority}{url.request_target}", locations[0].partition("#")[0])
            )
        except ValueError as error:
            raise ExchangeFailed(LossReason.BAD_ANSWER, f"a redirect to no URL: {error}") from None
        if found.host != url.host and self._options.connect_to is not ConnectTo.TARGET:
            raise ExchangeFailed(
                LossReason.UNEXPECTED_STATUS,
                f"a redirect to another host, {found.host[:64]}, is not followed",
            )
        if url.tls and not found.tls:
            raise ExchangeFailed(
                LossReason.UNEXPECTED_STATUS, "a redirect from https to http is not followed"
            )
        return found


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> ExchangeSession:
    """See ProbeMethod. The round trip is SYN to the first bytes of the final response."""
    browser = Browser(probe, address)
    return ExchangeSession(
        address=address,
        connect=browser.connect,
        exchange=browser.exchange,
        timeout=probe.timeout_ms * 1_000_000,
        ready=browser.ready,
    )


METHOD = ProbeMethod(open=open_session)
