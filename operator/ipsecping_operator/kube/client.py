"""The operator's own requests to the API: plain dictionaries in and out, bounded in time, size and number."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import aiohttp

from .access import Access
from .errors import Conflict, Malformed, NotFound, of_status
from .kinds import Kind
from .throttling import LONGEST
from .transport import FIELD_MANAGER, JSON, PATIENCE, AnswerTooLarge, Observer, Request, Transport

PAGE = 100
"""Objects of a list that are held at a time: decoded, one takes 20 KiB, most of it managedFields."""
WATCH_SECONDS = 300
"""After which the API ends a watch, and a new one goes on from there."""
WATCH_TIMEOUT = aiohttp.ClientTimeout(total=WATCH_SECONDS + 10, sock_connect=10)
# With a parameter the transport sends the body as it is; by the bare name it would write JSON with escapes.
_APPLY = "application/apply-patch+yaml; charset=utf-8"
_METADATA_ONLY = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


class KubeClient:
    """The verbs of the API. All raise ApiError: the type says what happened (see `errors`)."""

    def __init__(
        self,
        access: Access,
        *,
        observe: Observer = lambda verb, code: None,
        may_write: Callable[[], bool] = lambda: True,
        longest_wait: float = LONGEST,
        patience: float = PATIENCE,
    ) -> None:
        """`may_write` is asked before each request that changes something: False refuses it.

        A server that asks to wait (429, Retry-After) is obeyed, for up to `longest_wait` seconds each time;
        a request that has waited for `patience` seconds in all raises Throttled.
        """
        self._transport = Transport(
            access, observe=observe, may_write=may_write, longest_wait=longest_wait, patience=patience
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def apply(self, body: Mapping[str, Any], kind: Kind, *, force: bool = True) -> Any:
        """Server-side apply; the object as stored. Fields that others manage are taken over by `force`."""
        return await self._apply(body, kind, None, accept=JSON, force=force)

    async def apply_status(self, body: Mapping[str, Any], kind: Kind) -> Any:
        """Server-side apply of the status; the object's metadata as stored, in an object."""
        return await self._apply(body, kind, "status", accept=_METADATA_ONLY.format(""), force=True)

    async def replace_status(self, body: Mapping[str, Any], kind: Kind) -> Any:
        """Remove from the status, as applied in the version that `body` names, all that is not in `body`.

        Fields that others have added to it an apply leaves to them. What is removed has no manager any
        more, so the next apply owns as much as ever. Raises Conflict where that version is the newest no
        more. Returns as `apply_status`.
        """
        meta = body["metadata"]
        patch: list[Mapping[str, Any]] = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]},
            {"op": "replace", "path": "/status", "value": body["status"]},
        ]
        return await self._request(
            "patch",
            kind,
            "PATCH",
            kind.path(meta["namespace"], meta["name"], "status"),
            query={"fieldManager": FIELD_MANAGER},
            body=patch,
            content_type="application/json-patch+json",
            accept=_METADATA_ONLY.format(""),
        )

    async def merge(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any]) -> Any:
        """JSON merge patch; the object as stored."""
        return await self._request(
            "patch",
            kind,
            "PATCH",
            kind.path(namespace, name),
            query={"fieldManager": FIELD_MANAGER},
            body=body,
            content_type="application/merge-patch+json",
        )

    async def create(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> Any:
        """Create an object."""
        return await self._request(
            "create", kind, "POST", kind.path(namespace), query={"fieldManager": FIELD_MANAGER}, body=body
        )

    async def replace(self, kind: Kind, body: Mapping[str, Any]) -> Any:
        """Replace the version that `body` names; the object as stored."""
        meta = body["metadata"]
        return await self._request(
            "update",
            kind,
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
                kind,
                "DELETE",
                kind.path(namespace, name),
                body={"preconditions": {"uid": uid}, "propagationPolicy": "Background"},
            )
        except (NotFound, Conflict):
            # A conflict: the name now belongs to another object, so the one meant is gone.
            return

    async def get(self, kind: Kind, namespace: str, name: str) -> Any | None:
        """The object, or None when there is none."""
        try:
            return await self._request("get", kind, "GET", kind.path(namespace, name))
        except NotFound:
            return None

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
        async for page in self._pages(kind, namespace, selector=selector, accept=JSON):
            yield page

    async def matching(self, kind: Kind, namespace: str, *, fields: Mapping[str, str]) -> list[Any]:
        """The objects whose fields have these values: the first of them, a page at most."""
        selector = ",".join(f"{name}={value}" for name, value in fields.items())
        query = {"fieldSelector": selector, "limit": str(PAGE)}
        page = await self._request("list", kind, "GET", kind.path(namespace), query=query)
        return list(page["items"] or ())

    async def watch(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        selector: str | None = None,
        since: str,
        granted: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Changes after the resource version `since`, until the API ends the watch. Raises ApiError.

        `granted` is called once the API lets it watch, before there is any change.
        """
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": since}
        query |= {"timeoutSeconds": str(WATCH_SECONDS)}
        if selector is not None:
            query["labelSelector"] = selector
        request = Request(
            verb="watch", resource=kind.plural, method="GET", path=kind.path(namespace), query=query
        )
        async with aclosing(self._transport.lines(request, timeout=WATCH_TIMEOUT, granted=granted)) as lines:
            async for line in lines:
                yield _change(request, line)

    async def exists(self, kind: Kind) -> bool:
        """Whether the API serves this kind."""
        root = kind.path(None).rpartition("/")[0]
        try:
            served = await self._request("get", kind, "GET", root)
        except NotFound:
            return False
        return any(resource["name"] == kind.plural for resource in served["resources"])

    async def _pages(
        self, kind: Kind, namespace: str | None, *, selector: str | None, accept: str
    ) -> AsyncIterator[dict[str, Any]]:
        limit, query = PAGE, {}
        if selector is not None:
            query["labelSelector"] = selector
        while True:
            query["limit"] = str(limit)
            try:
                page = await self._request(
                    "list", kind, "GET", kind.path(namespace), query=query, accept=accept
                )
            except AnswerTooLarge:
                if limit == 1:
                    raise
                # Whoever likes may make objects as large as the API takes; a page of one always fits.
                limit = max(limit // 4, 1)
                continue
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
            kind,
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
        kind: Kind,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | list[Mapping[str, Any]] | bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> dict[str, Any]:
        request = Request(
            verb=verb,
            resource=kind.plural,
            method=method,
            path=path,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
        )
        return _decoded(request, await self._transport.ask(request))


def as_yaml(body: Mapping[str, Any]) -> bytes:
    """JSON that is YAML as well, which is what server-side apply takes.

    YAML has no surrogate pairs: a character above U+FFFF (an emoji) has to be written as it is. Of those
    below it some may not be (control characters), so these are escaped as in any JSON.
    """
    text = json.dumps(body, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


_ESCAPED = re.compile("[\x7f-\uffff]")


def _change(request: Request, line: bytes) -> Mapping[str, Any]:
    """One change of a watch. Raises ApiError where the API says that it cannot go on."""
    change = _decoded(request, line)
    stored = change.get("object")
    if change.get("type") == "ERROR":
        code = stored.get("code") if isinstance(stored, dict) else None
        raise of_status(str(request), code if isinstance(code, int) else 0, stored)
    if not isinstance(stored, dict) or not isinstance(change.get("type"), str):
        raise Malformed(f"{request}: a change without type or object")
    return change


def _decoded(request: Request, text: bytes) -> dict[str, Any]:
    """The JSON object in an answer. Raises Malformed."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{request}: {error}") from error
    if not isinstance(content, dict):
        raise Malformed(f"{request}: not a JSON object")
    return content
