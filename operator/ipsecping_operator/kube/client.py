"""The operator's own requests to the API: plain dictionaries in and out, bounded in time and number."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.rest import RESTClientObject

from ipsecping_operator.children import FIELD_MANAGER

from .access import Access
from .kinds import Kind

IN_FLIGHT = 8
"""Requests at a time; each connection holds a buffer of 256 KiB for TLS."""
TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
PAGE = 100
"""Objects of a list that are held at a time: decoded, one takes 20 KiB, most of it managedFields."""
WATCH_SECONDS = 300
"""After which the API ends a watch, and a new one goes on from there."""
WATCH_TIMEOUT = aiohttp.ClientTimeout(total=WATCH_SECONDS + 10, sock_connect=10)
_JSON = "application/json"
# With a parameter the transport sends the body as it is; by the bare name it would write JSON with escapes.
_APPLY = "application/apply-patch+yaml; charset=utf-8"
_METADATA_ONLY = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"

# As the API server words it (k8s.io/apiserver, admission/plugin/policy/validating and plugin/webhook/errors).
_DENIED = re.compile(r'\S+ "[^"]*" is forbidden: ValidatingAdmissionPolicy |admission webhook "')

Observer = Callable[[str, str], None]
"""Told the verb and the outcome (a status code, or `error`) of each request."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One of the details that explain a refusal."""

    field: str
    message: str
    reason: str = ""


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

    @property
    def denied(self) -> bool:
        """A policy or a webhook of the cluster's forbids it: nothing is wrong with what was asked for."""
        return _DENIED.match(self.message) is not None

    @property
    def terminating(self) -> bool:
        """The namespace is being deleted, so nothing can be made in it: an end that somebody wanted."""
        return any(cause.reason == "NamespaceTerminating" for cause in self.causes)


class KubeClient:
    """One connection pool for the whole operator.

    Requests go to the Kubernetes client's transport directly: its layers for typed models above it would take
    three quarters of the time that a request costs.
    """

    def __init__(
        self,
        access: Access,
        *,
        observe: Observer = lambda verb, code: None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        """`may_write` is asked before each request that changes something: False refuses it."""
        # No limit: requests wait for a slot below, and watches are few.
        access.configuration.connection_pool_maxsize = 0
        self._configuration = access.configuration
        self._rest = RESTClientObject(self._configuration)
        # The transport's own would be as strict as the interpreter's defaults are.
        self._rest.ssl_context = access.tls
        self._observe = observe
        self._may_write = may_write
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()

    async def apply(self, body: Mapping[str, Any], kind: Kind, *, force: bool = True) -> Any:
        """Server-side apply; the object as stored. Fields that others manage are taken over by `force`."""
        return await self._apply(body, kind, None, accept=_JSON, force=force)

    async def apply_status(self, body: Mapping[str, Any], kind: Kind) -> Any:
        """Server-side apply of the status; the object's metadata as stored, in an object."""
        return await self._apply(body, kind, "status", accept=_METADATA_ONLY.format(""), force=True)

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
        pages = self._pages(kind, namespace, selector=selector, accept=_METADATA_ONLY.format("List"))
        async for page in pages:
            for item in page["items"]:
                yield item["metadata"]

    async def pages(
        self, kind: Kind, namespace: str | None, *, selector: str | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        """All objects of a kind: lists of some of them, each as the API answers it."""
        async for page in self._pages(kind, namespace, selector=selector, accept=_JSON):
            yield page

    async def watch(
        self, kind: Kind, namespace: str | None, *, selector: str | None = None, since: str
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Changes after the resource version `since`, until the API ends the watch. Raises ApiError."""
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": since}
        query |= {"timeoutSeconds": str(WATCH_SECONDS)}
        if selector is not None:
            query["labelSelector"] = selector
        path = kind.path(namespace)
        try:
            answer = await self._send("GET", path, query=query, timeout=WATCH_TIMEOUT)
            async with answer.response:
                if answer.status != 200:
                    _content("GET", path, answer.status, await answer.read())
                async with aclosing(_lines(answer.response.content)) as lines:
                    async for line in lines:
                        yield _change(path, line)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiError(0, "Unreachable", f"GET {path}: {error!r}") from error

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

    async def _pages(
        self, kind: Kind, namespace: str | None, *, selector: str | None, accept: str
    ) -> AsyncIterator[Mapping[str, Any]]:
        query = {"limit": str(PAGE)}
        if selector is not None:
            query["labelSelector"] = selector
        while True:
            page = await self._request("list", "GET", kind.path(namespace), query=query, accept=accept)
            # An empty list of metadata has null in its place.
            page["items"] = page["items"] or []
            following = page["metadata"].get("continue")
            yield page
            # Before the next page is asked for, or two would be held at a time.
            del page
            if not following:
                return
            query["continue"] = following

    async def _apply(
        self, body: Mapping[str, Any], kind: Kind, subresource: str | None, *, accept: str, force: bool
    ) -> Any:
        meta = body["metadata"]
        return await self._request(
            "apply",
            "PATCH",
            kind.path(meta["namespace"], meta["name"], subresource),
            query={"fieldManager": FIELD_MANAGER, "force": str(force).lower()},
            body=as_yaml(body),
            content_type=_APPLY,
            accept=accept,
        )

    async def _request(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | bytes | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
    ) -> Any:
        outcome = "error"
        try:
            async with self._slots:
                if method != "GET" and not self._may_write():
                    raise ApiError(0, "NotLeading", f"{method} {path}: another operator may lead by now")
                answer = await self._send(
                    method, path, query=query, body=body, content_type=content_type, accept=accept
                )
                text: bytes = await answer.read()
            outcome = str(answer.status)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiError(0, "Unreachable", f"{method} {path}: {error!r}") from error
        finally:
            self._observe(verb, outcome)
        return _content(method, path, answer.status, text)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | bytes | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
    ) -> Any:
        headers = {"Accept": accept, "Content-Type": content_type, "User-Agent": FIELD_MANAGER}
        # Asked for each time: tokens rotate.
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        if token:
            headers["Authorization"] = token
        url = self._configuration.host + path + (f"?{urlencode(query)}" if query else "")
        return await self._rest.request(  # type: ignore[no-untyped-call]
            method, url, headers, body, _request_timeout=timeout
        )


def as_yaml(body: Mapping[str, Any]) -> bytes:
    """JSON that is YAML as well, which is what server-side apply takes.

    YAML has no surrogate pairs: a character above U+FFFF (an emoji) has to be written as it is. Of those
    below it some may not be (control characters), so these are escaped as in any JSON.
    """
    text = json.dumps(body, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


_ESCAPED = re.compile("[\x7f-\uffff]")


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """Of any length: an object may have a megabyte."""
    held = bytearray()
    async for data in content.iter_any():
        *lines, rest = data.split(b"\n")
        for line in lines:
            yield bytes(held + line)
            held.clear()
        held += rest


def _change(path: str, line: bytes) -> Mapping[str, Any]:
    """One change of a watch; raises ApiError where the API says that it cannot go on."""
    try:
        change: Mapping[str, Any] = json.loads(line)
    except ValueError as error:
        raise ApiError(0, "Malformed", f"GET {path}: {error}") from error
    if change["type"] == "ERROR":
        status = change["object"]
        raise ApiError(
            int(status.get("code", 0)), str(status.get("reason")), f"GET {path}: {status.get('message')}"
        )
    return change


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
    return tuple(
        Cause(str(each.get("field")), str(each.get("message")), str(each.get("reason"))) for each in causes
    )
