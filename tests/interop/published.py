"""What the services ask of a message, by the references that they publish. Each function asserts it."""

from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from ..peers.services import Call


def pagerduty(call: Call) -> None:
    """Hold an event against the Events API v2.

    https://developer.pagerduty.com/docs/send-alert-event
    """
    event = call.content
    assert call.path == "/v2/enqueue"
    assert call.size <= 512 * 1024
    assert len(event["routing_key"]) == 32
    assert event["event_action"] in {"trigger", "acknowledge", "resolve"}
    assert 0 < len(event["dedup_key"]) <= 255
    payload = event["payload"]
    assert 0 < len(payload["summary"]) <= 1024
    assert payload["source"]
    assert payload["severity"] in {"critical", "error", "warning", "info"}
    assert all(isinstance(value, str) for value in payload["custom_details"].values())
    for link in event.get("links", ()):
        assert urlsplit(link["href"]).scheme in {"http", "https"}
        assert link["text"]


_OPSGENIE = {
    "message": 130,
    "alias": 512,
    "description": 15_000,
    "source": 100,
    "note": 25_000,
    "entity": 512,
}
"""Characters at most."""


def opsgenie(call: Call) -> None:
    """Hold a request against the Alert API: an alert is created or closed.

    https://docs.opsgenie.com/docs/alert-api
    """
    content: dict[str, Any] = call.content
    assert call.path == "/v2/alerts" or call.path.endswith("/close?identifierType=alias")
    for field, most in _OPSGENIE.items():
        assert len(content.get(field, "")) <= most, field
    if call.path != "/v2/alerts":
        return
    assert content["message"]
    assert content["alias"]
    assert content["priority"] in {f"P{number}" for number in range(1, 6)}
    assert len(content["tags"]) <= 20
    assert all(0 < len(tag) <= 50 for tag in content["tags"])
    assert sum(len(key) + len(value) for key, value in content["details"].items()) <= 8000


def slack(call: Call) -> None:
    """Hold a message against incoming webhooks with attachments.

    https://api.slack.com/reference/messaging/attachments
    """
    (attachment,) = call.content["attachments"]
    assert attachment["title"]
    assert "\n" not in attachment["title"]
    assert attachment["fallback"]
    assert len(attachment["text"]) <= 40_000
    assert attachment["color"] in {"good", "warning", "danger"}


def mail(message: EmailMessage) -> tuple[str, str, str]:
    """Hold a mail against RFC 5322 and RFC 2046: text first, HTML second. Return subject, text and HTML."""
    for field in ("From", "To", "Subject", "Date", "Message-Id"):
        assert len(message.get_all(field, [])) == 1, field
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    text, page = (part.get_content() for part in message.iter_parts())
    assert "\n" not in str(message["Subject"])
    return str(message["Subject"]), text.replace("\r\n", "\n"), page
