"""A notifier with one Alertmanager and a webhook in virtual time; who takes what is posted is a fake."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from ipsecping_operator.app.notifications import AGAIN
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.notification_settings import AlertmanagerSettings, WebhookSettings, endpoint
from ipsecping_operator.notify.alert_book import AlertBook
from ipsecping_operator.notify.alertmanager import Alertmanager
from ipsecping_operator.notify.notifier import Notifier
from ipsecping_operator.notify.post import NotTaken, Poster
from ipsecping_operator.notify.receiver_log import ReceiverLog
from ipsecping_operator.notify.webhook import Webhook

from ..operator.assessments import assessed, at, seen, take
from ..operator.builders import NOON, SECOND, check, plan, result
from ..operator.virtual_time import run

AM, HOOK = "http://am:9093", "webhook"


def loop_time() -> float:
    return asyncio.get_running_loop().time()


class Taker:
    """In the place of a Poster: keeps what comes, or does not take it."""

    def __init__(self) -> None:
        self.came: list[tuple[float, Any, Mapping[str, str]]] = []
        self.away: NotTaken | None = None
        self.attempts = 0
        self.takes_seconds = 0.0
        self.refuses: Callable[[Any], bool] = lambda content: False

    def check(self) -> None:
        """It has no files."""

    async def post(self, target: str, content: bytes, fields: Mapping[str, str]) -> None:
        del target
        self.attempts += 1
        await asyncio.sleep(self.takes_seconds)
        if self.away is not None:
            raise self.away
        read = json.loads(content)
        if self.refuses(read):
            raise NotTaken("answered 400", refused=True)
        self.came.append((loop_time(), read, fields))


class World:
    """Seconds since the start."""

    def __init__(self, folder: Path) -> None:
        self.alertmanager, self.hook = Taker(), Taker()
        self.metrics = OperatorMetrics()
        self.leads = True
        self.remembered: list[str] = []
        """Checks whose status is to be written anew."""
        keys = folder / "keys"
        keys.write_text(base64.b64encode(b"k" * 32).decode())
        at = endpoint(AM)
        told = AlertmanagerSettings(endpoints=(at,))
        book = AlertBook()
        shared: dict[str, Any] = {"may_send": lambda: self.leads, "clock": self.clock, "steady": loop_time}
        self.notifier = Notifier(
            book=book,
            alertmanagers=[
                Alertmanager(
                    told,
                    book=book,
                    poster=cast("Poster", self.alertmanager),
                    log=ReceiverLog(AM, self.metrics, steady=loop_time),
                    **shared,
                )
            ],
            webhook=Webhook(
                WebhookSettings(endpoint=at, keys_file=keys),
                poster=cast("Poster", self.hook),
                log=ReceiverLog(HOOK, self.metrics, steady=loop_time),
                settled=lambda uid, event: self.notifier.settled(uid, event),
                lapsed=lambda uid: self.notifier.lapsed(uid),
                **shared,
            ),
            remember=self.remembered.append,
            clock=self.clock,
            steady=loop_time,
        )

    def clock(self) -> int:
        return NOON + int(loop_time() * SECOND)

    def report(self, state: CheckState) -> Mapping[str, Any]:
        """Assess the check now, and tell of it; the status."""
        before = state.reported.last
        made = assessed(state, at=loop_time())
        self.notifier.reported(state, before)
        return made.status

    def alerts(self, since: float = 0.0) -> list[tuple[float, str, bool]]:
        """When (whole seconds), which and whether it was over; an end that is told again is left out."""
        found, ends = list[tuple[float, str, bool]](), set[str]()
        for when, alerts, _ in self.alertmanager.came:
            for alert in alerts:
                over, key = alert["endsAt"] <= _text(when), f"{alert['labels']} {alert['endsAt']}"
                if when >= since and key not in ends:
                    found.append((int(when), alert["labels"]["alertname"].removeprefix("IPsecPing"), over))
                if over:
                    ends.add(key)
        return found

    def events(self) -> list[tuple[str, str]]:
        """Type and reason of each."""
        return [
            (each["type"].rpartition(".")[2], each["data"]["healthy"]["reason"])
            for _, each, _ in self.hook.came
        ]

    def counted(self, receiver: str, outcome: str) -> float:
        name = "ipsecping_operator_notifications_total"
        return self.metrics.registry.get_sample_value(name, {"receiver": receiver, "outcome": outcome}) or 0.0


def _text(when: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(NOON / SECOND + when, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def happens(
    world: World, script: Callable[[World], Awaitable[None]], *, failing: type[Exception] | None = None
) -> World:
    """What the script does while the notifier's tasks run; those that are `failing` so begin anew."""

    async def lasting(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while failing is not None:
            with suppress(failing):
                await work()
            await asyncio.sleep(AGAIN)
        await work()

    async def scenario() -> None:
        tasks = [asyncio.create_task(lasting(work), name=name) for work, name in world.notifier.tasks()]
        await script(world)
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
        await world.notifier.close(seconds=2)

    run(scenario())
    return world


async def rounds(world: World, state: CheckState, count: int, *, down: bool = False) -> Mapping[str, Any]:
    """Rounds every 30 s, each reported on when it is over; the last status."""
    status: Mapping[str, Any] = {}
    for _ in range(count):
        began = int(loop_time())
        await asyncio.sleep(3)
        take(state, at(began, received=0 if down else 10, remote_ip="203.0.113.10"))
        status = world.report(state)
        await asyncio.sleep(27)
    return status


async def all_fail(world: World, *names: str) -> None:
    """Three rounds of checks of these names, all without an answer, each reported on when it is over."""
    plans = [plan(uid=f"u-{name}", name=name) for name in names]
    states = [seen(of=check(each), name=each.name, uid=each.uid) for each in plans]
    for number in range(3):
        await asyncio.sleep(30)
        for of, state in zip(plans, states, strict=True):
            take(state, result(of=of, at=NOON + 30 * number * SECOND, received=0))
            world.report(state)


def told_of(world: World) -> set[str]:
    """The checks that Alertmanager was told of."""
    return {each["labels"]["check"] for _, alerts, _ in world.alertmanager.came for each in alerts}
