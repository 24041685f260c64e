"""Build who notifies others, from the settings."""

import time
from collections.abc import Callable

from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.notification_settings import NotificationSettings
from ipsecping_operator.notify.alert_book import AlertBook
from ipsecping_operator.notify.alertmanager import Alertmanager
from ipsecping_operator.notify.notifier import Notifier
from ipsecping_operator.notify.post import Poster
from ipsecping_operator.notify.receiver_log import ReceiverLog
from ipsecping_operator.notify.webhook import Webhook


def build_notifier(
    settings: NotificationSettings,
    *,
    metrics: OperatorMetrics,
    may_send: Callable[[], bool],
    clock: Callable[[], int],
) -> Notifier:
    """Build it with a sender for each receiver; `may_send` says whether this operator may speak for all."""
    book = AlertBook()
    told, webhook = settings.alertmanagers, settings.webhook
    return Notifier(
        book=book,
        alertmanagers=[
            Alertmanager(
                each,
                told,
                book=book,
                poster=Poster(each, told.credentials),
                log=ReceiverLog(each.shown, metrics),
                may_send=may_send,
                clock=clock,
                steady=time.monotonic,
            )
            for each in (told.endpoints if told is not None else ())
            if told is not None
        ],
        webhook=None
        if webhook is None
        else Webhook(
            webhook,
            poster=Poster(webhook.endpoint, webhook.credentials),
            # Its path may be as good as a password.
            log=ReceiverLog("webhook", metrics),
            may_send=may_send,
            clock=clock,
            steady=time.monotonic,
        ),
        clock=clock,
        steady=time.monotonic,
    )
