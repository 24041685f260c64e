"""Follow what targets are looked up in: one watch for each Service or selector that checks name."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ipsecping_operator.backoff import Backoff
from ipsecping_operator.compile import CompiledCheck, TargetSource
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, Refused
from ipsecping_operator.kube.kinds import ENDPOINT_SLICE, POD, Kind
from ipsecping_operator.kube.watch import Follower

from .reading import Endpoint, Found, read_pod, read_slice

MOST, MOST_OF_NAMESPACE = 256, 64
"""Watches at a time: each is a connection to the API, and no namespace shall have those of all others."""
MOST_ENDPOINTS = 2048
"""Of one source that are kept."""
QUIET = Backoff(first=1.0, longest=60.0, spread=0.0)
"""From a change until checks are told: a rollout changes many endpoints in a row. While they go on changing
it is told less and less often, for each time all plans are written anew and all their pods are told."""
SERVICE_LABEL = "kubernetes.io/service-name"
"""By which EndpointSlices name their Service."""

_log = logging.getLogger(__name__)
Key = tuple[str, TargetSource]
"""Namespace, and what is followed there."""


class NotKnown(Exception):
    """What a source holds is not known, for the reason in the message; empty while it is being asked for."""


@dataclass(slots=True)
class _Followed:
    """What is known of one source."""

    task: asyncio.Task[None] | None = None
    checks: set[str] = field(default_factory=set)
    """UIDs of the checks that ask for it."""
    endpoints: dict[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    """By the UID of the object that tells of them."""
    count: int = 0
    """Of all of them."""
    more: bool = False
    """Some were left out since the last list."""
    left_out: bool = False
    """The same up to now of a list that goes on."""
    found: Found | None = None
    """What is told of all this, once it was asked for; None after a change."""
    listed: bool = False
    problem: str = ""
    telling: asyncio.TimerHandle | None = None
    told: int = 0
    """How often checks were told without a quiet time between."""
    told_at: float = -inf
    """When they were last, in the event loop's time."""

    def put(self, uid: str, endpoints: tuple[Endpoint, ...]) -> bool:
        """Take up what an object tells, so far as there is room. Returns whether anything has changed."""
        before = self.endpoints.pop(uid, ())
        room = MOST_ENDPOINTS - self.count + len(before)
        kept = endpoints[:room]
        if kept:
            self.endpoints[uid] = kept
        self.count += len(kept) - len(before)
        if len(kept) < len(endpoints):
            self.more = self.left_out = True
        if kept == before:
            return False
        self.found = None
        return True


class Sources:
    """Follows the sources that checks ask for, for as long as any does."""

    def __init__(self, client: KubeClient, *, changed: Callable[[str], None]) -> None:
        """`changed(uid)` is told of a check whose sources have changed, or can or cannot be read now."""
        self._client = client
        self._changed = changed
        self._followed: dict[Key, _Followed] = {}

    def follow(self, check: CompiledCheck) -> None:
        """Follow the check's sources, and no others for it."""
        wanted = {(check.namespace, path.target_from) for path in check.paths if path.target_from is not None}
        self._leave(check.uid, keeping=wanted)
        for key in wanted:
            if key not in self._followed and self._full(check.namespace):
                continue
            self._followed.setdefault(key, _Followed()).checks.add(check.uid)
            self._begin(key)

    def forget(self, uid: str) -> None:
        """Follow nothing for this check any more."""
        self._leave(uid, keeping=set())

    def found(self, namespace: str, source: TargetSource) -> Found:
        """All ready endpoints of a source that is followed. Raises NotKnown."""
        known = self._followed.get((namespace, source))
        if known is None:
            raise NotKnown(
                self._full(namespace)
                or "the operator has just had too many others to follow, and tries again"
            )
        if known.problem or not known.listed:
            raise NotKnown(known.problem)
        if known.found is None:
            every = (each for endpoints in known.endpoints.values() for each in endpoints)
            known.found = Found(every, more=known.more)
        return known.found

    def _full(self, namespace: str) -> str:
        """Why no further source of the namespace can be followed; empty: it can."""
        if len(self._followed) >= MOST:
            return f"the operator already follows {MOST} others, which is the most"
        if sum(of == namespace for of, _ in self._followed) >= MOST_OF_NAMESPACE:
            return (
                f"the operator already follows {MOST_OF_NAMESPACE} others of the namespace, which is the most"
            )
        return ""

    async def close(self) -> None:
        """Follow nothing any more."""
        tasks = [each.task for each in self._followed.values() if each.task is not None]
        for key in list(self._followed):
            self._drop(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _leave(self, uid: str, *, keeping: Set[Key]) -> None:
        for key, known in list(self._followed.items()):
            if key not in keeping and uid in known.checks:
                known.checks.discard(uid)
                if not known.checks:
                    self._drop(key)

    def _drop(self, key: Key) -> None:
        known = self._followed.pop(key)
        if known.task is not None:
            known.task.cancel()
        if known.telling is not None:
            known.telling.cancel()

    def _begin(self, key: Key) -> None:
        known, (namespace, source) = self._followed[key], key
        if known.task is not None and not known.task.done():
            return
        kind, selector = _selected(source)
        read = read_pod if kind is POD else read_slice

        def show(_: Kind, event: str | None, body: Mapping[str, Any]) -> None:
            found = () if event == "DELETED" else read(body)
            if known.put(body["metadata"]["uid"], found) and known.listed:
                self._tell_soon(known)

        def listed(uids: Set[str] | None) -> None:
            gone = set[str]() if uids is None else known.endpoints.keys() - uids
            for uid in gone:
                known.put(uid, ())
            if uids is not None:
                if known.more is not known.left_out:
                    known.more, known.found = known.left_out, None
                known.left_out = False
            if not known.listed or known.problem:
                known.listed, known.problem = True, ""
                self._tell(known)
            elif gone:
                self._tell_soon(known)

        def failed(error: ApiError) -> None:
            # An API that is away for a while takes nothing from what is known.
            if (isinstance(error, Refused) or not known.listed) and known.problem != str(error):
                known.problem = str(error)
                self._tell(known)

        follower = Follower(
            kind, namespace, selector=selector, client=self._client, show=show, listed=listed, failed=failed
        )
        known.task = asyncio.create_task(follower.run(), name=f"follow {source} in {namespace}")

    def _tell_soon(self, known: _Followed) -> None:
        if known.telling is not None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() - known.told_at > QUIET.longest:
            known.told = 0
        known.told += 1
        known.telling = loop.call_later(QUIET.pause(known.told), self._tell, known)

    def _tell(self, known: _Followed) -> None:
        if known.telling is not None:
            known.telling.cancel()
        known.telling, known.told_at = None, asyncio.get_running_loop().time()
        for uid in sorted(known.checks):
            self._changed(uid)


def _selected(source: TargetSource) -> tuple[Kind, str]:
    if source.service:
        return ENDPOINT_SLICE, f"{SERVICE_LABEL}={source.service}"
    return POD, ",".join(f"{key}={value}" for key, value in source.pod_labels)
