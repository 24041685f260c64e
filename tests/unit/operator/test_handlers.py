"""How Kopf is used."""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ipsecping_operator.app.handlers import seeing
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.observe.kinds import CHECK

cause: ContextVar[object] = ContextVar("cause")


class Watching:
    """Starts work that outlives the event."""

    def __init__(self) -> None:
        self.kept: list[object] = []

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def login(self) -> Any: ...

    def see(self, kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        assert (kind, event, body["metadata"]["name"]) == (CHECK, "ADDED", "hq")
        asyncio.get_running_loop().call_soon(lambda: self.kept.append(cause.get(None)))


def test_what_an_event_sets_off_does_not_keep_the_event() -> None:
    watching = Watching()

    async def scenario() -> None:
        cause.set({"all": "of the object"})
        await seeing(watching, CHECK)(type="ADDED", body={"metadata": {"name": "hq"}}, patch={})
        await asyncio.sleep(0)

    asyncio.run(scenario())
    assert watching.kept == [None]
