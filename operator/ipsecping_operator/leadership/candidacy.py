"""What the operator waits for before it begins (the API, its CRD, the Lease), and the end when it is lost."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable

from ipsecping_operator.kube import access
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError
from ipsecping_operator.metrics.health import Health, Phase
from ipsecping_operator.observe.kinds import CHECK
from ipsecping_operator.settings import Settings
from ipsecping_operator.trouble import Trouble

from .elector import RETRY_PERIOD, LeaderElector

_log = logging.getLogger(__name__)


class Candidacy:
    """One operator's way to the Lease. Without a namespace there is no Lease, and it leads at once."""

    def __init__(
        self,
        settings: Settings,
        *,
        credentials: Callable[[], Awaitable[access.Access]],
        health: Health,
        observe: Callable[[str, str], None],
    ) -> None:
        """`observe` is told of each request for the Lease, as in KubeClient."""
        self._settings = settings
        self._credentials = credentials
        self._health = health
        self._observe = observe
        self._waiting = Trouble(quiet=logging.INFO)
        self._elector: LeaderElector | None = None
        self._client: KubeClient | None = None

    @property
    def may_write(self) -> bool:
        """Whether nobody else may be at work."""
        return self._elector is None or self._elector.leading

    async def acquire(self) -> bool:
        """Wait for the API with the CRD, then for the Lease; returns whether there is one to `renew`."""
        await self._wait_for_crd()
        settings = self._settings
        namespace = settings.lease_namespace or access.own_namespace()
        if namespace is None:
            _log.info("no Lease: not in a cluster, and --lease-namespace is not given; run one operator only")
            return False
        # A client of its own: renewals must not queue behind the rest.
        self._client = KubeClient(
            await self._credentials(),
            observe=self._observe,
            # A Lease that is lost costs the server a new operator's start: far more than one small request.
            longest_wait=settings.lease_duration * RETRY_PERIOD,
            patience=settings.lease_duration * RETRY_PERIOD,
        )
        self._elector = LeaderElector(
            self._client,
            namespace=namespace,
            name=settings.lease_name,
            identity=settings.lease_identity,
            duration=settings.lease_duration,
            waiting=lambda what, well: self._wait(what, Phase.STANDBY if well else Phase.STARTING),
        )
        await self._elector.acquire()
        return True

    async def renew(self) -> None:
        """Renew the Lease; end the process when it is lost."""
        assert self._elector is not None
        try:
            reason = await self._elector.renew()
        except Exception:
            _log.exception("renewing the Lease: a fault of the operator")
            reason = "see above"
        _log.error("the Lease is lost: %s; exiting", reason)
        logging.shutdown()
        # At once and without a clean-up: another operator may be at work already, and ours is refused.
        os._exit(1)

    async def release(self) -> None:
        """Release the Lease, once nothing is written any more."""
        if self._elector is not None:
            await self._elector.release()
        if self._client is not None:
            await self._client.close()

    async def _wait_for_crd(self) -> None:
        """Kopf looks for its resources once, when it starts: until then both API and CRD have to be there."""
        client = KubeClient(await self._credentials())
        try:
            while True:
                try:
                    if await client.exists(CHECK):
                        return
                    fault = (
                        f"the CustomResourceDefinition of {CHECK.name} ({CHECK.api_version}) is not installed"
                    )
                except ApiError as error:
                    fault = str(error)
                self._wait(fault, Phase.STARTING)
                await asyncio.sleep(1)
        finally:
            await client.close()

    def _wait(self, what: str, phase: Phase) -> None:
        if phase is Phase.STANDBY:
            # That is what a second operator is there for, however long.
            self._waiting.over()
            if what != self._health.waiting:
                _log.info("waiting: %s", what)
        elif (level := self._waiting.met(what, now=time.monotonic())) is not None:
            _log.log(level, "waiting: %s", what)
        self._health.wait(phase, what)
