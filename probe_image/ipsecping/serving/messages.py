"""As much of HTTP/1.1 (RFC 9110, RFC 9112) as is needed here: GET, HEAD, POST, once a connection. Pure."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

MAX_FIELDS = 100
_NOT_ACCEPTABLE = re.compile(r"q=0(\.0*)?")
ANSWER_SECONDS = 60.0
_LENGTH = re.compile(r"[0-9]{1,18}")


async def _nothing(_: int) -> bytes:
    return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A GET, HEAD or POST request; `version` is "HTTP/1.0" or "HTTP/1.1"."""

    method: str
    version: str
    path: str
    query: Mapping[str, str]
    authorization: str | None = None
    """The field Authorization (RFC 9110 section 11.6.2)."""
    gzip: bool = False
    """The client takes gzip (Accept-Encoding, RFC 9110 section 12.5.3)."""
    length: int | None = None
    """Bytes of its content, where it says so (Content-Length, RFC 9110 section 8.6)."""
    content: Callable[[int], Awaitable[bytes]] = field(default=_nothing, compare=False)
    """Reads the content, of at most so many bytes; raises BadRequest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A status and a body; a body that is an iterator is streamed, chunk by chunk, until it ends."""

    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "text/plain; charset=utf-8"
    body: bytes | AsyncGenerator[bytes, None] = b""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    seconds: float | None = ANSWER_SECONDS
    """The reader has this long to take all of it; None: a stream that goes on."""
    trusted: bool = False
    """Its reader has proved who it is: nobody who has not takes its place."""


class BadRequest(ValueError):
    """A request that is refused; `status` says how, the message why, `headers` what goes with it."""

    def __init__(
        self, status: HTTPStatus, message: str, *, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


def parse_request(head: bytes) -> Request:
    """Read a request head (up to and with the empty line); raises BadRequest."""
    line, *lines = head.split(b"\r\n")
    try:
        method, target, version = line.decode("ascii").split(" ")
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=8))
    except ValueError:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "malformed request line") from None
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadRequest(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.0 and HTTP/1.1 only")
    if method not in ("GET", "HEAD", "POST"):
        raise not_allowed("GET", "HEAD")
    if len(lines) > MAX_FIELDS:
        raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"more than {MAX_FIELDS} header fields")
    return Request(
        method=method,
        version=version,
        path=parts.path,
        query=query,
        authorization=_authorization(lines),
        gzip=_takes_gzip(",".join(_values(lines, b"accept-encoding"))),
        length=_length(lines),
    )


def not_allowed(*methods: str) -> BadRequest:
    """What to raise for a method that is not among these."""
    said = f"{' and '.join(methods)} only"
    return BadRequest(HTTPStatus.METHOD_NOT_ALLOWED, said, headers={"Allow": ", ".join(methods)})


def _values(lines: list[bytes], wanted: bytes) -> list[str]:
    """Of all fields with this name in lower case (RFC 9110 section 5.1)."""
    fields = (line.partition(b":") for line in lines)
    return [value.strip().decode("latin-1") for name, _, value in fields if name.lower() == wanted]


def _authorization(lines: list[bytes]) -> str | None:
    found = _values(lines, b"authorization")
    if len(found) > 1:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "more than one field Authorization")
    return found[0] if found else None


def _length(lines: list[bytes]) -> int | None:
    """None too where the content is framed otherwise (Transfer-Encoding): such is not read."""
    found = _values(lines, b"content-length")
    if not found or _values(lines, b"transfer-encoding"):
        return None
    if len(found) > 1 or _LENGTH.fullmatch(found[0]) is None:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "malformed field Content-Length")
    return int(found[0])


def _takes_gzip(codings: str) -> bool:
    # Strangers write the list: thousands of others cost next to nothing.
    return any(_is_gzip(each) for each in codings.lower().split(",") if "gzip" in each)


def _is_gzip(coding: str) -> bool:
    """Whether it is gzip, and not with a weight of 0."""
    name, *parameters = coding.replace(" ", "").split(";")
    return name == "gzip" and not any(_NOT_ACCEPTABLE.fullmatch(each) for each in parameters)


def render_head(response: Response, *, chunked: bool) -> bytes:
    """Status line and header fields of a response; `chunked` as a stream is framed."""
    lines = [
        f"HTTP/1.1 {response.status.value} {response.status.phrase}",
        f"Content-Type: {response.content_type}",
        "Connection: close",
        "Cache-Control: no-store",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    if isinstance(response.body, bytes):
        lines.append(f"Content-Length: {len(response.body)}")
    elif chunked:
        lines.append("Transfer-Encoding: chunked")
    return "\r\n".join([*lines, "", ""]).encode()
