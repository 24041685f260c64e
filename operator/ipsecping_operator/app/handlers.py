"""What Kopf is to watch, and how. Handlers only delegate."""

from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any, Protocol, cast

import kopf

from ipsecping_operator.backoff import Backoff
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.observe.kinds import CHECK


class Watcher(Protocol):
    """What is called when Kopf begins, sees an event of a check, and ends."""

    async def start(self) -> None:
        """Get ready: called before the first event."""

    async def stop(self) -> None:
        """End: called after the last event."""

    async def login(self) -> kopf.AiohttpSession:
        """Return credentials, fresh ones each time."""

    def see(self, kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        """Take in an event: ADDED, MODIFIED, DELETED, or None for an object of a watch's first list."""


def registry(watcher: Watcher) -> kopf.OperatorRegistry:
    """Build the registry of handlers, which call `watcher`."""
    made = kopf.OperatorRegistry()
    kopf.on.startup(id="start", registry=made)(_calling(watcher.start))
    kopf.on.cleanup(id="stop", registry=made)(_calling(watcher.stop))

    @kopf.on.login(registry=made)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return await watcher.login()

    kopf.on.event(CHECK.group, CHECK.version, CHECK.plural, registry=made)(seeing(watcher, CHECK))
    return made


class NoDiffs(kopf.DiffBaseStorage):
    """Keeps Kopf from copying and comparing objects, half of its work: no handler asks what has changed."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Return nothing to compare."""
        return cast("kopf.BodyEssence", {})

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        """Return nothing: nothing was stored."""
        return None

    def store(self, **_: Any) -> None:
        """Store nothing."""


def settings() -> kopf.OperatorSettings:
    """Build Kopf's settings: watches that notice a dead connection, and nothing written to any object."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.peering.standalone = True
    # Neither namespaces nor CRDs are watched: that would need rights that nothing else needs.
    made.scanning.disabled = True
    made.watching.server_timeout = 300
    made.watching.client_timeout = 310
    made.watching.connect_timeout = 10
    made.watching.chunk_size = 100
    # A worker keeps the last object it saw for so long.
    made.queueing.idle_timeout = 0.5
    made.persistence.diffbase_storage = NoDiffs()
    made.networking.request_timeout = 60
    made.networking.connect_timeout = 10
    # Without end: an API outage of any length is waited out.
    made.networking.error_backoffs = Backoff(first=0.5, longest=10.0)
    made.process.ultimate_exiting_timeout = 30
    return made


def _calling(method: Callable[[], Any]) -> Callable[..., Any]:
    async def call(**_: Any) -> None:
        await method()

    return call


def seeing(watcher: Watcher, kind: Kind) -> Callable[..., Any]:
    """Make a handler of events of this kind that calls `watcher.see`."""
    # Tasks and timers keep the context that they were made in, and in Kopf's stands the whole object.
    context = Context()

    async def see(type: str | None, body: Mapping[str, Any], **_: Any) -> None:  # noqa: A002 - Kopf's name
        context.run(watcher.see, kind, type, body)

    return see
