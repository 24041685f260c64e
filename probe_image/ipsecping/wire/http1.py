"""As much of HTTP/1.1 as a probe needs: a GET, and the status of its response (RFC 9112)."""

import re

MAX_HEAD = 65_536
"""Octets of status line and header fields, interim responses included."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_PREFIX = b"HTTP/1."
_MAX_LINE = 8192
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_SWITCHING_PROTOCOLS = 101


class NotHttp(Exception):
    """The far end speaks something else."""


def pack_get(*, authority: str, request_target: str, user_agent: str) -> bytes:
    """The request; its connection is not used again."""
    return (
        f"GET {request_target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {user_agent}\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


class StatusReader:
    """Takes a response in as it comes."""

    def __init__(self) -> None:
        self._head = b""

    def feed(self, data: bytes) -> int | None:
        """The final status code, or None while more is needed. Raises NotHttp.

        Interim responses (1xx, RFC 9110 section 15.2) are passed over.
        """
        self._head += data
        while (status := self._status()) is not None:
            if status >= 200 or status == _SWITCHING_PROTOCOLS:
                return status
            end = _HEAD_END.search(self._head)
            if end is None:
                break
            self._head = self._head[end.end() :]
        if len(self._head) > MAX_HEAD:
            raise NotHttp("a header section without end")
        return None

    def _status(self) -> int | None:
        line = _STATUS_LINE.match(self._head)
        if line is not None:
            return int(line[1])
        if not self._head.startswith(_PREFIX[: len(self._head)]) or b"\n" in self._head:
            raise NotHttp("no HTTP/1.1 status line")
        if len(self._head) > _MAX_LINE:
            raise NotHttp("a status line without end")
        return None
