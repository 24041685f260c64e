"""As much of HTTP/1.1 as a probe needs: a request, and its response (RFC 9112)."""

import re
import zlib
from collections.abc import Sequence

MAX_HEAD = 65_536
"""Octets up to the final status line, those of interim responses included."""
MAX_INTERIM = 32
"""Interim responses before the final one; a server sends a few (RFC 9110 section 15.2, RFC 8297)."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_PREFIX = b"HTTP/1."
_MAX_LINE = 8192
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_SWITCHING_PROTOCOLS = 101
_LENGTH = re.compile("[0-9]{1,18}")
_CHUNK = re.compile(rb"[0-9a-fA-F]{1,15}")
MAX_FIELDS = 256
MAX_BODY = 65_536
"""Octets of a response's body that are looked at."""


class NotHttp(Exception):
    """The target speaks something else."""


def pack_request(
    method: str, request_target: str, fields: Sequence[tuple[str, str]], body: bytes | None = None
) -> bytes:
    """The request; its connection is not used again. The fields' names and values have no line breaks."""
    length = () if body is None else (("Content-Length", str(len(body))),)
    lines = [f"{name}: {value}\r\n" for name, value in (*fields, *length, ("Connection", "close"))]
    return f"{method} {request_target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("ascii") + (body or b"")


class StatusReader:
    """Takes a response in as it comes, up to its final status."""

    def __init__(self) -> None:
        self._head = b""
        self._taken = self._searched = 0
        self.interim = 0
        """Interim responses that were passed over."""

    def feed(self, data: bytes) -> int | None:
        """The final status code, or None while more is needed. Raises NotHttp.

        Interim responses (1xx, RFC 9110 section 15.2) are passed over.
        """
        self._head += data
        self._taken += len(data)
        while (status := self._status()) is not None:
            if status >= 200 or status == _SWITCHING_PROTOCOLS:
                return status
            end = _HEAD_END.search(self._head, self._searched)
            if end is None:
                self._searched = max(len(self._head) - 3, 0)  # its first octets may have come
                break
            self._head, self._searched = self._head[end.end() :], 0
            self.interim += 1
            if self.interim > MAX_INTERIM:
                raise NotHttp(f"more than {MAX_INTERIM} interim responses")
        if self._taken > MAX_HEAD:
            raise NotHttp(f"no final status line within {MAX_HEAD} bytes")
        return None

    @property
    def begun(self) -> bytes:
        """What has come of the final response, from its status line on."""
        return self._head

    def _status(self) -> int | None:
        line = _STATUS_LINE.match(self._head)
        if line is not None:
            return int(line[1])
        if not self._head.startswith(_PREFIX[: len(self._head)]) or b"\n" in self._head:
            raise NotHttp("no HTTP/1.1 status line")
        if len(self._head) > _MAX_LINE:
            raise NotHttp(f"a status line of more than {_MAX_LINE} bytes")
        return None


class ResponseReader:
    """Takes a response in from its status line on, up to `MAX_BODY` octets of its body."""

    def __init__(self, *, without_body: bool) -> None:
        """`without_body`: it has none, whatever its fields say (RFC 9112 section 6.3)."""
        self._without_body = without_body
        self._buffer = bytearray()
        self._fields: tuple[tuple[str, str], ...] | None = None
        self._body = bytearray()
        self._left: int | None = None
        self._chunked = False
        self.complete = False

    def feed(self, data: bytes) -> None:
        """Take octets in. Raises NotHttp."""
        self._buffer += data
        if self._fields is None:
            end = _HEAD_END.search(self._buffer, max(len(self._buffer) - len(data) - 3, 0))
            if end is None:
                if len(self._buffer) > MAX_HEAD:
                    raise NotHttp(f"more than {MAX_HEAD} bytes of header fields")
                return
            self._fields = _fields_of(bytes(self._buffer[: end.start()]))
            del self._buffer[: end.end()]
            self._frame()
        while not self.complete and self._take():
            pass

    def end(self) -> None:
        """The target has closed. Raises NotHttp for a response that is cut short."""
        if not self.complete and (self._fields is None or self._chunked or self._left is not None):
            raise NotHttp("the target closed within its response")
        self.complete = True

    def values(self, name: str) -> list[str]:
        """The values of the fields of this name."""
        return [value for each, value in self._fields or () if each == name.lower()]

    @property
    def has_fields(self) -> bool:
        """Whether all header fields have come."""
        return self._fields is not None

    def body(self) -> bytes:
        """At most `MAX_BODY` octets of the body, uncompressed. Raises NotHttp."""
        codings = [
            each.strip().lower() for value in self.values("content-encoding") for each in value.split(",")
        ]
        if codings in ([], ["identity"]):
            return bytes(self._body)
        if codings != ["gzip"]:
            raise NotHttp("the body is in a content coding that was not asked for")
        try:
            return zlib.decompressobj(wbits=31).decompress(bytes(self._body), MAX_BODY)
        except zlib.error as error:
            raise NotHttp(f"the body is not in gzip: {error}") from None

    def _frame(self) -> None:
        lengths = set(self.values("content-length"))
        codings = [value.lower() for value in self.values("transfer-encoding")]
        if self._without_body:
            self.complete = True
        elif codings:
            if codings != ["chunked"]:
                raise NotHttp("a transfer coding that was not asked for")
            self._chunked = True
        elif lengths:
            (length,) = lengths if len(lengths) == 1 else ("",)
            if not _LENGTH.fullmatch(length):
                raise NotHttp("a Content-Length that is no number, or two")
            self._left = int(length)

    def _take(self) -> bool:
        """Take one step; whether there may be another."""
        if self._chunked and self._left is None:
            end = self._buffer.find(b"\n", 0, _MAX_LINE)
            if end < 0:
                if len(self._buffer) >= _MAX_LINE:
                    raise NotHttp(f"a chunk's size of more than {_MAX_LINE} bytes")
                return False
            line = bytes(self._buffer[:end]).partition(b";")[0].strip()
            del self._buffer[: end + 1]
            if not line:  # the end of the chunk before
                return True
            if not _CHUNK.fullmatch(line):
                raise NotHttp("a chunk without its size")
            self._left = int(line, 16)
            if not self._left:
                self.complete = True
            return True
        piece = self._buffer if self._left is None else self._buffer[: self._left]
        self._body += piece[: MAX_BODY - len(self._body)]
        if self._left is not None:
            self._left -= len(piece)
        taken = len(piece)
        del self._buffer[:taken]
        if self._left == 0 and self._chunked:
            self._left = None
        elif self._left == 0 or len(self._body) >= MAX_BODY:
            self.complete = True
        return bool(taken) and bool(self._buffer)


def _fields_of(head: bytes) -> tuple[tuple[str, str], ...]:
    _, *lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    if len(lines) > MAX_FIELDS:
        raise NotHttp(f"more than {MAX_FIELDS} header fields")
    found = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise NotHttp("a header field without a name")
        found.append((name.lower(), value.strip()))
    return tuple(found)
