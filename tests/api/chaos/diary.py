"""Every status that the API server was ever given for a check, in order, as a watch shows them."""

import asyncio
import contextlib
import time
from collections import defaultdict
from dataclasses import dataclass, field

from .api import FAULTS, Api, Object


@dataclass(frozen=True, slots=True)
class Entry:
    """One condition as a status write left it."""

    at: float
    """Unix time at which the watch showed it."""
    status: str
    reason: str


@dataclass(slots=True)
class Diary:
    """By UID and type the conditions, an entry for each new status or reason."""

    api: Api
    path: str
    entries: defaultdict[tuple[str, str], list[Entry]] = field(
        default_factory=lambda: defaultdict[tuple[str, str], list[Entry]](list)
    )

    async def run(self) -> None:
        """Read the watch until cancelled."""
        while True:
            with contextlib.suppress(*FAULTS):
                listed = await self.api("GET", self.path)
                for item in listed["items"]:
                    self._note(item)
                async for event in self.api.watch(self.path, listed["metadata"]["resourceVersion"]):
                    if event["type"] in ("ADDED", "MODIFIED"):
                        self._note(event["object"])
            await asyncio.sleep(0.2)

    def _note(self, check: Object) -> None:
        for condition in check.get("status", {}).get("conditions", []):
            book = self.entries[check["metadata"]["uid"], condition["type"]]
            if not book or (book[-1].status, book[-1].reason) != (condition["status"], condition["reason"]):
                book.append(Entry(time.time(), condition["status"], condition["reason"]))
