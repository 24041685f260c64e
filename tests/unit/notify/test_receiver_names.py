"""Names of receivers: one that hangs in the resolver keeps nobody else from looking names up."""

import asyncio
import threading
from dataclasses import replace

import pytest

from ipsecping_operator.notification_settings import Credentials
from ipsecping_operator.notify.post import NotTaken, Poster
from ipsecping_operator.notify.receiver_names import ReceiverNames

from .receiver import Receiver

MANY = 40
"""More than an event loop has threads for look-ups."""


async def test_names_that_hang_leave_the_loop_its_threads_and_take_one_each() -> None:
    away, asked = threading.Event(), list[str]()

    def look_up(name: str) -> list[str]:
        asked.append(name)
        away.wait(30)
        return ["192.0.2.1"]

    names = [ReceiverNames(look_up) for _ in range(MANY)]
    waiting = [asyncio.create_task(each.addresses("hook.example")) for each in names for _ in range(3)]
    await asyncio.sleep(0)
    found = await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo("localhost", 1), 10)
    assert found
    away.set()
    assert await asyncio.gather(*waiting) == [["192.0.2.1"]] * (3 * MANY)
    assert asked == ["hook.example"] * MANY


async def posted(receiver: Receiver, *addresses: str) -> None:
    poster = Poster(
        replace(receiver.endpoint, host="hook.example"),
        Credentials(),
        seconds=5,
        names=ReceiverNames(lambda _: list(addresses)),
    )
    await poster.post("", b"[]", {})


async def test_the_next_address_is_tried_where_one_refuses() -> None:
    async with Receiver().listening() as receiver:
        await posted(receiver, "127.0.0.77", "127.0.0.1")
    ((fields, _),) = receiver.came
    assert fields["host"].startswith("hook.example:")


async def test_a_name_without_address_is_said() -> None:
    async with Receiver().listening() as receiver:
        with pytest.raises(NotTaken, match="no connection"):
            await posted(receiver)
