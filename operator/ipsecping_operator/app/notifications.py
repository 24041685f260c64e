"""Build who notifies others, from the settings."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.notification_settings import Endpoint, NotificationSettings
from ipsecping_operator.notify.alert_book import AlertBook
from ipsecping_operator.notify.alertmanager import Alertmanager
from ipsecping_operator.notify.cloud_event import CheckEvent
from ipsecping_operator.notify.notifier import Notifier
from ipsecping_operator.notify.post import Poster
from ipsecping_operator.notify.receiver_log import ReceiverLog
from ipsecping_operator.notify.webhook import Webhook

AGAIN = 10.0
"""Seconds after which a task is begun anew that a fault of ours has ended."""


async def endless(work: Callable[[], Coroutine[Any, Any, None]], faults: Faults) -> None:
    """Run a notifier's task for ever: a fault in it is counted and logged, and no reason for a restart."""
    while True:
        with faults.guard(Where.NOTIFY):
            await work()
        await asyncio.sleep(AGAIN)


def _named(endpoints: Iterable[Endpoint]) -> Iterator[tuple[Endpoint, str]]:
    """Name each for log and metrics without its path; of those that differ in nothing else, count on."""
    seen = Counter[str]()
    for each in endpoints:
        seen[each.shown] += 1
        nth = seen[each.shown]
        yield each, each.shown if nth == 1 else f"{each.shown} ({nth})"


def build_notifier(
    settings: NotificationSettings,
    *,
    metrics: OperatorMetrics,
    may_send: Callable[[], bool],
    remember: Callable[[str], None],
    clock: Callable[[], int],
) -> Notifier:
    """Build it with a sender for each receiver; `may_send` says whether this operator may speak for all.

    `remember` is what the notifier calls so.
    """

    def settled(uid: str, event: CheckEvent) -> None:
        # The one knot: the webhook tells the notifier what has become of an event.
        notifier.settled(uid, event)

    def lapsed(uid: str) -> None:
        notifier.lapsed(uid)

    book = AlertBook()
    told, webhook = settings.alertmanagers, settings.webhook
    notifier = Notifier(
        book=book,
        alertmanagers=[
            Alertmanager(
                told,
                book=book,
                poster=Poster(each, told.credentials),
                log=ReceiverLog(name, metrics),
                may_send=may_send,
                clock=clock,
                steady=time.monotonic,
            )
            for each, name in (_named(told.endpoints) if told is not None else ())
            if told is not None
        ],
        webhook=None
        if webhook is None
        else Webhook(
            webhook,
            poster=Poster(webhook.endpoint, webhook.credentials),
            log=ReceiverLog("webhook", metrics),
            may_send=may_send,
            settled=settled,
            lapsed=lapsed,
            clock=clock,
            steady=time.monotonic,
        ),
        remember=remember,
        clock=clock,
        steady=time.monotonic,
    )
    return notifier
