"""What cannot be sent for want of a file is said when the operator starts, not in the first outage."""

import asyncio
import logging
from pathlib import Path

import pytest

from ipsecping_operator.app.notifications import build_notifier
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.notification_settings import (
    AlertmanagerSettings,
    Credentials,
    NotificationSettings,
    WebhookSettings,
    endpoint,
)

KEY = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="


def warned(caplog: pytest.LogCaptureFixture, settings: NotificationSettings) -> list[str]:
    """What the receivers say when they begin, with nothing to send."""
    notifier = build_notifier(
        settings, metrics=OperatorMetrics(), may_send=lambda: True, remember=lambda uid: None, clock=lambda: 0
    )

    async def begin() -> None:
        tasks = [asyncio.create_task(run()) for run, _ in notifier.tasks()]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    with caplog.at_level(logging.WARNING):
        asyncio.run(begin())
    return [record.getMessage() for record in caplog.records]


def of(folder: Path) -> NotificationSettings:
    """Each with files of a folder."""
    return NotificationSettings(
        alertmanagers=AlertmanagerSettings(
            endpoints=(endpoint("https://am"),), credentials=Credentials(bearer_file=folder / "token")
        ),
        webhook=WebhookSettings(endpoint=endpoint("https://hook/secret"), keys_file=folder / "keys"),
    )


def test_a_file_that_is_not_there_or_holds_no_key(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("no key\n")
    alertmanager, webhook = sorted(warned(caplog, of(tmp_path)))
    assert alertmanager.startswith("https://am:443 would not get notifications: ")
    assert f"{tmp_path}/token" in alertmanager
    assert webhook.startswith(f"webhook would not get notifications: {tmp_path}/keys: ")


def test_alertmanagers_that_differ_in_their_paths_alone_are_told_apart_without_them(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    endpoints = tuple(endpoint(f"https://am/{path}") for path in ("secret-a", "secret-b"))
    credentials = Credentials(bearer_file=tmp_path / "token")
    said = warned(
        caplog,
        NotificationSettings(
            alertmanagers=AlertmanagerSettings(endpoints=endpoints, credentials=credentials)
        ),
    )
    assert [each.partition(" would")[0] for each in said] == ["https://am:443", "https://am:443 (2)"]
    assert "secret" not in "".join(said)


def test_nothing_is_said_where_all_is_there(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{KEY}\n")
    (tmp_path / "token").write_text("token\n")
    assert warned(caplog, of(tmp_path)) == []
