"""The operator's own requests to the API: plain dictionaries in and out, bounded in time and number."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from ipsecping_operator.children import FIELD_MANAGER

from .kinds import Kind

IN_FLIGHT = 16
TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
PAGE = 500
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

Observer = Callable[[str, str], None]
"""Told the verb and the outcome (a status code, or `error`) of each request."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One of the details that explain a refusal."""

    field: str
    message: str


class ApiError(Exception):
    """The API refused a request, or did not answer it (`status` 0)."""

    def __init__(self, status: int, reason: str, message: str, *, causes: tuple[Cause, ...] = ()) -> None:
        super().__init__(f"{status} {reason}: {message}" if status else message)
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes

    @property
    def refused(self) -> bool:
        """The API understood and will refuse again: repeating the same request is no use."""
        return self.status in (400, 403, 404, 405, 409, 413, 422)


class KubeClient:
    """One connection pool for the whole operator."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        observe: Observer = lambda verb, code: None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        """`may_write` is asked before each request that changes something: False refuses it."""
        configuration.connection_pool_maxsize = IN_FLIGHT
        self._api = ApiClient(configuration)
        self._api.user_agent = FIELD_MANAGER
        self._observe = observe
        self._may_write = may_write
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()  # type: ignore[no-untyped-call]

    async def apply(
        self, body: Mapping[str, Any], kind: Kind, *, subresource: str | None = None, force: bool = True
    ) -> Any:
        """Server-side apply; the object as stored. Fields that others manage are taken over by `force`."""
        meta = body["metadata"]
        return await self._request(
            "apply",
            "PATCH",
            kind.path(meta["namespace"], meta["name"], subresource),
            query={"fieldManager": FIELD_MANAGER, "force": str(force).lower()},
            body=body,
            content_type="application/apply-patch+yaml",
        )

    async def merge(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any]) -> Any:
        """JSON merge patch; the object as stored."""
        return await self._request(
            "patch",
            "PATCH",
            kind.path(namespace, name),
            query={"fieldManager": FIELD_MANAGER},
            body=body,
            content_type="application/merge-patch+json",
        )

    async def create(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> Any:
        """Create an object."""
        return await self._request(
            "create", "POST", kind.path(namespace), query={"fieldManager": FIELD_MANAGER}, body=body
        )

    async def replace(self, kind: Kind, body: Mapping[str, Any]) -> Any:
        """Replace the version that `body` names; the object as stored."""
        meta = body["metadata"]
        return await self._request(
            "update",
            "PUT",
            kind.path(meta["namespace"], meta["name"]),
            query={"fieldManager": FIELD_MANAGER},
            body=body,
        )

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        """Delete this very object (and its dependents in the background); nothing when it is gone already."""
        try:
            await self._request(
                "delete",
                "DELETE",
                kind.path(namespace, name),
                body={"preconditions": {"uid": uid}, "propagationPolicy": "Background"},
            )
        except ApiError as error:
            # 409: the name now belongs to another object, so the one meant is gone.
            if error.status not in (404, 409):
                raise

    async def get(self, kind: Kind, namespace: str, name: str) -> Any | None:
        """The object, or None when there is none."""
        try:
            return await self._request("get", "GET", kind.path(namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def metadata(
        self, kind: Kind, namespace: str | None, *, selector: str | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The metadata of all objects of a kind, page by page."""
        query = {"limit": str(PAGE)}
        if selector is not None:
            query["labelSelector"] = selector
        while True:
            page = await self._request(
                "list", "GET", kind.path(namespace), query=query, accept=_METADATA_ONLY
            )
            # null where there is none
            for item in page["items"] or ():
                yield item["metadata"]
            following = page["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    async def exists(self, kind: Kind) -> bool:
        """Whether the API serves this kind."""
        root = kind.path(None).rpartition("/")[0]
        try:
            served = await self._request("get", "GET", root)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return any(resource["name"] == kind.plural for resource in served["resources"])

    async def _request(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        headers = {"Accept": accept, "Content-Type": content_type}
        outcome = "error"
        try:
            async with self._slots:
                if method != "GET" and not self._may_write():
                    raise ApiError(0, "NotLeading", f"{method} {path}: another operator may lead by now")
                request = await self._api.param_serialize(
                    method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
                )
                url = f"{request[1]}?{urlencode(query)}" if query else request[1]
                answer = await self._api.call_api(
                    request[0], url, request[2], body=request[3], _request_timeout=TIMEOUT
                )
                text: bytes = await answer.read()  # type: ignore[no-untyped-call]
            outcome = str(answer.status)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiError(0, "Unreachable", f"{method} {path}: {error!r}") from error
        finally:
            self._observe(verb, outcome)
        return _content(method, path, answer.status, text)


def _content(method: str, path: str, status: int, text: bytes) -> Any:
    """The decoded answer; raises ApiError for a refusal."""
    try:
        content = json.loads(text) if text else {}
    except ValueError:
        content = {"message": text[:200].decode(errors="replace")}
    if 200 <= status < 300:
        return content
    details = content if isinstance(content, dict) else {}
    message = details.get("message") or f"{method} {path}"
    raise ApiError(status, str(details.get("reason") or "Refused"), str(message), causes=_causes(details))


def _causes(refusal: Mapping[str, Any]) -> tuple[Cause, ...]:
    causes = (refusal.get("details") or {}).get("causes") or ()
    return tuple(Cause(str(each.get("field")), str(each.get("message"))) for each in causes)
