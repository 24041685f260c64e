"""Names of receivers: one that hangs in the resolver keeps nobody else from looking names up."""

import asyncio
import threading
from dataclasses import replace

import pytest

from ipsecping.contract import Family
from ipsecping.net.resolve import Resolver
from ipsecping_operator.notification_settings import Credentials
from ipsecping_operator.notify.post import NotTaken, Poster

from .receiver import Receiver

MANY = 40
"""More than an event loop has threads for look-ups."""


async def test_names_that_hang_leave_the_loop_its_threads_and_take_one_each() -> None:
    away, asked = threading.Event(), list[str]()

    def look_up(name: str) -> list[str]:
        asked.append(name)
        away.wait(30)
        return ["127.0.0.1"]

    def alone(_: str, family: Family) -> list[str]:
        away.wait(30)  # asked on a machine that is slow
        return ["127.0.0.1"] if family is Family.IPV4 else []

    async with Receiver().listening() as receiver:
        posters = [of_name(receiver, Resolver(look_up, alone=alone)) for _ in range(MANY)]
        waiting = [asyncio.create_task(each.post("", b"[]", {})) for each in posters]
        while len(asked) < MANY:
            await asyncio.sleep(0.01)
        found = await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo("localhost", 1), 10)
        assert found
        away.set()
        await asyncio.gather(*waiting)
    assert asked == ["hook.example"] * MANY
    assert len(receiver.came) == MANY


async def test_a_thread_that_the_host_refuses_is_said_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As by a pod's limit of processes."""
    async with Receiver().listening() as receiver:
        poster = of_name(receiver, Resolver(lambda _: ["127.0.0.1"]))
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refused)
            with pytest.raises(NotTaken, match="this host refuses a thread"):
                await poster.post("", b"[]", {})
        await poster.post("", b"[]", {})
    assert len(receiver.came) == 1


def refused(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def of_name(receiver: Receiver, names: Resolver) -> Poster:
    """A poster to this receiver by a name."""
    return Poster(replace(receiver.endpoint, host="hook.example"), Credentials(), seconds=5, names=names)


async def posted(receiver: Receiver, *addresses: str) -> None:
    await of_name(receiver, Resolver(lambda _: list(addresses))).post("", b"[]", {})


async def test_the_next_address_is_tried_where_one_refuses() -> None:
    async with Receiver().listening() as receiver:
        await posted(receiver, "127.0.0.77", "127.0.0.1")
    ((fields, _),) = receiver.came
    assert fields["host"].startswith("hook.example:")


async def test_a_name_without_address_is_said() -> None:
    async with Receiver().listening() as receiver:
        with pytest.raises(NotTaken, match="no connection"):
            await posted(receiver)
