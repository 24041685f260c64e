"""Objects of one kind, followed by a watch: what a patient onlooker sees of the cluster."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import aiohttp

from ipsecping_operator.kube.kinds import Kind

from .stand import NAMESPACE

Object = dict[str, Any]
Changed = Callable[[Object, bool], None]
"""Told of each object as it changes, and whether it has gone."""
PAGE = 500
_META = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


class Mirror:
    """`objects` by UID; `last_new` is when the newest of them was first seen (monotonic seconds)."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        kind: Kind,
        *,
        selector: str = "",
        metadata_only: bool = False,
        changed: Changed = lambda stored, gone: None,
    ) -> None:
        self._session = session
        self._url = url + kind.path(NAMESPACE)
        self._selector = selector
        self._metadata_only = metadata_only
        self._changed = changed
        self.objects: dict[str, Object] = {}
        self.last_new = 0.0

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                version = await self._list()
                async for line in self._watch(version):
                    if line["type"] == "ERROR":
                        break
                    self._take(line["object"], gone=line["type"] == "DELETED")
            await asyncio.sleep(0.2)

    async def list_all(self) -> list[Object]:
        """All objects as they are now, apart from the watch."""
        return [item async for page in self._pages() for item in page["items"]]

    async def _list(self) -> str:
        found: dict[str, Object] = {}
        async for page in self._pages():
            found |= {item["metadata"]["uid"]: item for item in page["items"]}
            version: str = page["metadata"]["resourceVersion"]
        for uid in self.objects.keys() - found.keys():
            self._take(self.objects[uid], gone=True)
        for item in found.values():
            self._take(item, gone=False)
        return version

    async def _pages(self) -> AsyncIterator[Object]:
        query = {"limit": str(PAGE), "labelSelector": self._selector}
        while True:
            async with self._session.get(self._url, params=query, headers=self._accept("List")) as answer:
                answer.raise_for_status()
                page: Object = await answer.json(content_type=None)
            # An empty list of metadata has null in its place.
            page["items"] = page["items"] or []
            yield page
            following = page["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    async def _watch(self, version: str) -> AsyncIterator[Object]:
        query = {"watch": "1", "resourceVersion": version, "labelSelector": self._selector}
        forever = aiohttp.ClientTimeout(total=None)
        async with self._session.get(
            self._url, params=query, headers=self._accept(""), timeout=forever
        ) as answer:
            answer.raise_for_status()
            held = bytearray()
            async for data in answer.content.iter_any():
                held += data
                *lines, held = held.split(b"\n")
                for line in lines:
                    yield json.loads(line)

    def _take(self, stored: Object, *, gone: bool) -> None:
        uid = stored["metadata"]["uid"]
        if gone:
            self.objects.pop(uid, None)
        else:
            if uid not in self.objects:
                self.last_new = time.monotonic()
            self.objects[uid] = stored
        self._changed(stored, gone)

    def _accept(self, suffix: str) -> dict[str, str]:
        return {"Accept": _META.format(suffix) if self._metadata_only else "application/json"}
