"""Logs on standard error, as text or as one JSON object a line, with the check they are about."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ipsecping.printable import printable

Log = logging.LoggerAdapter[logging.Logger]

_CHECK_FIELDS = ("namespace", "check", "uid")


def set_up(*, level: str, form: str) -> None:
    """Send the logs of the whole process to standard error; `form` is text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("aiohttp.access", "asyncio", "kopf.activities", "kopf.objects"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def for_check(name: str, metadata: Mapping[str, Any]) -> Log:
    """A logger whose lines name the check."""
    extra = {"namespace": metadata["namespace"], "check": metadata["name"], "uid": metadata["uid"]}
    return logging.LoggerAdapter(logging.getLogger(name), extra)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        check = getattr(record, "check", None)
        where = f" {record.namespace}/{check}:" if check else ""  # type: ignore[attr-defined]
        record.message = record.getMessage()
        # Whoever may annotate a check, or make events, writes some of it: nobody is to write a line of ours.
        line = f"{_time(record)} {record.levelname:<7}{where} {printable(record.message)}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        content: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        content |= {key: getattr(record, key) for key in _CHECK_FIELDS if hasattr(record, key)}
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        return json.dumps(content, default=str)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")
