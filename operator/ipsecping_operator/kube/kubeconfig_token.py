"""The token of a kubeconfig's user, which an exec plugin, a token's file or an OIDC issuer renews."""

import asyncio
import logging
import time
from collections.abc import Callable

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.kube_config import KubeConfigLoader

FILE_SECONDS = 60.0
"""How often a file is looked at, and an attempt repeated that failed."""
UNSAID = 600.0
"""Seconds after which a plugin is asked again that does not say how long its token lasts."""
EARLY = 0.75
"""Part of its time after which a token is renewed, while it still holds."""
LEAST = 5.0
"""Seconds between two attempts, however short the time of a token is."""
PATIENCE = 10.0
"""Seconds that a request waits for a new token once the old one is of no use."""

_log = logging.getLogger(__name__)


class KubeconfigToken:
    """Renews the token before its time is over, by the steady clock, while requests go on with the old one.

    The Kubernetes client reads it once, and judges its time by the wall clock, which may be set.
    """

    def __init__(
        self,
        loader: KubeConfigLoader,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`loader` has loaded the token; `clock` and `wall` give seconds, `wall` the Unix time."""
        self._loader = loader
        self._clock = clock
        self._wall = wall
        self._renewing: asyncio.Task[None] | None = None
        self._ends = float("inf")
        self._again = self._take()

    async def refresh(self, configuration: Configuration) -> None:
        """Have the token renewed when it is time; wait for it where the old one has ended."""
        if self._renewing is None and self._clock() >= self._again:
            renewing = asyncio.get_running_loop().create_task(self._renew(configuration), name="token")
            self._renewing = renewing
        if self._renewing is not None and self._clock() >= self._ends:
            # Not cancelled when that takes too long: a plugin would go on, and another be begun.
            await asyncio.wait({self._renewing}, timeout=PATIENCE)

    async def _renew(self, configuration: Configuration) -> None:
        # Else the loader goes by the wall clock.
        said_when = self._loader.__dict__.pop("exec_plugin_expiry", None) is not None
        try:
            await self._loader._load_authentication()  # type: ignore[no-untyped-call]
        except Exception as error:
            # It may quote a secret.
            _log.warning("the token of the kubeconfig is not renewed: %s", type(error).__name__)
            self._again = self._clock() + FILE_SECONDS
        else:
            configuration.api_key["BearerToken"] = self._loader.token
            failed = said_when and not hasattr(self._loader, "exec_plugin_expiry")
            self._again = self._clock() + FILE_SECONDS if failed else self._take()
        finally:
            self._renewing = None

    def _take(self) -> float:
        """Take in how long the token lasts. Returns when to renew it, by the steady clock."""
        now, expiry = self._clock(), getattr(self._loader, "exec_plugin_expiry", None)
        if expiry is not None:
            lasts = max(expiry.timestamp() - self._wall(), 0.0)
            self._ends = now + lasts
            return float(now + max(EARLY * lasts, LEAST))
        self._ends = float("inf")
        user = self._loader._user
        runs_plugin = user is not None and "exec" in user
        return now + (UNSAID if runs_plugin else FILE_SECONDS)
