"""An agent's side of the stream on a loopback socket: speaks the contract, or breaks it as told."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from ipsecping.contract import RoundResult
from ipsecping.contract.result_stream import RESULTS_PATH, Cursor, Heartbeat, Hello, Item, line_to_json

POD_UID = "99999999-8888-7777-6666-555555555555"

Send = Callable[[bytes], Awaitable[None]]
Script = Callable[[str | None, Send], Awaitable[None]]
"""Serves one connection: given the cursor it was asked for and a way to send."""


def encoded(line: Hello | Item | Heartbeat) -> bytes:
    return json.dumps(line_to_json(line)).encode() + b"\n"


class Ring:
    """A well-behaved agent with a ring of results. `served` holds the cursors it was asked for.

    Its steady clock stands at `now`, which is `wall` on the wall clock that its results were stamped by.
    """

    def __init__(
        self, *, boot: str = "boot-1", pod_uid: str | None = POD_UID, now: int = 0, wall: int = 0
    ) -> None:
        self.boot = boot
        self.pod_uid = pod_uid
        self.now = now
        self.wall = wall
        self.first = 1
        self.results: list[RoundResult] = []
        self.served: list[str | None] = []
        self.cut_after: int | None = None

    async def script(self, after: str | None, send: Send) -> None:
        self.served.append(after)
        cursor = Cursor.parse(after) if after else None
        seen = cursor.sequence if cursor and cursor.boot_id == self.boot else 0
        start = max(seen + 1, self.first)
        await send(encoded(Hello(boot_id=self.boot, pod_uid=self.pod_uid, now=self.now, first=start)))
        for offset, result in enumerate(self.results):
            sequence = self.first + offset
            if sequence >= start:
                ended = result.started_at + result.duration - self.wall + self.now
                await send(encoded(Item(sequence=sequence, ended=ended, result=result)))
                if self.cut_after == sequence:
                    self.cut_after = None
                    return
        await asyncio.Event().wait()


@asynccontextmanager
async def serving(script: Script, *, tokens: Sequence[str] = ()) -> AsyncIterator[int]:
    """Serve on a free port of 127.0.0.1, to who shows one of the tokens if there are any; yields the port."""

    async def results(request: web.Request) -> web.StreamResponse:
        if tokens and request.headers.get("Authorization") not in {f"Bearer {token}" for token in tokens}:
            return web.Response(status=401)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        await script(request.query.get("after"), response.write)
        return response

    app = web.Application()
    app.router.add_get(RESULTS_PATH, results)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


LOG = logging.LoggerAdapter(logging.getLogger("test"), {})
