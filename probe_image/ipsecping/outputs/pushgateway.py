"""Push to a Prometheus Pushgateway: one group for each check, replaced as a whole by each run."""

import base64
from urllib.parse import quote

from .access import NONE, Access
from .http import Connection, Target
from .series import SeriesBook

JOB = "ipsecping"
_HEADERS = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


def group_path(namespace: str, check: str) -> str:
    """Path of the group below the server's own path."""
    return f"/metrics/{_pair('job', JOB)}/{_pair('namespace', namespace)}/{_pair('check', check)}"


def push(target: Target, book: SeriesBook, access: Access = NONE) -> None:
    """Replace the group of each check. Raises OutputError at the first that fails."""
    with Connection(target, access) as connection:
        for namespace, check in book.checks():
            path = target.path + group_path(namespace, check)
            connection.send("PUT", path, book.only(namespace, check).exposition(), _HEADERS)


def _pair(name: str, value: str) -> str:
    """Name and value of the grouping key; in Base64 where the value would break the path."""
    if value and "/" not in value and value not in (".", ".."):
        return f"{name}/{quote(value, safe='')}"
    return f"{name}@base64/{base64.urlsafe_b64encode(value.encode()).decode() or '='}"
