"""The client against a real HTTP server that is overloaded, lies, or never ends."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import kopf
import pytest
from aiohttp import web

from ipsecping_operator.kube import transport
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import Expired, Malformed, NotFound, NotLeading, Throttled, Unreachable
from ipsecping_operator.kube.kinds import CONFIG_MAP, EVENT, LEASE, POD, Kind
from ipsecping_operator.kube.kopf_session import KopfSession
from ipsecping_operator.kube.transport import IN_FLIGHT, AnswerTooLarge
from ipsecping_operator.kube.watch import Follower

from .api_on_loopback import STORED, Answer, ApiOnLoopback, api, change, put_off, stored

SHORT = 0.2
"""Seconds that are waited at most in most of these tests, whatever the server asks for."""
Outcomes = list[tuple[str, str]]
BODY = {"metadata": {"namespace": "n", "name": "x"}}


def client_of(
    server: ApiOnLoopback, outcomes: Outcomes | None = None, *, longest_wait: float = SHORT, **given: Any
) -> KubeClient:
    def observe(verb: str, code: str) -> None:
        if outcomes is not None:
            outcomes.append((verb, code))

    return KubeClient(server.access, observe=observe, longest_wait=longest_wait, **given)


def at_first(times: int, refusal: Callable[[], web.Response]) -> Answer:
    """Refuse so many requests, grant the rest."""
    refused = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal refused
        refused += 1
        return refusal() if refused <= times else await stored(request)

    return answer


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (429, "1"),
        (429, None),
        (429, "nonsense"),
        (503, "1"),
        (429, "86400"),
        (429, format_datetime(datetime(2030, 1, 1, tzinfo=UTC), usegmt=True)),
    ],
)
async def test_what_the_server_puts_off_is_done_later_and_counted(status: int, asked: str | None) -> None:
    outcomes: Outcomes = []
    async with api(at_first(2, lambda: put_off(asked, status=status))) as server:
        client = client_of(server, outcomes)
        assert await client.apply(BODY, CONFIG_MAP) == STORED
        await client.close()
    assert outcomes == [("apply", str(status))] * 2 + [("apply", "200")]
    first, second, third = server.times
    assert second - first >= SHORT
    assert third - second >= SHORT


async def test_the_seconds_that_the_server_asks_for_are_waited() -> None:
    async with api(at_first(1, lambda: put_off("1"))) as server:
        client = KubeClient(server.access)
        await client.get(POD, "n", "x")
        await client.close()
    assert server.times[1] - server.times[0] >= 1.0


async def test_a_date_is_counted_from_the_servers_own_clock() -> None:
    there = datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)

    def later() -> web.Response:
        until = format_datetime(there + timedelta(seconds=1), usegmt=True)
        return put_off(until, date=format_datetime(there, usegmt=True))

    async with api(at_first(1, later)) as server:
        client = KubeClient(server.access)
        await client.get(POD, "n", "x")
        await client.close()
    assert server.times[1] - server.times[0] >= 1.0


async def test_each_verb_comes_to_its_end_after_being_put_off() -> None:
    """Nothing is lost: writes, lists, the Lease, deletes."""
    refused: set[str] = set()

    async def answer(request: web.Request) -> web.StreamResponse:
        key = f"{request.method} {request.path} {request.query_string}"
        if key not in refused:
            refused.add(key)
            return put_off("1")
        items = {"items": [STORED], "metadata": {"resourceVersion": "7"}}
        return web.json_response(items if request.query.get("limit") else STORED)

    async with api(answer) as server:
        client = client_of(server, longest_wait=0.01)
        lease = {"metadata": {"namespace": "n", "name": "l", "resourceVersion": "1"}}
        await asyncio.gather(
            client.create(EVENT, "n", BODY),
            client.replace(LEASE, lease),
            client.merge(POD, "n", "x", {}),
            client.delete(POD, "n", "x", uid="1"),
            client.apply_status(BODY, CONFIG_MAP),
            client.replace_status({**lease, "status": {}}, LEASE),
        )
        assert [page["items"] async for page in client.pages(POD, None)] == [[STORED]]
        await client.close()
    assert len(server.asked) == 2 * len(refused)


async def test_the_rate_of_requests_is_bounded_while_the_server_is_overloaded() -> None:
    """Forty at a time want something: no more are sent than there are connections, after each pause."""
    busy = True

    async def answer(request: web.Request) -> web.StreamResponse:
        return put_off("1") if busy else await stored(request)

    async with api(answer) as server:
        client = client_of(server)
        tasks = [asyncio.create_task(client.apply(BODY, CONFIG_MAP)) for _ in range(40)]
        await asyncio.sleep(1)
        busy = False
        done = await asyncio.gather(*tasks)
        await client.close()
    assert len(done) == 40
    refused = len(server.asked) - 40
    assert refused <= IN_FLIGHT * (server.times[-1] - server.times[0]) / SHORT + IN_FLIGHT


async def test_other_requests_go_on_while_one_kind_is_put_off() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return put_off("1") if "events" in request.path else await stored(request)

    async with api(answer) as server:
        client = client_of(server, longest_wait=3600)
        posts = [asyncio.create_task(client.create(EVENT, "n", BODY)) for _ in range(20)]
        while not server.asked:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            for _ in range(50):
                await client.apply(BODY, CONFIG_MAP)
        assert not any(post.done() for post in posts)
        for post in posts:
            post.cancel()
        await asyncio.gather(*posts, return_exceptions=True)
        await client.close()


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_stays_overloaded_is_an_error_in_the_end(status: int) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return put_off("1", status=status)

    async with api(answer) as server:
        client = client_of(server, patience=0.5)
        for asking in (client.get(POD, "n", "x"), anext(client.watch(POD, "n", since="1"))):
            with pytest.raises(Throttled, match=f"^{status} .*asks to wait"):
                await asking
        await client.close()


async def test_who_may_write_no_more_sends_nothing_after_a_pause() -> None:
    leading = True

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal leading
        leading = False
        return put_off("1")

    async with api(answer) as server:
        client = client_of(server, may_write=lambda: leading)
        with pytest.raises(NotLeading):
            await client.apply(BODY, CONFIG_MAP)
        await client.close()
    assert len(server.asked) == 1


class Shown:
    """Follows the pods of a server until told to end."""

    def __init__(self) -> None:
        self.seen: list[tuple[str | None, str]] = []

    def show(self, kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        self.seen.append((event, body["metadata"]["resourceVersion"]))

    async def until(self, client: KubeClient, count: int) -> None:
        follower = Follower(POD, None, selector="a=b", client=client, show=self.show)
        task = asyncio.create_task(follower.run(), name="follow")
        async with asyncio.timeout(60):
            while len(self.seen) < count:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_watch_that_is_put_off_goes_on_where_it_was() -> None:
    outcomes: Outcomes = []
    watches: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.query.get("watch") != "true":
            return web.json_response({"items": [STORED], "metadata": {"resourceVersion": "7"}})
        watches.append(request.query["resourceVersion"])
        if len(watches) in (1, 3):
            return put_off("1")
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(change("MODIFIED", 8 + len(watches)))
        return response

    async with api(answer) as server:
        client, shown = client_of(server, outcomes), Shown()
        await shown.until(client, 3)
        await client.close()
    assert shown.seen == [(None, "7"), ("MODIFIED", "10"), ("MODIFIED", "12")]
    assert watches == ["7", "7", "10", "10"]
    assert outcomes.count(("watch", "429")) == 2
    assert [verb for verb, _ in outcomes].count("list") == 1


@pytest.mark.parametrize("asked", ["1", format_datetime(datetime(2050, 1, 1, tzinfo=UTC), usegmt=True)])
async def test_kopf_is_as_patient(asked: str) -> None:
    """By itself it ends with a date, and waits for as long as it is told to."""
    outcomes: Outcomes = []

    def observe(verb: str, code: str) -> None:
        outcomes.append((verb, code))

    async with api(at_first(2, lambda: put_off(asked))) as server:
        made = KopfSession(server.access, observe=observe, longest_wait=SHORT)
        assert isinstance(made, kopf.AiohttpSession)
        url = f"{made.server}/apis?watch=true"
        async with asyncio.timeout(60), made.aiohttp_session as session, session.get(url) as response:
            assert (response.status, await response.json()) == (200, STORED)
    assert outcomes == [("watch", "429")] * 2


async def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may make ConfigMaps may make a hundred of a megabyte."""
    monkeypatch.setattr(transport, "MAX_ANSWER", 100_000)
    limits: list[int] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        begin, limit = int(request.query.get("continue", 0)), int(request.query["limit"])
        limits.append(limit)
        there = range(begin, min(begin + limit, 40))
        items = [{"metadata": {"name": str(each)}, "data": "x" * 10_000} for each in there]
        following = str(begin + limit) if begin + limit < 40 else ""
        return web.json_response({"items": items, "metadata": {"continue": following}})

    async with api(answer) as server:
        client = client_of(server)
        names = [
            each["metadata"]["name"]
            async for page in client.pages(CONFIG_MAP, None)
            for each in page["items"]
        ]
        await client.close()
    assert names[:40] == [str(n) for n in range(40)]
    assert limits[:3] == [100, 25, 6]


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b"\xff", b"[" * 100_000, b"x" * 200_000],
    ids=["nothing", "html", "list", "null", "no-utf-8", "deep", "large"],
)
async def test_an_answer_that_is_none_is_an_error_of_ours(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER", 150_000)

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    async with api(answer) as server:
        client = client_of(server)
        with pytest.raises(Malformed):
            await client.get(POD, "n", "x")
        await client.close()


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"{}\n", Malformed),
        (b'{"type": "ADDED"}\n', Malformed),
        (b'{"type": "ADDED", "object": []}\n', Malformed),
        (b"no JSON\n", Malformed),
        (b"x" * 200_000, AnswerTooLarge),
        (b'{"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}\n', Expired),
        (b'{"type": "ERROR", "object": {"code": 404}}\n', NotFound),
    ],
)
async def test_a_change_that_is_none_ends_the_watch_with_an_error(
    line: bytes, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER", 150_000)

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=change("ADDED", 8) + line)

    async with api(answer) as server:
        client = client_of(server)
        changes = client.watch(POD, None, since="7")
        assert (await anext(changes))["type"] == "ADDED"
        with pytest.raises(error):
            await anext(changes)
        await client.close()


async def test_after_a_change_that_cannot_be_read_all_is_listed_again() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.query.get("watch") != "true":
            return web.json_response({"items": [STORED], "metadata": {"resourceVersion": "7"}})
        return web.Response(body=b"no JSON\n")

    async with api(answer) as server:
        client, shown = client_of(server), Shown()
        await shown.until(client, 2)
        await client.close()
    assert shown.seen == [(None, "7")] * 2


async def test_a_server_that_is_away_is_told_from_one_that_refuses() -> None:
    async with api(stored) as server:
        client = client_of(server)
    with pytest.raises(Unreachable):
        await client.get(POD, "n", "x")
    with pytest.raises(Unreachable):
        await anext(client.watch(POD, None, since="7"))
    await client.close()


async def test_an_endless_line_of_a_watch_is_not_held() -> None:
    """Reading it ends as soon as it is longer than any object, however fast it comes."""
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 10 * transport.MAX_ANSWER:
            await response.write(b"x" * (1 << 20))
            sent += 1 << 20
        return response

    began = time.process_time()
    async with api(answer) as server:
        client = client_of(server)
        with pytest.raises(AnswerTooLarge):
            await anext(client.watch(POD, None, since="7"))
        await client.close()
    assert sent < 2 * transport.MAX_ANSWER
    assert time.process_time() - began < 10
