"""Following what targets are looked up in: one watch for each source, for as long as a check names it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from ipsecping_operator.compile import CompiledCheck, TargetSource
from ipsecping_operator.endpoints import sources
from ipsecping_operator.endpoints.sources import NotKnown, Sources
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, Forbidden, Unreachable
from ipsecping_operator.kube.kinds import Kind

from .builders import check
from .virtual_time import run

DB, WEB = TargetSource(service="db"), TargetSource(pod_labels=(("app", "web"), ("tier", "a")))


class Api(KubeClient):
    """Holds objects of one kind; a watch shows `changes` and ends after five minutes."""

    def __init__(self) -> None:
        self.held: list[Any] = []
        self.fails: ApiError | None = None
        self.unwatched: ApiError | None = None
        """Why there is no watch."""
        self.asked: list[str] = []
        self.watching = 0
        self.changes: asyncio.Queue[Any] = asyncio.Queue()

    async def pages(
        self, kind: Kind, namespace: str | None, *, selector: str | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        self.asked.append(f"{kind.plural} of {namespace}: {selector}")
        if self.fails is not None:
            raise self.fails
        yield {"items": list(self.held), "metadata": {"resourceVersion": "3"}}

    async def watch(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        selector: str | None = None,
        since: str,
        granted: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        if self.unwatched is not None:
            raise self.unwatched
        granted()
        self.watching += 1
        try:
            async with asyncio.timeout(300):
                while True:
                    change = await self.changes.get()
                    if isinstance(change, ApiError):
                        raise change
                    yield change
        except TimeoutError:
            return
        finally:
            self.watching -= 1


def slice_of(*addresses: str, uid: str = "s-1") -> dict[str, Any]:
    endpoints = [{"addresses": [each], "conditions": {"ready": True}} for each in addresses]
    return {"metadata": {"uid": uid, "resourceVersion": "4"}, "endpoints": endpoints}


def asking(source: TargetSource = DB, *, uid: str = "c-1") -> CompiledCheck:
    made = check()
    return replace(made, uid=uid, paths=(replace(made.paths[0], target_from=source),))


def known(of: Sources, source: TargetSource = DB) -> list[str]:
    return [each.addresses[0] for each in of.found("network", source).endpoints]


def test_what_is_there_is_known_after_the_list_and_changes_follow() -> None:
    async def scenario() -> None:
        api, told = Api(), list[str]()
        api.held = [slice_of("10.0.0.1", "10.0.0.2"), slice_of("10.0.0.3", uid="s-2")]
        followed = Sources(api, changed=told.append)
        followed.follow(asking())
        with pytest.raises(NotKnown, match=r"^$"):
            known(followed)
        await asyncio.sleep(0.1)
        assert known(followed) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
        assert told == ["c-1"]
        # A rollout changes much within a moment: it is told once.
        for number in range(5):
            api.changes.put_nowait({"type": "MODIFIED", "object": slice_of(f"10.0.1.{number}")})
        api.changes.put_nowait({"type": "DELETED", "object": slice_of("10.0.0.3", uid="s-2")})
        await asyncio.sleep(0.5)
        assert told == ["c-1"]
        await asyncio.sleep(1)
        assert (known(followed), told) == (["10.0.1.4"], ["c-1", "c-1"])
        assert api.asked == ["endpointslices of network: kubernetes.io/service-name=db"]
        # What the watch has missed is found by the next list.
        api.held = []
        await asyncio.sleep(302)
        assert (known(followed), told) == ([], ["c-1"] * 3)
        await followed.close()
        assert api.watching == 0

    run(scenario())


def test_checks_share_a_watch_and_the_last_one_ends_it() -> None:
    async def scenario() -> None:
        api = Api()
        followed = Sources(api, changed=lambda uid: None)
        for uid in ("c-1", "c-2"):
            followed.follow(asking(uid=uid))
        await asyncio.sleep(0.1)
        assert (api.watching, len(api.asked)) == (1, 1)
        followed.follow(asking(WEB, uid="c-1"))
        await asyncio.sleep(0.1)
        assert (api.watching, api.asked[1]) == (2, "pods of network: app=web,tier=a")
        followed.forget("c-2")
        await asyncio.sleep(0.1)
        assert api.watching == 1
        followed.forget("c-1")
        await asyncio.sleep(0.1)
        assert api.watching == 0

    run(scenario())


def test_why_a_source_cannot_be_read_is_told_and_when_it_can_be_again() -> None:
    async def scenario() -> None:
        api, told = Api(), list[str]()
        api.fails = Forbidden("may not list endpointslices")
        followed = Sources(api, changed=told.append)
        followed.follow(asking())
        await asyncio.sleep(30)
        with pytest.raises(NotKnown, match="may not list endpointslices"):
            known(followed)
        assert told == ["c-1"], "and that once"
        api.fails, api.held = None, [slice_of("10.0.0.1")]
        await asyncio.sleep(30)
        assert (known(followed), told) == (["10.0.0.1"], ["c-1"] * 2)
        # The API is away: what is known stays. The right is taken: that is told.
        api.fails = Unreachable("no route")
        await asyncio.sleep(600)
        assert known(followed) == ["10.0.0.1"]
        api.fails = Forbidden("no more")
        await asyncio.sleep(600)
        with pytest.raises(NotKnown, match="no more"):
            known(followed)
        await followed.close()

    run(scenario())


def test_what_may_be_listed_and_not_watched_is_not_known_at_any_time() -> None:
    async def scenario() -> None:
        api, seen = Api(), list[str]()

        def changed(_: str) -> None:
            try:
                seen.append(", ".join(known(followed)))
            except NotKnown as problem:
                seen.append(str(problem))

        api.held, api.unwatched = [slice_of("10.0.0.1")], Forbidden("may not watch endpointslices")
        followed = Sources(api, changed=changed)
        followed.follow(asking())
        await asyncio.sleep(600)
        assert seen == ["403 Forbidden: may not watch endpointslices"]
        api.unwatched = None
        await asyncio.sleep(30)
        assert seen[1:] == ["10.0.0.1"], "at once, not after the next list"
        # The right to watch is taken later, and given back.
        api.unwatched = Forbidden("no more")
        await asyncio.sleep(600)
        api.unwatched = None
        await asyncio.sleep(30)
        assert seen[2:] == ["403 Forbidden: no more", "10.0.0.1"]
        # No list is read anew for a watch that broke and was refused for a while.
        lists = len(api.asked)
        api.unwatched = Forbidden("for a moment")
        api.changes.put_nowait(Unreachable("broken"))
        await asyncio.sleep(20)
        api.unwatched = None
        await asyncio.sleep(20)
        assert seen[4:] == ["403 Forbidden: for a moment", "10.0.0.1"]
        assert len(api.asked) == lists
        await followed.close()

    run(scenario())


def test_no_more_sources_are_followed_than_the_api_should_bear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST", 2)

    async def scenario() -> None:
        followed = Sources(Api(), changed=lambda uid: None)
        for number in range(3):
            followed.follow(asking(TargetSource(service=f"s{number}"), uid=f"c-{number}"))
        await asyncio.sleep(0.1)
        assert known(followed, TargetSource(service="s1")) == []
        with pytest.raises(NotKnown, match="already follows 2 others"):
            known(followed, TargetSource(service="s2"))
        followed.forget("c-0")
        followed.follow(asking(TargetSource(service="s2"), uid="c-2"))
        await asyncio.sleep(0.1)
        assert known(followed, TargetSource(service="s2")) == []
        await followed.close()

    run(scenario())


def test_no_namespace_takes_the_watches_of_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_OF_NAMESPACE", 2)

    async def scenario() -> None:
        followed = Sources(Api(), changed=lambda uid: None)
        for number in range(3):
            followed.follow(asking(TargetSource(service=f"s{number}"), uid=f"c-{number}"))
        elsewhere = replace(asking(uid="c-9"), namespace="shop")
        followed.follow(elsewhere)
        await asyncio.sleep(0.1)
        with pytest.raises(NotKnown, match="already follows 2 others of the namespace"):
            known(followed, TargetSource(service="s2"))
        assert followed.found("shop", DB).endpoints == ()
        await followed.close()

    run(scenario())


def test_of_a_source_without_end_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_ENDPOINTS", 3)

    async def scenario() -> None:
        api, told = Api(), list[str]()
        api.held = [slice_of("10.0.0.1", "10.0.0.2"), slice_of("10.0.0.3", "10.0.0.4", uid="s-2")]
        followed = Sources(api, changed=told.append)
        followed.follow(asking())
        await asyncio.sleep(0.1)
        assert known(followed) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
        assert followed.found("network", DB).more
        # A slice that shrinks makes room, and the next list fills it.
        api.held[0] = slice_of("10.0.0.1")
        api.changes.put_nowait({"type": "MODIFIED", "object": api.held[0]})
        await asyncio.sleep(2)
        assert sorted(known(followed)) == ["10.0.0.1", "10.0.0.3"]
        await asyncio.sleep(302)
        assert sorted(known(followed)) == ["10.0.0.1", "10.0.0.3", "10.0.0.4"]
        assert not followed.found("network", DB).more
        assert told == ["c-1"] * 3
        await followed.close()

    run(scenario())


def test_what_changes_all_the_time_is_told_less_and_less_often() -> None:
    async def scenario() -> None:
        api, told = Api(), list[float]()
        followed = Sources(api, changed=lambda uid: told.append(asyncio.get_running_loop().time()))
        followed.follow(asking())
        await asyncio.sleep(0.1)
        for number in range(280):
            api.changes.put_nowait({"type": "MODIFIED", "object": slice_of(f"10.0.1.{number % 250}")})
            await asyncio.sleep(1)
        gaps = [later - earlier for earlier, later in pairwise(told)]
        assert len(gaps) < 12
        assert max(gaps) < 62
        assert known(followed) == ["10.0.1.29"]
        # After a quiet time a change is told at once again.
        await asyncio.sleep(150)
        api.changes.put_nowait({"type": "MODIFIED", "object": slice_of("10.0.2.1")})
        before = len(told)
        await asyncio.sleep(1.5)
        assert len(told) == before + 1
        await followed.close()

    run(scenario())
