"""The reflector as a service: listeners, keys that change, counters over HTTP, until it is told to stop."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..host.key_file import KeyFile
from ..host.service_manager import ServiceManager
from ..net.clock_quality import own_clock_quality
from ..serving.cached import CachedText
from ..serving.listening import hosts
from ..serving.messages import Request as HttpRequest
from ..serving.messages import Response
from ..serving.server import Server
from .admission import LARGEST, Admission
from .drop_report import DropReport
from .keys import KeyRing
from .responder import EchoResponder, Responder, StampPolicy, StampResponder
from .server import Listener
from .sessions import SessionTable
from .sources import Network
from .status import status_line
from .tcp_echo import TcpEcho

log = logging.getLogger(__name__)

RELOAD_SECONDS = 1.0
SCRAPE_GRACE_SECONDS = 0.5

Address = tuple[str, int]


class CannotListen(OSError):
    """An address that cannot be listened on; the message says which."""


class MetricsUnavailable(Exception):
    """prometheus-client is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a reflector is asked to do.

    Addresses with port; an empty one is every address of both families, port 0 lets the kernel choose.
    """

    allow: Sequence[Network]
    rate: int
    total_rate: int
    octet_rate: int | None = None
    total_octet_rate: int | None = None
    largest: int = LARGEST
    """Bytes of UDP payload of a packet that is answered."""
    permitted_ports: Collection[int] = ()
    """Source ports that are answered although they are below 1024 or listened on here."""
    stamp: Sequence[Address] = ()
    udp_echo: Sequence[Address] = ()
    tcp_echo: Sequence[Address] = ()
    tls: ssl.SSLContext | None = None
    key_file: Path | None = None
    policy: StampPolicy
    metrics: Address | None = None


class Service:
    """One reflector. Belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        """Raises KeyFileError."""
        self._settings = settings
        self._admission = Admission(
            allow=settings.allow,
            rate=settings.rate,
            total_rate=settings.total_rate,
            octet_rate=settings.octet_rate,
            total_octet_rate=settings.total_octet_rate,
            largest=settings.largest,
        )
        self._sessions = SessionTable()
        self._keys = None if settings.key_file is None else KeyRing(KeyFile(settings.key_file))
        self._own_ports: set[int] = set()
        self._http: Server | None = None
        self._reports: list[DropReport] = []
        self._tcp_reports: list[DropReport] = []
        self.datagram: list[tuple[str, Listener]] = []
        """Listeners with the name of the protocol they answer."""
        self.tcp: list[TcpEcho] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until `stop` is set. Raises CannotListen and MetricsUnavailable, before it answers."""
        manager = ServiceManager()
        try:
            await self._start()
            manager.ready(self._status())
            while not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RELOAD_SECONDS)
                if self._keys is not None:
                    self._keys.reload()
                self._report_drops()
                manager.status(self._status())
            manager.stopping("stopping")
        finally:
            await self._stop()

    def log_counters(self) -> None:
        """One line for each listener."""
        for protocol, listener in self.datagram:
            _log_counters(protocol, listener, listener.counters.to_json())
        for server in self.tcp:
            _log_counters("TCPEcho", server, server.counters.to_json())

    def _status(self) -> str:
        listening: list[tuple[str, Listener | TcpEcho]] = [
            *self.datagram,
            *(("TCPEcho", server) for server in self.tcp),
        ]
        return status_line(
            [(protocol, listener.address, listener.port) for protocol, listener in listening],
            self._settings.allow,
            None if self._keys is None else self._keys.trouble,
        )

    def _report_drops(self) -> None:
        now = time.monotonic_ns()
        for (protocol, listener), report in zip(self.datagram, self._reports, strict=True):
            counters = listener.counters
            told = report.due(counters.dropped, now, counters.queue_drops, last=counters.last)
            _warn_of_drops(protocol, listener, told)
        for server, report in zip(self.tcp, self._tcp_reports, strict=True):
            told = report.due(server.counters.refused, now, last=server.counters.last)
            _warn_of_drops("TCPEcho", server, told)

    async def _start(self) -> None:
        settings = self._settings
        await self._serve_metrics()
        for address in settings.stamp:
            self._listen("STAMP", address, self._stamp_responder)
        for address in settings.udp_echo:
            self._listen("UDPEcho", address, self._echo_responder)
        for address in settings.tcp_echo:
            await self._listen_tcp(address)

    async def _stop(self) -> None:
        self.log_counters()
        for _, listener in self.datagram:
            listener.close()
        for server in self.tcp:
            await server.stop()
        if self._http is not None:
            await self._http.stop(grace=SCRAPE_GRACE_SECONDS)

    def _listen(self, protocol: str, address: Address, make: Callable[[int], Responder]) -> None:
        host, port = address
        for each in hosts(host):
            try:
                listener = Listener(each, port, make, largest=self._settings.largest)
            except OSError as error:
                raise _cannot_listen(each, port, error) from error
            port = listener.port
            self.datagram.append((protocol, listener))
            self._reports.append(DropReport())
            log.info("answering %s on %s port %d", protocol, listener.address, listener.port)

    async def _listen_tcp(self, address: Address) -> None:
        host, port = address
        for each in hosts(host):
            server = TcpEcho(admission=self._admission, tls=self._settings.tls)
            try:
                await server.start(each, port)
            except OSError as error:
                raise _cannot_listen(each, port, error) from error
            port = server.port
            self.tcp.append(server)
            self._tcp_reports.append(DropReport())
            log.info("answering TCPEcho on %s port %d", server.address, server.port)

    def _stamp_responder(self, port: int) -> StampResponder:
        self._own_ports.add(port)
        ring = self._keys
        return StampResponder(
            admission=self._admission,
            sessions=self._sessions,
            own_ports=self._own_ports,
            permitted_ports=self._settings.permitted_ports,
            error_estimate=own_clock_quality().estimate,
            keys=None if ring is None else lambda: ring.keys,
            policy=self._settings.policy,
        )

    def _echo_responder(self, port: int) -> EchoResponder:
        self._own_ports.add(port)
        return EchoResponder(
            admission=self._admission,
            own_ports=self._own_ports,
            permitted_ports=self._settings.permitted_ports,
        )

    async def _serve_metrics(self) -> None:
        if self._settings.metrics is None:
            return
        try:
            from .metrics import CONTENT_TYPE, Exposition, ReflectorCollector
        except ImportError as error:
            raise MetricsUnavailable("--metrics needs prometheus-client, which is not installed") from error

        async def metrics(_: HttpRequest) -> Response:
            return Response(content_type=CONTENT_TYPE, body=exposition.text())

        async def healthz(_: HttpRequest) -> Response:
            return Response(body=b"ok\n")

        host, port = self._settings.metrics
        self._http = Server({"/metrics": metrics, "/healthz": healthz})
        collector = ReflectorCollector(
            datagram=self.datagram,
            tcp=self.tcp,
            sessions=self._sessions,
            admission=self._admission,
            keys=self._keys,
            http=self._http,
        )
        # So that scrapes, however many, delay few answers.
        exposition = CachedText(Exposition(collector).text)
        try:
            bound = await self._http.start(host, port)
        except OSError as error:
            raise _cannot_listen(host, port, error) from error
        log.info("counters on http://%s:%d/metrics", host or "*", bound)


def _log_counters(protocol: str, listener: Listener | TcpEcho, counters: dict[str, object]) -> None:
    fields = {"protocol": protocol, "address": listener.address, "port": listener.port}
    log.info("counters", extra={"fields": fields | counters})


def _warn_of_drops(protocol: str, listener: Listener | TcpEcho, told: str | None) -> None:
    if told is not None:
        log.warning("%s on %s port %d: %s", protocol, listener.address, listener.port, told)


def _cannot_listen(host: str, port: int, error: OSError) -> CannotListen:
    message = f"cannot listen on {host or '*'} port {port}: {error.strerror}"
    if isinstance(error, PermissionError):
        message += (
            " (ports below 1024 need root, CAP_NET_BIND_SERVICE or net.ipv4.ip_unprivileged_port_start)"
        )
    return CannotListen(message)
