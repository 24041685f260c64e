"""A real HTTP server in the place of the API server, which answers as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from ipsecping.tls_client import client_context
from ipsecping_operator.kube.access import Access

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

STORED = {"metadata": {"name": "x", "uid": "1", "resourceVersion": "7"}}


def put_off(asked: str | None = None, *, status: int = 429, date: str | None = None) -> web.Response:
    """As API Priority and Fairness answers; `asked` is Retry-After."""
    said = {"kind": "Status", "status": "Failure", "message": "too many requests", "code": status}
    headers = {key: value for key, value in (("Retry-After", asked), ("Date", date)) if value is not None}
    return web.json_response(said, status=status, headers=headers)


@dataclass
class ApiOnLoopback:
    """Notes when each request came, in the event loop's time, and what it was."""

    answer: Answer
    url: str = ""
    asked: list[tuple[float, str]] = field(default_factory=list)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.asked]

    @property
    def access(self) -> Access:
        configuration = Configuration()
        configuration.host = self.url
        configuration.client_session_kwargs = {"trust_env": False}
        return Access(configuration, client_context())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((asyncio.get_running_loop().time(), f"{request.method} {request.path}"))
        return await self.answer(request)


@asynccontextmanager
async def api(answer: Answer) -> AsyncIterator[ApiOnLoopback]:
    """The server, on a free port of loopback."""
    made = ApiOnLoopback(answer)
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0][:2]
    made.url = f"http://127.0.0.1:{port}"
    try:
        yield made
    finally:
        await runner.cleanup()


async def stored(request: web.Request) -> web.Response:
    """Whatever is asked for is done."""
    del request
    return web.json_response(STORED)


def change(kind: str, version: int, **metadata: object) -> bytes:
    """A line of a watch."""
    told = {"type": kind, "object": {"metadata": {"resourceVersion": str(version), **metadata}}}
    return json.dumps(told).encode() + b"\n"
