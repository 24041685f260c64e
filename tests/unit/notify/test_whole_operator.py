"""A fault in notifying somebody is counted, and touches neither verdicts nor the operator's health."""

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ipsecping_operator.app import notifications
from ipsecping_operator.faults import Faults
from ipsecping_operator.notify import notifier
from ipsecping_operator.notify.alert_book import AlertBook
from ipsecping_operator.notify.post import Poster

from ...peers.processes import PATIENCE
from ..operator import whole_operator
from ..operator.builders import SECOND
from ..operator.whole_operator import World, happens


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("a fault of ours")


@pytest.fixture
def notifying(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operators that are started have receivers, whom they cannot tell anything for want of a file."""
    flags = (
        *("--alertmanagers=https://127.0.0.1:9", "--alertmanager-ca-file=/nowhere"),
        *("--webhook-url=https://127.0.0.1:9", "--webhook-keys-file=/nowhere"),
    )
    monkeypatch.setattr(whole_operator, "FLAGS", flags)


@pytest.mark.usefixtures("notifying")
@pytest.mark.parametrize("place", ["Notifier.reported", "Notifier.forget"])
def test_a_fault_while_a_report_is_taken_in_delays_no_status(place: str) -> None:
    async def script(world: World) -> None:
        with mock.patch.object(notifier.Notifier, place.partition(".")[2], broken):
            world.down = True
            await asyncio.sleep(150)
            assert (world.condition("Healthy")["status"], world.condition("Healthy")["reason"]) == (
                "False",
                "Down",
            )
            world.down = False
            await asyncio.sleep(150)
        assert world.condition("Healthy")["status"] == "True"

    world = happens(script)
    faults = world.metric("ipsecping_operator_faults_total", where="notify")
    assert bool(faults) == (place == "Notifier.reported")
    assert world.operator is not None
    assert world.metric("ipsecping_operator_faulty_checks") == 0


def test_what_the_webhook_has_taken_stands_in_the_status_soon_whoever_edits_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(base64.b64encode(b"k" * 32).decode())
    flags = ("--webhook-url=https://127.0.0.1:9", f"--webhook-keys-file={keys}")
    monkeypatch.setattr(whole_operator, "FLAGS", flags)
    taken = list[str]()

    async def take(_: Poster, below: str, content: bytes, fields: Mapping[str, str]) -> None:
        assert (below, json.loads(content)["id"]) == ("", fields["webhook-id"])
        taken.append(fields["webhook-id"])

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(300)
        assert world.condition("Healthy")["reason"] == "Down"
        notified = world.check["status"]["notified"]
        assert notified == {"id": taken[-1], "status": "False", "reason": "Down"}
        for edited in ({**notified, "id": "0" * 32}, None):
            world.store_status({**world.check["status"], "notified": edited})
            await asyncio.sleep(25)
            assert world.check["status"]["notified"] == notified, "it is put right while an operator works"

    with mock.patch.object(Poster, "post", take):
        happens(script)


@pytest.mark.usefixtures("notifying")
@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_set_changes_nothing_about_how_long_an_alert_lasts(hours: int) -> None:
    books = list[AlertBook]()
    put = AlertBook.put

    def seen(book: AlertBook, *args: Any, **values: Any) -> bool:
        books.append(book)
        return put(book, *args, **values)

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(300)
        (before,) = books[-1].firing(1e9).values()
        world.set_clock(hours * 3600 * SECOND)
        await asyncio.sleep(60)
        (after,) = books[-1].firing(1e9).values()
        assert after.fires_at == before.fires_at
        assert after.began == before.began + hours * 3600 * SECOND

    with mock.patch.object(AlertBook, "put", seen):
        happens(script)


async def test_a_task_that_a_fault_has_ended_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "AGAIN", 0.001)
    begun, counted, again = 0, list[str](), asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun == 3:
            again.set()
        raise RuntimeError("a fault of ours")

    task = asyncio.create_task(notifications.endless(work, Faults(count=counted.append)))
    await asyncio.wait_for(again.wait(), PATIENCE)
    task.cancel()
    assert counted[:2] == ["notify", "notify"]
