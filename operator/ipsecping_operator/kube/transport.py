"""Send requests to the API server when it takes them; bounded in number, time and size."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.rest import RESTClientObject

from ipsecping_operator.lines import EndlessLine, LineSplitter

from .access import Access
from .errors import ApiError, Malformed, NotLeading, Throttled, Unreachable, refusal
from .redaction import redacted
from .throttling import Throttling

FIELD_MANAGER = "ipsecping-operator"
"""Who the operator is, in managedFields and logs."""
IN_FLIGHT = 8
"""Requests at a time; each connection holds a buffer of 256 KiB for TLS."""
TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
PATIENCE = 25.0
"""Seconds that a request may be put off by the server before that is an error."""
MAX_ANSWER = 16 << 20
"""Bytes of an answer, and of an object in a watch, that are read: no object is as large as that."""
SMALL = 1 << 16
"""Bytes of an answer that is read without counting."""
JSON = "application/json"

Observer = Callable[[str, str], None]
"""Told the verb and the outcome (a status code, or `error`) of each request."""


class AnswerTooLarge(Malformed):
    """The answer is larger than is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request: `verb` and `resource` as API Priority and Fairness tells them apart."""

    verb: str
    resource: str
    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | list[Mapping[str, Any]] | bytes | None = None
    content_type: str = JSON
    accept: str = JSON

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def kind(self) -> str:
        """What is put off together."""
        return f"{self.verb} {self.resource}"


class Transport:
    """One connection pool.

    Requests go to the Kubernetes client's transport directly: its layers for typed models above it would take
    three quarters of the time that a request costs.
    """

    def __init__(
        self,
        access: Access,
        *,
        observe: Observer,
        may_write: Callable[[], bool],
        longest_wait: float,
        patience: float,
    ) -> None:
        """See KubeClient."""
        # No limit: requests wait for a slot below, and watches are few.
        access.configuration.connection_pool_maxsize = 0
        self._configuration = access.configuration
        self.rest = RESTClientObject(self._configuration)
        # The transport's own would be as strict as the interpreter's defaults are.
        self.rest.ssl_context = access.tls
        self._observe = observe
        self._may_write = may_write
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._throttling = Throttling(longest_wait)
        self._patience = patience

    async def ask(self, request: Request) -> bytes:
        """The body of the answer to a request that was granted. Raises ApiError."""
        loop = asyncio.get_running_loop()
        give_up, last = loop.time() + self._patience, None
        while True:
            await self._wait(request, give_up, last)
            async with self._slots:
                # Another may have been put off while this one waited for its slot.
                if self._throttling.left(request.kind, now=loop.time()) > 0:
                    continue
                if request.method != "GET" and not self._may_write():
                    self._observe(request.verb, "error")
                    raise NotLeading(f"{request}: another operator may lead by now")
                status, body, put_off = await self._exchange(request)
            if 200 <= status < 300:
                return body
            last = refusal(str(request), status, body)
            if not put_off:
                raise last

    async def lines(
        self, request: Request, *, timeout: aiohttp.ClientTimeout, granted: Callable[[], None]
    ) -> AsyncGenerator[bytes, None]:
        """The lines of an answer that goes on, as they come; `granted` is called before. Raises ApiError."""
        loop = asyncio.get_running_loop()
        give_up, last = loop.time() + self._patience, None
        splitter = LineSplitter(MAX_ANSWER)
        try:
            while True:
                await self._wait(request, give_up, last)
                sent = loop.time()
                async with await self._send(request, timeout) as response:
                    put_off = self._puts_off(request, response, sent=sent)
                    if response.status != 200:
                        last = refusal(str(request), response.status, await _read(request, response))
                        if not put_off:
                            raise last
                        self._observe(request.verb, str(response.status))
                        continue
                    granted()
                    async for data in response.content.iter_any():
                        for line in splitter.feed(data):
                            if line is None:
                                raise AnswerTooLarge(f"{request}: an object of more than {MAX_ANSWER} bytes")
                            yield line
                    return
        except EndlessLine as error:
            raise AnswerTooLarge(f"{request}: {error}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"{request}: {redacted(error)}") from None

    async def close(self) -> None:
        """Close the connections."""
        await self.rest.close()

    async def _exchange(self, request: Request) -> tuple[int, bytes, bool]:
        """Status and body of the answer, and whether the server has put the request off."""
        outcome = "error"
        try:
            sent = asyncio.get_running_loop().time()
            async with await self._send(request, TIMEOUT) as response:
                put_off = self._puts_off(request, response, sent=sent)
                body = await _read(request, response)
                outcome = str(response.status)
                return response.status, body, put_off
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"{request}: {redacted(error)}") from None
        finally:
            self._observe(request.verb, outcome)

    async def _wait(self, request: Request, give_up: float, last: ApiError | None) -> None:
        """Until the server takes such requests again. Raises Throttled where that is later than `give_up`.

        `last` is what the server said to the request, if it was sent.
        """
        loop = asyncio.get_running_loop()
        while (left := self._throttling.left(request.kind, now=loop.time())) > 0:
            if loop.time() + left > give_up:
                status, reason = (None, "") if last is None else (last.status, last.reason)
                said = f"{request}: the API server asks to wait, for {left:.0f} s more"
                raise Throttled(said, status=status, reason=reason) from last
            await asyncio.sleep(left)

    def _puts_off(self, request: Request, response: aiohttp.ClientResponse, *, sent: float) -> bool:
        """Whether the server has put the request off, which was sent at this time of the event loop."""
        now = asyncio.get_running_loop().time()
        return self._throttling.learn(request.kind, response.status, response.headers, sent=sent, now=now)

    async def _send(self, request: Request, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        headers = {
            "Accept": request.accept,
            "Content-Type": request.content_type,
            "User-Agent": FIELD_MANAGER,
        }
        # Asked for each time: tokens rotate.
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        if token:
            headers["Authorization"] = token
        query = f"?{urlencode(request.query)}" if request.query else ""
        url = self._configuration.host + request.path + query
        answer = await self.rest.request(  # type: ignore[no-untyped-call]
            request.method, url, headers, request.body, _request_timeout=timeout
        )
        response: aiohttp.ClientResponse = answer.response
        return response


async def _read(request: Request, response: aiohttp.ClientResponse) -> bytes:
    """The whole body. Raises AnswerTooLarge."""
    # A small answer comes in one piece; compressed, its length says nothing.
    if (response.content_length or MAX_ANSWER) < SMALL and "Content-Encoding" not in response.headers:
        return await response.read()
    parts, size = [], 0
    async for data in response.content.iter_any():
        size += len(data)
        if size > MAX_ANSWER:
            raise AnswerTooLarge(f"{request}: an answer of more than {MAX_ANSWER} bytes")
        parts.append(data)
    return b"".join(parts)
