"""The API server as a controller talks to it: plain JSON, no client library, no faults in between."""

import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class Refused(Exception):
    """The API server answered with this status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


FAULTS = (Refused, aiohttp.ClientError, TimeoutError, OSError)
"""What a request may meet while the API server is being restarted."""


class Api:
    """One connection pool; belongs to the event loop that made it."""

    def __init__(self, url: str, tls: ssl.SSLContext) -> None:
        self._url = url
        connector = aiohttp.TCPConnector(ssl=tls, limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=30, sock_connect=5)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def __call__(
        self, method: str, path: str, body: Object | None = None, *, kind: str = MERGE, **query: str
    ) -> Object:
        """One request; the decoded answer. Raises `FAULTS`."""
        headers = {"Content-Type": kind if method == "PATCH" else "application/json"}
        data = None if body is None else json.dumps(body)
        async with self._session.request(
            method, f"{self._url}{path}", data=data, params=query, headers=headers
        ) as answer:
            content: Object = await answer.json()
            if answer.status >= 300:
                raise Refused(answer.status, str(content.get("message")))
            return content

    async def items(self, path: str) -> list[Object]:
        """All objects of a collection."""
        found: list[Object] = (await self("GET", path))["items"]
        return found

    async def watch(self, path: str, version: str) -> AsyncIterator[Object]:
        """The events after a resource version, until the server ends the watch. Raises `FAULTS`."""
        query = {"watch": "1", "resourceVersion": version}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with self._session.get(f"{self._url}{path}", params=query, timeout=timeout) as answer:
            async for line in answer.content:
                yield json.loads(line)
