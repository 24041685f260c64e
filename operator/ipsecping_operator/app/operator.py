"""The life cycle of the operator: serve, wait for the Lease, lead, stop."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import kopf

from ipsecping.serving.server import Server
from ipsecping_operator import memory
from ipsecping_operator.fault_types import Where
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.kube.kopf_session import KopfSession
from ipsecping_operator.metrics.health import TICK_SECONDS
from ipsecping_operator.metrics.server import ServerCollector, serve_health, serve_metrics
from ipsecping_operator.settings import Settings

from .notifications import endless
from .wiring import Base, Parts, build_base, build_parts, credentials, followers

LAST_WRITES = 3.0
"""Seconds that statuses and events have to be written when the operator stops."""

LAST_NOTIFICATIONS = 2.0
"""Seconds that notifications have after that."""

LAST_ANSWERS = 0.5
"""Seconds that an answer under way may still take then."""


class Operator:
    """Implements `handlers.Watcher`: Kopf starts it, tells it of events, stops it."""

    def __init__(self, settings: Settings) -> None:
        self.base: Base = build_base(settings)
        self._parts: Parts | None = None
        self._servers: dict[str, Server] = {}

    @property
    def parts(self) -> Parts:
        """The parts that work while the operator leads: from `start` on."""
        assert self._parts is not None
        return self._parts

    async def serve(self) -> None:
        """Answer on both ports, also while the operator waits. Raises CannotListen."""
        base, settings = self.base, self.base.settings
        registry = base.metrics.registry
        registry.register(ServerCollector(self._servers))
        self._servers["health"] = await serve_health(base.health, address=settings.healthz_address)
        self._servers["metrics"] = await serve_metrics(
            registry, address=settings.metrics_address, before=self._gauge
        )
        base.tasks.spawn(self.tick(), "tick")
        base.tasks.spawn(memory.hand_back(), "memory")

    async def prepare(self) -> None:
        """Wait for what the operator needs before it may begin: the API with the CRD, and the Lease."""
        if await self.base.candidacy.acquire():
            self.base.tasks.spawn(self.base.candidacy.renew(), "lease")

    async def login(self) -> kopf.AiohttpSession:
        """Open Kopf's session with fresh credentials. Raises AccessError."""
        return KopfSession(await credentials(self.base.settings), observe=self.base.metrics.request)

    async def start(self) -> None:
        """Start everything but the watch for checks, which Kopf starts then. Raises ApiError."""
        parts = self._parts = await build_parts(self.base)
        self.base.clock.stepped.append(parts.clock_steps.follow)
        parts.tasks.spawn(parts.sweep_loop.run(), "sweep")
        parts.tasks.spawn(parts.watchdog.run(), "watchdog")
        for work, name in parts.notifier.tasks():
            parts.tasks.spawn(endless(work, self.base.faults), name)
        for plural, follower in followers(self.base, parts):
            parts.tasks.spawn(follower.run(), f"watch {plural}")
        self.base.self_report.leading()

    def see(self, kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        """Take in what a watch shows."""
        self.parts.intake.see(kind, event, body)

    async def stop(self) -> None:
        """Write what waits, then end everything that works. The Lease is still held."""
        parts = self._parts
        if parts is None:
            return
        await parts.tasks.close()
        parts.reapplier.close()
        # In this order: a reconcile under way may still begin to read an agent.
        await parts.queue.close()
        await parts.collector.close()
        await parts.sources.close()
        await parts.diagnoses.close()
        await parts.reporter.close(seconds=LAST_WRITES)
        with self.base.faults.guard(Where.NOTIFY):
            await parts.notifier.close(seconds=LAST_NOTIFICATIONS)
        await parts.client.close()

    async def close(self) -> None:
        """Release the Lease, now that nothing is written any more, and close the ports."""
        if self._parts is not None:
            await self._parts.tasks.close()
        await self.base.tasks.close()
        await self.base.candidacy.release()
        for server in self._servers.values():
            await server.stop(grace=LAST_ANSWERS)

    async def tick(self) -> None:
        """Note once a second that this process has its turns, and what the clock does. Never returns."""
        while True:
            now = time.monotonic()
            self.base.health.tick(now)
            with self.base.faults.guard(Where.LOOP):
                self.base.attention.tick(now, every=TICK_SECONDS)
            self.base.clock()  # notices a step though nothing happens
            await asyncio.sleep(TICK_SECONDS)

    def stray(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Note an exception of a timer or a callback that nobody caught: the event loop's handler."""
        error = context.get("exception")
        if isinstance(error, Exception):
            self.base.faults.note(Where.LOOP, error)
        else:
            loop.default_exception_handler(context)

    def _gauge(self) -> None:
        if self._parts is not None:
            self.base.self_report.gauge(self.base.store, self._parts.collector)
