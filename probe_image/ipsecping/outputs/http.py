"""Send text to a server: no proxies, no redirects, bounded in time and size."""

import base64
import http.client
import ssl
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from ..contract.repeated import SECRET_PART, repeats
from ..printable import printable
from ..tls_client import client_context
from .access import NONE, Access
from .errors import OutputError

SECONDS = 10.0
"""To connect, and for each step of an exchange."""
MAX_ANSWER = 1024
"""Bytes of an answer that are looked at."""
CA_OPTIONS = "--pushgateway-ca, --influx-ca, SSL_CERT_FILE"
_EXCERPT = 200


class Target(NamedTuple):
    """A server and a place on it."""

    secure: bool
    host: str
    port: int | None
    path: str
    """Without a slash at the end."""
    query: str

    def __str__(self) -> str:
        """Return it for errors: without path and query, which may be as good as a password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{'https' if self.secure else 'http'}://{host}{port}"


def parse_url(url: str) -> Target:
    """Read an http or https URL; raises OutputError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # No message repeats the URL: it may hold a password.
        raise OutputError("this is not a URL, or its port is none") from None
    if "@" in parts.netloc:
        raise OutputError(
            "a URL with a password in it can be read by every user of this machine: "
            "leave it out and name a file with it"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OutputError("this is not a URL such as http://host:9091")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise OutputError("other characters than in a URL, escape them as %20 and the like")
    return Target(parts.scheme == "https", parts.hostname, port, parts.path.rstrip("/"), parts.query)


class Connection:
    """One connection for several exchanges, one after the other."""

    def __init__(
        self,
        target: Target,
        access: Access = NONE,
        *,
        seconds: float = SECONDS,
        names: Collection[str] = (),
    ) -> None:
        """`names` are parameters of the query that hold names rather than secrets."""
        self._target = target
        self._secrets = _secrets(target, access, names)
        self._headers = {} if access.authorization is None else {"Authorization": access.authorization}
        self._connection = (
            http.client.HTTPSConnection(
                target.host, target.port, timeout=seconds, context=access.context or client_context()
            )
            if target.secure
            else http.client.HTTPConnection(target.host, target.port, timeout=seconds)
        )

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """One exchange; any answer but 2xx raises OutputError with what the server says."""
        try:
            self._connection.request(method, path, body, {**headers, **self._headers})
            answer = self._connection.getresponse()
            said = answer.read(MAX_ANSWER)
            if answer.read(1):  # the connection is not worth keeping for so long an answer
                self._connection.close()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise OutputError(f"{self._target}: {_why(error)}") from error
        if not 200 <= answer.status < 300:
            what = f"{answer.reason}: {said.decode(errors='replace')[:_EXCERPT]}"
            if repeats(what, self._secrets):
                what = "(what it says repeats the credentials or the path of the URL)"
            shown = printable(" ".join(what.split()))
            raise OutputError(f"{self._target}: HTTP {answer.status} {shown}".rstrip(": ").rstrip())


def _secrets(target: Target, access: Access, names: Collection[str]) -> list[str]:
    """Return what no answer may repeat into an error."""
    scheme, _, shown = (access.authorization or "").partition(" ")
    password = base64.b64decode(shown).decode().partition(":")[2] if scheme == "Basic" else ""
    given = parse_qsl(target.query, keep_blank_values=True)
    values = [value or name for name, value in given if name not in names]  # a key may stand there alone
    return [shown, password, target.path, *(value for value in values if len(value) >= SECRET_PART)]


def _why(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message} (name a private authority's certificates: {CA_OPTIONS})"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"not an answer in HTTP: {type(error).__name__}"
