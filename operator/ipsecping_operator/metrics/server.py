"""Serve /metrics, /healthz and /readyz. Each port has a server of its own: a crowd at one harms no other."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ipsecping.serving.messages import Request, Response
from ipsecping.serving.metrics import server_families
from ipsecping.serving.server import Handler, Limits, Server

from .cached import CachedExposition, handed_out
from .health import Health

HEALTH_LIMITS = Limits(head_seconds=1.0, stall_seconds=1.0, linger_seconds=0.5)


class CannotListen(Exception):
    """The system refuses an address or port that the operator was told to listen on."""


class ServerCollector(Collector):
    """What the operator's servers tell of themselves."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        """`servers` by what they serve."""
        self._servers = servers

    def collect(self) -> Iterator[Metric]:
        """Yield one metric family after the other."""
        return server_families("ipsecping_operator_http", self._servers)


async def serve_metrics(
    registry: CollectorRegistry, *, address: tuple[str, int], before: Callable[[], None]
) -> Server:
    """Answer GET /metrics; `before` is called whenever its text is made. Raises CannotListen."""
    exposition, turn = CachedExposition(registry, before=before), asyncio.Lock()

    async def metrics(request: Request) -> Response:
        pieces = await exposition.pieces()
        encoding = {"Content-Encoding": "gzip"} if request.gzip else {}
        return Response(
            content_type=CONTENT_TYPE_LATEST,
            headers={"Vary": "Accept-Encoding"} | encoding,
            body=handed_out(pieces, turn, gzip=request.gzip),
        )

    return await _listening({"/metrics": metrics}, address, flag="--metrics-port", limits=Limits())


async def serve_health(health: Health, *, address: tuple[str, int]) -> Server:
    """Answer GET /healthz and /readyz with 200 or 503 and a line that says why. Raises CannotListen."""

    def answer(fault: str | None) -> Response:
        status = HTTPStatus.SERVICE_UNAVAILABLE if fault else HTTPStatus.OK
        return Response(body=f"{fault or health.state}\n".encode(), status=status)

    async def healthz(_: Request) -> Response:
        return answer(health.problem(time.monotonic()))

    async def readyz(_: Request) -> Response:
        return answer(health.unready(time.monotonic()))

    routes: dict[str, Handler] = {"/healthz": healthz, "/readyz": readyz}
    return await _listening(routes, address, flag="--healthz-port", limits=HEALTH_LIMITS)


async def _listening(
    routes: Mapping[str, Handler], address: tuple[str, int], *, flag: str, limits: Limits
) -> Server:
    server = Server(routes, limits=limits)
    host, port = address
    try:
        await server.start(host, port)
    except OSError as error:
        said = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListen(f"cannot listen on {host or '*'}:{port}: {said}; see {flag}") from error
    return server
