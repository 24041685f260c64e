"""Requests as the API server saw them, from its audit log."""

import json
from collections import Counter
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ipsecping_operator.observe.kinds import APPLIED

_CHILDREN = {kind.plural for kind in APPLIED.values()}


def requests(log: Path, *, user: str, since: float, until: float) -> Counter[str]:
    """How many requests of each kind a user made between two instants (Unix seconds), watches included.

    Keys such as `patch ipsectunnelchecks/status`. A request is in the log once for each stage of it.
    """
    seen: dict[str, str] = {}
    with log.open() as lines:
        for line in lines:
            entry = json.loads(line)
            at = datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
            if entry["user"]["username"] == user and since <= at < until:
                seen[entry["auditID"]] = _what(entry)
    return Counter(seen.values())


class ChildWrites:
    """The children that a user has made, as the log grows."""

    def __init__(self, log: Path, *, user: str) -> None:
        self._log = log
        self._user = user
        self._read_up_to = 0
        self.count = 0
        self.last = 0.0
        """When the newest of them had been stored; Unix seconds, by the API server."""

    def read(self) -> int:
        """Take in what the log has got since; how many children there are."""
        with self._log.open("rb") as lines:
            lines.seek(self._read_up_to)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self._read_up_to += len(line)
                self._take(json.loads(line))
        return self.count

    def _take(self, entry: dict[str, Any]) -> None:
        target = entry.get("objectRef") or {}
        made = entry.get("responseStatus", {}).get("code") == HTTPStatus.CREATED
        if made and entry["user"]["username"] == self._user and target.get("resource") in _CHILDREN:
            self.count += 1
            self.last = max(self.last, datetime.fromisoformat(entry["stageTimestamp"]).timestamp())


def _what(entry: dict[str, object]) -> str:
    target = entry.get("objectRef")
    if not isinstance(target, dict):
        return f"{entry['verb']} {entry['requestURI']}"
    parts = (target.get("resource"), target.get("subresource"))
    return f"{entry['verb']} {'/'.join(part for part in parts if part)}"
