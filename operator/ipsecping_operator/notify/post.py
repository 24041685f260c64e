"""Post JSON to a receiver: one attempt, bounded in time and size, whatever the receiver does."""

import argparse
import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ipsecping.contract.repeated import repeats
from ipsecping.net.resolve import ResolveError, Resolver
from ipsecping.printable import printable
from ipsecping.tls_client import client_context
from ipsecping_operator.collect import connection
from ipsecping_operator.kube.throttling import retry_after
from ipsecping_operator.notification_settings import Credentials, Endpoint, endpoint

SECONDS = 10.0
"""For name, connection, TLS, request and the head of the answer, together."""
MOST_ADDRESSES = 4
"""Of a name, which are tried."""
SAID_SECONDS = 1.0
SAID_BYTES = 512
"""Of the content of an answer that refuses, which are read for the log; of others none is."""
MAX_FILE = 65_536
"""Bytes of a file of credentials; of authorities sixteen times that."""
REFUSED = frozenset({400, 410, 413, 415, 422})
"""Statuses that say that the same content will never be taken."""


class NotTaken(Exception):
    """The receiver did not take it. The message says why, and holds neither credentials nor a URL's path."""

    def __init__(self, why: str, *, refused: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.refused = refused
        """It will not take the same content later either."""
        self.retry_after = retry_after
        """Seconds that it asks to wait."""


@dataclass(slots=True)
class _Context:
    """A TLS context, and the authorities that it was made of."""

    authorities: bytes | None
    context: ssl.SSLContext


class Poster:
    """Posts to one receiver. A connection serves one request: no answer is read that was not asked for."""

    def __init__(
        self,
        where: Endpoint | Path,
        credentials: Credentials,
        *,
        seconds: float = SECONDS,
        names: Resolver | None = None,
    ) -> None:
        """`where` may be a file with the URL; `names` looks its host up."""
        self._where = where
        self._credentials = credentials
        self._seconds = seconds
        self._names = names or Resolver()
        self._context: _Context | None = None

    async def post(self, below: str, content: bytes, fields: Mapping[str, str]) -> None:
        """Return once the receiver has taken the content (2xx). Raises NotTaken.

        `below` is added to the path of its URL, which has no query then; empty: the URL as it is. Redirects
        are not followed: credentials and content are for the one who was named.
        """
        at = self._endpoint()
        target = at.target.rstrip("/") + below if below else at.target
        try:
            headers = {**fields, "User-Agent": "ipsecping-operator", **self._authorization()}
            tls = self._tls() if at.tls else None
            async with asyncio.timeout(self._seconds), AsyncExitStack() as stack:
                answer = await self._asked(stack, at, target, content, headers, tls)
                if not 200 <= answer.status < 300:
                    raise await _not_taken(answer, _secrets(at, headers.get("Authorization", "")))
        except TimeoutError:
            raise NotTaken(f"no answer within {self._seconds:g} s") from None
        except ResolveError as error:
            raise NotTaken(f"no connection: {_said(error)}") from error
        except connection.NotConnected as error:
            raise NotTaken(f"no connection: {_said(error.error) or 'not in time'}") from error
        except (connection.BadAnswer, OSError) as error:
            raise NotTaken(_said(error)) from error

    async def _asked(
        self,
        stack: AsyncExitStack,
        at: Endpoint,
        target: str,
        content: bytes,
        fields: Mapping[str, str],
        tls: ssl.SSLContext | None,
    ) -> connection.Answer:
        """The answer of the first of its addresses to which a connection comes about.

        Names are looked up in threads of their own, not in the few of the event loop: those have to look up
        the API server. If receivers' names hung there (their resolver may be behind the tunnel that is down),
        the Lease would be lost.
        """
        failed = connection.NotConnected(None)
        addresses = (await self._names.resolve_all(at.host)).ips[:MOST_ADDRESSES]
        for address in addresses:
            asked = connection.post(
                address,
                at.port,
                target,
                content,
                fields=fields,
                seconds=self._seconds,
                tls=tls,
                name=at.host,
                connect_seconds=self._seconds / len(addresses),
            )
            try:
                return await stack.enter_async_context(asked)
            except connection.NotConnected as error:
                failed = error
        raise failed

    def check(self) -> None:
        """Read the files, and send nothing. Raises NotTaken where one cannot be used."""
        self._authorization()
        if self._endpoint().tls:
            self._tls()

    def _endpoint(self) -> Endpoint:
        """Raises NotTaken where the file with the URL cannot be used."""
        if isinstance(self._where, Endpoint):
            return self._where
        try:
            at = endpoint(line_of(self._where))
        except argparse.ArgumentTypeError as error:
            raise NotTaken(f"{self._where}: {error}") from None
        if not at.tls and (self._credentials.bearer_file or self._credentials.basic_auth_file):
            raise NotTaken(f"{self._where}: no credentials are sent over http, in the clear: use https")
        return at

    def _authorization(self) -> dict[str, str]:
        """Raises NotTaken where the file cannot be used."""
        given = self._credentials
        if given.bearer_file is not None:
            return {"Authorization": f"Bearer {line_of(given.bearer_file)}"}
        if given.basic_auth_file is not None:
            line = line_of(given.basic_auth_file)
            if ":" not in line:
                raise NotTaken(f"{given.basic_auth_file} does not hold USER:PASSWORD")
            return {"Authorization": f"Basic {base64.b64encode(line.encode()).decode()}"}
        return {}

    def _tls(self) -> ssl.SSLContext:
        """The context, made anew when the file of authorities has changed."""
        file = self._credentials.ca_file
        authorities = None if file is None else content_of(file, most=16 * MAX_FILE)
        if self._context is None or self._context.authorities != authorities:
            try:
                made = client_context(ca_data=None if authorities is None else authorities.decode("ascii"))
            except (ssl.SSLError, UnicodeDecodeError):
                raise NotTaken(f"{file} holds no certificates in PEM form") from None
            self._context = _Context(authorities, made)
        return self._context.context


def content_of(file: Path, *, most: int = MAX_FILE) -> bytes:
    """Read a mounted file. Raises NotTaken where it cannot be, or is too large."""
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        raise NotTaken(f"{file}: {error.strerror}") from None
    if len(content) > most:
        raise NotTaken(f"{file} has more than {most} bytes")
    return content


def line_of(file: Path) -> str:
    """Read the one line of a file. Raises NotTaken where it is none that a header field can hold."""
    line = content_of(file).strip()
    if not line or not all(0x20 <= octet < 0x7F for octet in line):
        raise NotTaken(f"{file} does not hold one line of printable ASCII")
    return line.decode("ascii")


async def _not_taken(answer: connection.Answer, secrets: Sequence[str]) -> NotTaken:
    said = await _beginning(answer.content) if answer.status >= 400 else ""
    reason = printable(answer.reason, 64)
    if repeats(reason, secrets) or repeats(said, secrets):
        reason, said = "", "(what it says repeats the credentials or the path of the URL)"
    asked = {} if answer.retry_after is None else {"Retry-After": answer.retry_after}
    return NotTaken(
        f"answered {answer.status} {reason}{said and ': '}{said}",
        refused=answer.status in REFUSED,
        retry_after=retry_after(asked, now=datetime.now(UTC)),
    )


def _secrets(at: Endpoint, authorization: str) -> Sequence[str]:
    """Return what no answer may repeat into a log."""
    scheme, _, shown = authorization.partition(" ")
    secrets = [shown, at.target.rstrip("/")]
    if scheme == "Basic":
        secrets.append(base64.b64decode(shown).decode().partition(":")[2])
    return secrets


async def _beginning(content: AsyncGenerator[bytes, None]) -> str:
    """What an answer says, as far as that is told at once."""
    said = b""
    try:
        async with asyncio.timeout(SAID_SECONDS):
            async for part in content:
                said += part
                if len(said) >= SAID_BYTES:
                    break
    except (TimeoutError, connection.BadAnswer, OSError):
        pass
    finally:
        await content.aclose()
    return printable(said[:SAID_BYTES].decode(errors="replace").strip(), SAID_BYTES)


def _said(error: BaseException | None) -> str:
    """What went wrong, without the line of C code that ssl puts behind it."""
    return "" if error is None else printable(str(error).partition(" (_ssl.c")[0] or repr(error), 200)
