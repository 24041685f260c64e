"""Acquire a Lease, renew it, release it: the I/O around the decisions in `lease`."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, Conflict, NotFound
from ipsecping_operator.kube.kinds import LEASE

from .lease import Observation, Step, decide, lease_body, observe, read, released_body

RENEW_DEADLINE = 2 / 3
"""Part of the lease duration for which a holder leads after a renewal was sent.

Others wait for the whole duration, counted from when they saw that renewal. So the holder has stopped before
another begins. client-go has the same proportions (15 s, 10 s, 2 s), as `LeaseDuration`, `RenewDeadline` and
`RetryPeriod`.
"""
RETRY_PERIOD = 2 / 15
"""Part of the lease duration between two attempts to acquire or to renew."""
RELEASE_SECONDS = 3.0

_log = logging.getLogger(__name__)


class LeaderElector:
    """One candidate for a Lease. Its `client` should be its own: renewals must not queue behind the rest."""

    def __init__(
        self,
        client: KubeClient,
        *,
        namespace: str,
        name: str,
        identity: str,
        duration: float,
        waiting: Callable[[str, bool], None],
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`duration` in seconds; `waiting(what, well)` is told what is waited for, and whether all is well:
        another holds the Lease, rather than that it cannot be read."""
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._duration = duration
        self._waiting = waiting
        self._monotonic = monotonic
        self._wall = wall
        self._observed: Observation | None = None
        self._leading_until = float("-inf")

    @property
    def leading(self) -> bool:
        """Whether this process may act: no other can have taken the Lease yet."""
        return self._monotonic() < self._leading_until

    async def acquire(self) -> None:
        """Try until the Lease is held."""
        while True:
            try:
                async with asyncio.timeout(self._duration):
                    if await self._step(await self._observe(), leading=False):
                        _log.info("holding Lease %s/%s as %s", self._namespace, self._name, self._identity)
                        return
            except (ApiError, TimeoutError) as error:
                fault = str(error) or "no answer"
                self._waiting(f"cannot take Lease {self._namespace}/{self._name}: {fault}", False)
            await asyncio.sleep(self._duration * RETRY_PERIOD)

    async def renew(self) -> str:
        """Renew the Lease until it is lost; returns why it is."""
        fault = "no renewal was tried: the process stood still"
        while True:
            await asyncio.sleep(self._duration * RETRY_PERIOD)
            left = self._leading_until - self._monotonic()
            if left <= 0:
                return f"it could not be renewed in time: {fault}"
            try:
                async with asyncio.timeout(left):
                    if not await self._renew_once():
                        return f"{self._holder} holds it now"
            except (ApiError, TimeoutError) as error:
                fault = str(error) or "no answer"
                # Needs a person only where it may come to be lost: a renewal or two may fail.
                at_risk = self._leading_until - self._monotonic() < self._duration * RENEW_DEADLINE / 2
                level = logging.WARNING if at_risk else logging.INFO
                _log.log(level, "Lease %s/%s not renewed: %s", self._namespace, self._name, fault)

    async def release(self) -> None:
        """Leave the Lease to whoever waits for it. Without an answer it expires by itself."""
        if not self.leading:
            return
        self._leading_until = float("-inf")
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                try:
                    await self._leave()
                except Conflict:
                    # The API may have stored a renewal that was broken off when this process had to end.
                    if await self._observe(leading=True) is not Step.RENEW:
                        return
                    await self._leave()
        except (ApiError, TimeoutError) as error:
            _log.warning("Lease %s/%s not released: %s", self._namespace, self._name, error)
        else:
            _log.info("released Lease %s/%s", self._namespace, self._name)

    async def _leave(self) -> None:
        assert self._observed is not None
        assert self._observed.lease is not None
        lease, now = self._observed.lease, self._wall()
        await self._client.replace(
            LEASE, released_body(lease, namespace=self._namespace, name=self._name, now=now)
        )

    async def _renew_once(self) -> bool:
        """Renew once; returns whether the Lease is still ours. Raises ApiError when that is not known."""
        assert self._observed is not None
        try:
            return await self._step(Step.RENEW, leading=True)
        except (NotFound, Conflict):
            # Somebody wrote or deleted it.
            return await self._step(await self._observe(leading=True), leading=True)

    async def _observe(self, *, leading: bool = False) -> Step:
        body = await self._client.get(LEASE, self._namespace, self._name)
        # After the answer: seen later, it expires later.
        now = self._monotonic()
        self._observed = observe(read(body), before=self._observed, now=now)
        return decide(self._observed, identity=self._identity, leading=leading, now=now)

    async def _step(self, step: Step, *, leading: bool) -> bool:
        """Carry out the step; returns whether the Lease is ours then. Raises ApiError."""
        assert self._observed is not None
        if step is Step.LOST:
            return False
        if step is Step.WAIT:
            self._waiting(f"Lease {self._namespace}/{self._name} is held by {self._holder}", True)
            return False
        before = self._observed.lease
        # Before the request: it may be stored at once and answered late.
        sent = self._monotonic()
        body = lease_body(
            before,
            namespace=self._namespace,
            name=self._name,
            identity=self._identity,
            duration=self._duration,
            now=self._wall(),
        )
        try:
            stored = await (
                self._client.create(LEASE, self._namespace, body)
                if before is None
                else self._client.replace(LEASE, body)
            )
        except Conflict:
            if leading:
                raise
            return False  # another was faster
        self._observed = observe(read(stored), before=None, now=sent)
        self._leading_until = sent + self._duration * RENEW_DEADLINE
        return True

    @property
    def _holder(self) -> str | None:
        lease = self._observed.lease if self._observed is not None else None
        return lease.holder_identity if lease is not None else None
