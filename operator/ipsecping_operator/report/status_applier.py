"""Write a status as far as the CustomResourceDefinition knows it, and have nothing else stand in it."""

import logging
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from ipsecping_operator.cache.pending_writes import PendingWrites
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import OtherObject, UndeclaredFields
from ipsecping_operator.observe.kinds import CHECK
from ipsecping_operator.status.digest import status_digest

from .undeclared import Field, without

OLD_CRD = 60.0
"""Seconds after which fields that the CRD did not have are tried again."""

_log = logging.getLogger(__name__)


class Applied(NamedTuple):
    """What came of it."""

    status: Mapping[str, Any]
    """What was applied."""
    metadata: Mapping[str, Any]
    """Of the check, as stored."""


class StatusApplier:
    """Remembers which fields an older CRD does not have."""

    def __init__(self, client: KubeClient, pending: PendingWrites) -> None:
        self._client = client
        self._pending = pending
        self._undeclared: frozenset[Field] = frozenset()
        self._ask_again = 0.0

    async def write(self, state: CheckState, status: Mapping[str, Any]) -> None:
        """Have the API store the status. Raises ApiError, OtherObject where another check has the name."""
        assert state.metadata is not None
        applied = await self._apply(_body(state, status), leftovers=state.reported.leftovers)
        if applied.metadata["uid"] != state.uid:
            # Of the status of a custom resource the API does not compare the UID that it is given.
            await self._client.apply_status(_body(state, {}), CHECK)
            raise OtherObject(f"status of {state.namespace}/{state.name}: another check has that name now")
        version = int(applied.metadata["resourceVersion"])
        state.reported.wrote(status_digest(applied.status, version=version))
        if version > int(state.metadata["resourceVersion"]):
            self._pending.expect(state.uid, version, now=time.monotonic())

    async def _apply(self, body: Mapping[str, Any], *, leftovers: bool) -> Applied:
        """Apply the status of a check, without fields that an older CRD does not have.

        With `leftovers`, what others may have added to it is removed. Raises ApiError.
        """
        if time.monotonic() >= self._ask_again:
            self._undeclared = frozenset()
        while True:
            told = {**body, "status": without(self._undeclared, body["status"])}
            try:
                stored = await self._client.apply_status(told, CHECK)
                break
            except UndeclaredFields as error:
                more = error.fields - self._undeclared
                if not more:
                    raise
            names = ", ".join(sorted(".".join(field) for field in more))
            _log.warning("the CustomResourceDefinition is older than the operator, upgrade it: no %s", names)
            self._undeclared |= more
            self._ask_again = time.monotonic() + OLD_CRD
        if leftovers and stored["metadata"]["uid"] == body["metadata"]["uid"]:
            stored = await self._client.replace_status({**told, "metadata": stored["metadata"]}, CHECK)
        return Applied(told["status"], stored["metadata"])


def _body(state: CheckState, status: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": CHECK.api_version,
        "kind": CHECK.name,
        "metadata": {"namespace": state.namespace, "name": state.name, "uid": state.uid},
        "status": status,
    }
