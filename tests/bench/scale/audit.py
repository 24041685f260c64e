"""Requests as the API server saw them, from its audit log."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path


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


def _what(entry: dict[str, object]) -> str:
    target = entry.get("objectRef")
    if not isinstance(target, dict):
        return f"{entry['verb']} {entry['requestURI']}"
    parts = (target.get("resource"), target.get("subresource"))
    return f"{entry['verb']} {'/'.join(part for part in parts if part)}"
