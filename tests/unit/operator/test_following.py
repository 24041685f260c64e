"""Following a kind: everything there is, every change of it, and on after whatever goes wrong."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import Expired, Unreachable
from ipsecping_operator.kube.kinds import POD, Kind
from ipsecping_operator.kube.watch import Follower

from .virtual_time import run


class Api(KubeClient):
    """Answers lists with what it holds, each watch with the next of `watches`: changes, then how it ends."""

    def __init__(self, *watches: list[Any]) -> None:
        self.held = [stored("a", 1), stored("b", 2), stored("c", 3)]
        self.watches: Iterator[list[Any]] = iter(watches)
        self.asked: list[str] = []

    async def pages(
        self, kind: Kind, namespace: str | None, *, selector: str | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        self.asked.append("list")
        for items in (self.held[:2], self.held[2:]):
            yield {"items": items, "metadata": {"resourceVersion": "3"}}

    async def watch(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        selector: str | None = None,
        since: str,
        granted: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        self.asked.append(f"watch since {since}")
        for step in next(self.watches, [None]):
            if step is None:
                await asyncio.sleep(10_000)
            elif isinstance(step, Exception):
                raise step
            else:
                yield step


def stored(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


def change(kind: str, name: str, version: int) -> dict[str, Any]:
    return {"type": kind, "object": stored(name, version)}


def follow(api: Api, *, seconds: float = 1000) -> list[tuple[str | None, str]]:
    """What is shown in this time."""
    shown: list[tuple[str | None, str]] = []

    def show(kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        shown.append((event, body["metadata"]["name"]))

    async def scenario() -> None:
        follower = asyncio.create_task(
            Follower(POD, None, selector="x=y", client=api, show=show).run(), name="follow"
        )
        await asyncio.sleep(seconds)
        assert not follower.done()
        follower.cancel()

    run(scenario())
    return shown


LISTED = [(None, "a"), (None, "b"), (None, "c")]


def test_what_is_there_is_shown_before_what_changes() -> None:
    api = Api([change("MODIFIED", "a", 4), change("DELETED", "b", 5), None])
    assert follow(api) == [*LISTED, ("MODIFIED", "a"), ("DELETED", "b")]


def test_a_watch_that_ends_is_taken_up_where_it_ended() -> None:
    api = Api([change("ADDED", "d", 7)], [change("BOOKMARK", "", 9)], [None])
    assert follow(api) == [*LISTED, ("ADDED", "d")]
    assert api.asked == ["list", "watch since 3", "watch since 7", "watch since 9"]


def test_an_outage_of_any_length_is_waited_out_without_a_new_list() -> None:
    outage = [[Unreachable("no route")]] * 50
    api = Api(*outage, [change("ADDED", "d", 7), None])
    assert follow(api) == [*LISTED, ("ADDED", "d")]
    assert api.asked.count("list") == 1


def test_what_the_api_has_forgotten_is_listed_again() -> None:
    api = Api([Expired("too old")], [None])
    assert follow(api) == [*LISTED, *LISTED]


def test_a_watch_that_ends_at_once_again_and_again_does_not_keep_the_machine_busy() -> None:
    api = Api(*[[]] * 10_000)
    follow(api, seconds=60)
    assert len(api.asked) < 200


def test_a_change_that_nobody_can_read_does_not_end_the_watching() -> None:
    api = Api([{"type": "ADDED", "object": {}}], [change("ADDED", "d", 7), None])
    assert follow(api) == [*LISTED, *LISTED, ("ADDED", "d")]
