"""Serve /metrics, /healthz and /readyz."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from .exposition import pieces
from .health import Health


async def serve_metrics(
    registry: CollectorRegistry, *, address: tuple[str, int], before: Callable[[], None]
) -> web.AppRunner:
    """Answer GET /metrics; `before` is called before each scrape. Raises CannotListen."""

    async def scrape(request: web.Request) -> web.StreamResponse:
        before()
        answer = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE_LATEST})
        await answer.prepare(request)
        for piece in pieces(registry):
            await answer.write(piece)
            await asyncio.sleep(0)  # thousands of checks take a second: let others have their turns
        return answer

    return await _serve({"/metrics": scrape}, address, flag="--metrics-port")


async def serve_health(health: Health, *, address: tuple[str, int]) -> web.AppRunner:
    """Answer GET /healthz and /readyz with 200 or 503 and a line that says why. Raises CannotListen."""

    def answer(fault: str | None) -> web.Response:
        return web.Response(text=f"{fault or health.state}\n", status=503 if fault else 200)

    async def healthz(_: web.Request) -> web.Response:
        return answer(health.problem(time.monotonic()))

    async def readyz(_: web.Request) -> web.Response:
        return answer(health.unready(time.monotonic()))

    return await _serve({"/healthz": healthz, "/readyz": readyz}, address, flag="--healthz-port")


class CannotListen(Exception):
    """The system refuses an address or port that the operator was told to listen on."""


_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def _serve(routes: dict[str, _Handler], address: tuple[str, int], *, flag: str) -> web.AppRunner:
    app = web.Application()
    for path, handler in routes.items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    host, port = address
    try:
        # An empty host means every address of the machine, IPv4 and IPv6.
        await web.TCPSite(runner, host or None, port).start()
    except OSError as error:
        await runner.cleanup()
        # asyncio words it at length, and names the address.
        said = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListen(f"cannot listen on {host or '*'}:{port}: {said}; see {flag}") from error
    return runner
