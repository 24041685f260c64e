"""Follow all objects of a kind: list them page by page, then watch, for ever.

Kopf does this for the checks. For their children and pods, which are many times as many, it would take more
time than everything else: it keeps a record of each object and looks for handlers at each change.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Set
from contextlib import aclosing
from typing import Any

from ipsecping_operator.backoff import Attempts, Backoff

from .client import KubeClient
from .errors import ApiError, Expired, Malformed
from .kinds import Kind

BACKOFF = Backoff(first=0.5, longest=8.0)
"""Between two attempts, for as long as it takes: an API outage of any length is waited out."""

Show = Callable[[Kind, str | None, Mapping[str, Any]], None]
"""Told the kind, what happened (ADDED, MODIFIED, DELETED; None for an object of a list), and the object."""

_log = logging.getLogger(__name__)


class Follower:
    """Follows one kind in one namespace, or in all (None)."""

    def __init__(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        selector: str,
        client: KubeClient,
        show: Show,
        listed: Callable[[Set[str] | None], None] | None = None,
        failed: Callable[[ApiError], None] = lambda error: None,
    ) -> None:
        """`listed` is told of the UIDs in each list once the API lets it be watched from there, for what can
        only be listed is not followed; and None where a watch is taken up again. Then there is a list after
        each watch, which tells what the watch has missed. `failed` is told why the API cannot be followed
        for now."""
        self._listed = listed
        self._untold: frozenset[str] | None = None
        """The UIDs of a list that was not told of."""
        self._failed = failed
        self._kind = kind
        self._namespace = namespace
        self._selector = selector
        self._client = client
        self._show = show
        self._attempts = Attempts(BACKOFF)
        self._version: str | None = None
        """Up to which everything was shown; None: begin with a list."""

    async def run(self) -> None:
        """Never returns."""
        while True:
            try:
                if self._version is None:
                    self._version = await self._list()
                await self._watch(self._version)
                self._attempts.succeeded()
                if self._listed is not None:
                    self._version = None
                # An API that ends each watch at once is not to be asked without a pause either.
                await asyncio.sleep(BACKOFF.pause(1))
            except ApiError as error:
                if isinstance(error, Expired | Malformed):
                    # What happened since is no longer to be had, or cannot be read: begin anew.
                    self._version = None
                if not isinstance(error, Expired) and self._attempts.failures == 0:
                    _log.warning("watching %s: %s", self._kind.plural, error)
                if not isinstance(error, Expired):
                    self._failed(error)
                await asyncio.sleep(self._attempts.failed())
            except Exception:
                _log.exception("watching %s: a fault of the operator", self._kind.plural)
                self._version = None
                await asyncio.sleep(self._attempts.failed())

    async def _list(self) -> str:
        version, uids = "", set[str]()
        async for page in self._client.pages(self._kind, self._namespace, selector=self._selector):
            for item in page["items"]:
                self._show(self._kind, None, item)
                if self._listed is not None:
                    uids.add(item["metadata"]["uid"])
            version = page["metadata"]["resourceVersion"]
        self._untold = frozenset(uids)
        return version

    def _granted(self) -> None:
        untold, self._untold = self._untold, None
        if self._listed is not None:
            self._listed(untold)

    async def _watch(self, since: str) -> None:
        changes = self._client.watch(
            self._kind, self._namespace, selector=self._selector, since=since, granted=self._granted
        )
        async with aclosing(changes):
            async for change in changes:
                self._attempts.succeeded()
                stored = change["object"]
                if change["type"] != "BOOKMARK":
                    self._show(self._kind, change["type"], stored)
                self._version = stored["metadata"]["resourceVersion"]
