"""The yardstick: the same writes by a client that does nothing else, ten requests in flight."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.kube.kinds import EVENT, Kind
from ipsecping_operator.observe.kinds import APPLIED, CHECK
from ipsecping_operator.report.events import Notice, event

from . import fleet
from .stand import NAMESPACE, PLAIN

IN_FLIGHT = 10
Object = dict[str, Any]
_APPLY = "application/apply-patch+yaml"
_KINDS = {**APPLIED, CHECK.name: CHECK}


class PlainClient:
    """Server-side apply and create, over connections that are kept."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def apply(self, body: Mapping[str, Any], *, subresource: str | None = None) -> Object:
        """The object as stored."""
        kind: Kind = _KINDS[body["kind"]]
        path = kind.path(NAMESPACE, body["metadata"]["name"], subresource)
        return await self._send("PATCH", f"{path}?fieldManager={PLAIN}&force=true", body, _APPLY)

    async def post(self, kind: Kind, body: Mapping[str, Any]) -> Object:
        """Create an object."""
        return await self._send("POST", kind.path(NAMESPACE), body, "application/json")

    async def patch_status(self, kind: Kind, name: str, status: Mapping[str, Any]) -> None:
        """Merge a status, as controllers and kubelets do."""
        body = {"status": status}
        path = kind.path(NAMESPACE, name, "status")
        await self._send("PATCH", path, body, "application/strategic-merge-patch+json")

    async def _send(self, method: str, path: str, body: Mapping[str, Any], kind: str) -> Object:
        headers = {"Content-Type": kind}
        async with self._session.request(
            method, self._url + path, data=json.dumps(body), headers=headers
        ) as answer:
            content: Object = await answer.json()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {content.get('message')}")
            return content


@asynccontextmanager
async def plain_client(api: ApiServer, user: str = PLAIN) -> AsyncIterator[PlainClient]:
    """A client with the credentials of this user."""
    connector = aiohttp.TCPConnector(ssl=api.tls_of(user), limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as session:
        yield PlainClient(session, api.url)


async def in_flight(send: Callable[[Object], Any], bodies: Iterable[Object]) -> list[Object]:
    """Send all, ten at a time, in order; the answers."""
    waiting = iter(list(bodies))
    answers: list[Object] = []

    async def work() -> None:
        answers.extend([await send(body) for body in waiting])

    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return answers


async def yardstick(api: ApiServer, checks: int) -> dict[str, float]:
    """Seconds that each kind of the fleet's writes takes, one kind after another."""
    taken: dict[str, float] = {}
    async with plain_client(api) as client:

        async def timed(what: str, send: Callable[[Object], Any], bodies: Iterable[Object]) -> list[Object]:
            ready = list(bodies)
            started = time.monotonic()
            answers = await in_flight(send, ready)
            taken[what] = time.monotonic() - started
            return answers

        async def write_status(body: Object) -> Object:
            return await client.apply(body, subresource="status")

        async def post_event(body: Object) -> Object:
            return await client.post(EVENT, body)

        stored = await timed("checks", client.apply, (fleet.check(number) for number in range(checks)))
        await timed("children", client.apply, (child for check in stored for child in fleet.children(check)))
        await timed("statuses", write_status, map(_status, stored))
        await timed("events", post_event, map(_event, stored))
    return taken


def same_writes(plain: Mapping[str, float]) -> float:
    """Seconds that the yardstick took for what the bench applies and the operator makes of it."""
    return plain["checks"] + plain["children"]


def _status(stored: Mapping[str, Any]) -> Object:
    meta = {key: stored["metadata"][key] for key in ("name", "namespace", "uid")}
    head = {"apiVersion": stored["apiVersion"], "kind": stored["kind"], "metadata": meta}
    return head | {"status": fleet.status(stored)}


def _event(stored: Mapping[str, Any]) -> Object:
    notice = Notice(type="Normal", reason="Reconciled", action="ReadyChanged", note="an agent runs " * 4)
    return event(notice, stored["metadata"], name=f"plain.{uuid.uuid4().hex[:16]}", at=datetime.now(UTC))
