"""Post JSON to a receiver: one attempt, bounded in time and size, whatever the receiver does."""

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ipsecping.tls_client import client_context
from ipsecping_operator.collect import connection
from ipsecping_operator.kube.throttling import retry_after
from ipsecping_operator.notification_settings import Credentials, Endpoint
from ipsecping_operator.verdict import text

SECONDS = 10.0
"""For name, connection, TLS, request and the head of the answer, together."""
SAID_SECONDS = 1.0
SAID_BYTES = 512
"""Of the content of an answer that refuses, which are read for the log; of others none is."""
SECRET_PART = 8
"""Characters of credentials in an answer for which none of it is told: what is read may end within them."""
MAX_FILE = 65_536
"""Bytes of a file of credentials; of authorities sixteen times that."""
REFUSED = frozenset({400, 410, 413, 415, 422})
"""Statuses that say that the same content will never be taken."""


class NotTaken(Exception):
    """The receiver did not take it. The message says why, and holds no credentials."""

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

    def __init__(self, endpoint: Endpoint, credentials: Credentials, *, seconds: float = SECONDS) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._seconds = seconds
        self._context: _Context | None = None

    async def post(self, target: str, content: bytes, fields: Mapping[str, str]) -> None:
        """Return once the receiver has taken the content (2xx). Raises NotTaken.

        Redirects are not followed: credentials and content are for the one who was named.
        """
        at = self._endpoint
        try:
            headers = {**fields, "User-Agent": "ipsecping-operator", **self._authorization()}
            tls = self._tls() if at.tls else None
            async with (
                asyncio.timeout(self._seconds),
                connection.post(
                    at.host, at.port, target, content, fields=headers, seconds=self._seconds, tls=tls
                ) as answer,
            ):
                if not 200 <= answer.status < 300:
                    raise await _not_taken(answer, headers.get("Authorization", ""))
        except TimeoutError:
            raise NotTaken(f"no answer within {self._seconds:g} s") from None
        except connection.NotConnected as error:
            raise NotTaken(f"no connection: {_said(error.error) or 'not in time'}") from error
        except (connection.BadAnswer, OSError) as error:
            raise NotTaken(_said(error)) from error

    def check(self) -> None:
        """Read the files, and send nothing. Raises NotTaken where one cannot be used."""
        self._authorization()
        if self._endpoint.tls:
            self._tls()

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


async def _not_taken(answer: connection.Answer, authorization: str) -> NotTaken:
    said = await _beginning(answer.content) if answer.status >= 400 else ""
    reason = text.printable(answer.reason, 64)
    if _repeats(reason, authorization) or _repeats(said, authorization):
        reason, said = "", "(what it says repeats the credentials)"
    asked = {} if answer.retry_after is None else {"Retry-After": answer.retry_after}
    return NotTaken(
        f"answered {answer.status} {reason}{said and ': '}{said}",
        refused=answer.status in REFUSED,
        retry_after=retry_after(asked, now=datetime.now(UTC)),
    )


def _repeats(said: str, authorization: str) -> bool:
    """Whether a part of the credentials is in what was said: some proxies show what they were sent."""
    scheme, _, shown = authorization.partition(" ")
    secrets = [shown]
    if scheme == "Basic":
        secrets.append(base64.b64decode(shown).decode().partition(":")[2])
    parts = {said[at : at + SECRET_PART] for at in range(max(len(said) - SECRET_PART + 1, 0))}
    return any(secret and (secret in said or any(part in secret for part in parts)) for secret in secrets)


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
    return text.printable(said[:SAID_BYTES].decode(errors="replace").strip(), SAID_BYTES)


def _said(error: BaseException | None) -> str:
    """What went wrong, without the line of C code that ssl puts behind it."""
    return "" if error is None else text.printable(str(error).partition(" (_ssl.c")[0] or repr(error), 200)
