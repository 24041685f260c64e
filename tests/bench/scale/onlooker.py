"""What is to be seen of the fleet from outside, and whether it is true."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.children import CHILD_SELECTOR
from ipsecping_operator.kube.kinds import CONFIG_MAP, CRON_JOB, DEPLOYMENT, EVENT, POD
from ipsecping_operator.observe.kinds import CHECK

from .agents import Agents, Truth
from .mirror import Mirror, Object
from .plain import PlainClient

SECOND = 1_000_000_000
Told = Counter[tuple[str, str, str]]
"""Events by check, reason and text."""


@dataclass(slots=True)
class Snapshot:
    """What a restart of the operator must leave as it is."""

    children: dict[str, int]
    """UID to generation; for a ConfigMap, which has none, the resource version."""
    events: Told


class Onlooker:
    """Follows everything; runs the fleet's agents. An async context manager."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    async def __aenter__(self) -> "Onlooker":
        self._stack = AsyncExitStack()
        connector = aiohttp.TCPConnector(ssl=self._api.tls_of("admin"), limit=0)
        session = await self._stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        self.agents = Agents(PlainClient(session, self._api.url))
        self._stack.push_async_callback(self.agents.close)
        url, ours = self._api.url, CHILD_SELECTOR
        self.checks = Mirror(session, url, CHECK)
        self._plans = Mirror(session, url, CONFIG_MAP, selector=ours, changed=self.agents.plan_changed)
        self._workloads = [
            Mirror(session, url, kind, selector=ours, metadata_only=True) for kind in (DEPLOYMENT, CRON_JOB)
        ]
        self._pods = Mirror(session, url, POD, selector=ours, changed=self.agents.pod_changed)
        self._events = Mirror(session, url, EVENT)
        followed = (self.checks, self._plans, *self._workloads, self._pods)
        self._tasks = [asyncio.create_task(mirror.run()) for mirror in followed]

        async def cancel() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self._stack.push_async_callback(cancel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def check(self) -> None:
        """Raise what went wrong in the background."""
        for task in self._tasks:
            if task.done():
                task.result()

    @property
    def children(self) -> int:
        """How many children there are."""
        return len(self._plans.objects) + sum(len(mirror.objects) for mirror in self._workloads)

    @property
    def last_child(self) -> float:
        """When the newest child was seen first, monotonic seconds."""
        return max(mirror.last_new for mirror in (self._plans, *self._workloads))

    @property
    def pods(self) -> int:
        """How many pods there are, finished ones too."""
        return len(self._pods.objects)

    def count(self, holds: Callable[[Object, Truth | None], bool]) -> int:
        """Of how many checks it holds."""
        truths = self.agents.truths
        return sum(holds(check, truths.get(uid)) for uid, check in self.checks.objects.items())

    async def snapshot(self) -> Snapshot:
        """Children and events as they are now."""
        children = {
            uid: int(child["metadata"].get("generation") or child["metadata"]["resourceVersion"])
            for mirror in (self._plans, *self._workloads)
            for uid, child in mirror.objects.items()
        }
        told = Counter(
            (event["regarding"]["name"], str(event["reason"]), str(event.get("note")))
            for event in await self._events.list_all()
            if event["regarding"]["kind"] == CHECK.name
        )
        return Snapshot(children=children, events=told)


def condition(check: Object, kind: str) -> Mapping[str, Any]:
    """A condition of a check, empty when there is none."""
    conditions = check.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})


def is_true(check: Object, truth: Truth | None, newest: Mapping[str, int]) -> bool:
    """Whether the status tells of the newest result that was held at an instant, and judges it right.

    `newest`: the check's UID to the end of that result. The status has whole seconds.
    """
    if truth is None or check.get("status", {}).get("lastResultTime") is None:
        return False
    told = datetime.fromisoformat(check["status"]["lastResultTime"]).timestamp()
    right = "False" if truth.lossy else "True"
    fresh = told >= newest[check["metadata"]["uid"]] // SECOND
    return fresh and condition(check, "Healthy").get("status") == right
