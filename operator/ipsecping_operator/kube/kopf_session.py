"""The credentials and manners of our own client, in the form that Kopf takes.

A session that Kopf makes by itself verifies certificates as strictly as the interpreter's defaults are. A
Retry-After that is a date would end the operator, and one of a day would be obeyed.
"""

import asyncio
import ssl

import aiohttp
import kopf

from .access import Access
from .redaction import redacted
from .throttling import LONGEST, Throttling
from .transport import Observer


class KopfSession(kopf.AiohttpSession):
    """A session that is opened when Kopf takes it: credentials that were refused before it does not take."""

    tls: ssl.SSLContext
    info: kopf.ConnectionInfo
    """What makes two credentials the same: all but the TLS context."""
    patience: "Patience"

    def __init__(
        self,
        access: Access,
        *,
        observe: Observer = lambda verb, code: None,
        longest_wait: float = LONGEST,
    ) -> None:
        """`observe` is told the verb and the status code of each request that the server puts off.

        `longest_wait` is as in KubeClient.
        """
        configuration = access.configuration
        scheme, _, token = configuration.api_key.get("BearerToken", "").partition(" ")
        info = kopf.ConnectionInfo(
            server=configuration.host,
            username=configuration.username,
            password=configuration.password,
            scheme=scheme.capitalize() if token else None,
            token=token.strip() or None,
            proxy_url=configuration.proxy,
        )
        # Nothing of Kopf's credentials can be set by assignment.
        patience = Patience(observe, longest_wait)
        self.__dict__.update(server=info.server, info=info, tls=access.tls, patience=patience)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KopfSession) and other.info == self.info

    def __hash__(self) -> int:
        return hash(self.info)

    @property
    def aiohttp_session(self) -> aiohttp.ClientSession:
        """A new session, which Kopf closes."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self.tls),
            headers=self.info.as_http_headers(),
            proxy=self.info.proxy_url,
            trust_env=True,
            middlewares=(self.patience,),
        )


class Patience:
    """Sends a request again when the server has asked to come back, for as long as the request may take."""

    def __init__(self, observe: Observer, longest_wait: float) -> None:
        self._observe = observe
        self._throttling = Throttling(longest_wait)

    async def __call__(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """As aiohttp calls a middleware."""
        loop = asyncio.get_running_loop()
        verb = "watch" if request.url.query.get("watch") == "true" else "get"
        kind = f"{verb} {request.url.path}"
        while True:
            await asyncio.sleep(self._throttling.left(kind, now=loop.time()))
            sent = loop.time()
            try:
                response = await send(request)
            except aiohttp.ClientError as error:
                # Kopf logs all that is in an error.
                raise aiohttp.ClientConnectionError(redacted(error)) from None
            now = loop.time()
            if not self._throttling.learn(kind, response.status, response.headers, sent=sent, now=now):
                return response
            self._observe(verb, str(response.status))
            response.release()
