"""Follow what targets are looked up in: one watch for each Service or selector that checks name."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from ipsecping_operator.compile import CompiledCheck, TargetSource
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, Refused
from ipsecping_operator.kube.kinds import ENDPOINT_SLICE, POD, Kind
from ipsecping_operator.kube.watch import Follower

from .reading import Endpoint, read_pod, read_slice

MOST = 256
"""Watches at a time: each is a connection to the API."""
QUIET_SECONDS = 1.0
"""From a change until checks are told: a rollout changes many endpoints in a row."""
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
    listed: bool = False
    problem: str = ""
    telling: asyncio.TimerHandle | None = None


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
            if key not in self._followed and len(self._followed) >= MOST:
                continue
            self._followed.setdefault(key, _Followed()).checks.add(check.uid)
            self._begin(key)

    def forget(self, uid: str) -> None:
        """Follow nothing for this check any more."""
        self._leave(uid, keeping=set())

    def endpoints(self, namespace: str, source: TargetSource) -> list[Endpoint]:
        """All ready endpoints of a source that is followed. Raises NotKnown."""
        known = self._followed.get((namespace, source))
        if known is None:
            raise NotKnown(f"the operator already follows {MOST} others, which is the most")
        if known.problem or not known.listed:
            raise NotKnown(known.problem)
        return [each for endpoints in known.endpoints.values() for each in endpoints]

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
            uid, before = body["metadata"]["uid"], known.endpoints.get(body["metadata"]["uid"], ())
            found = () if event == "DELETED" else read(body)
            if found:
                known.endpoints[uid] = found
            else:
                known.endpoints.pop(uid, None)
            if found != before and known.listed:
                self._tell_soon(known)

        def listed(uids: Set[str]) -> None:
            gone = known.endpoints.keys() - uids
            for uid in gone:
                del known.endpoints[uid]
            if gone or not known.listed or known.problem:
                known.listed, known.problem = True, ""
                self._tell(known)

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
        if known.telling is None:
            known.telling = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._tell, known)

    def _tell(self, known: _Followed) -> None:
        known.telling = None
        for uid in sorted(known.checks):
            self._changed(uid)


def _selected(source: TargetSource) -> tuple[Kind, str]:
    if source.service:
        return ENDPOINT_SLICE, f"{SERVICE_LABEL}={source.service}"
    return POD, ",".join(f"{key}={value}" for key, value in source.pod_labels)
