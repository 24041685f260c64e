"""As much of HTTP/1.1 as a probe needs: a GET, and the status of its response (RFC 9112)."""

import re

MAX_HEAD = 65_536
"""Octets up to the final status line, those of interim responses included."""
MAX_INTERIM = 32
"""Interim responses before the final one; a server sends a few (RFC 9110 section 15.2, RFC 8297)."""

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
        self._taken = self._interim = self._searched = 0

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
            self._interim += 1
            if self._interim > MAX_INTERIM:
                raise NotHttp(f"more than {MAX_INTERIM} interim responses")
        if self._taken > MAX_HEAD:
            raise NotHttp(f"no final status line within {MAX_HEAD} octets")
        return None

    def _status(self) -> int | None:
        line = _STATUS_LINE.match(self._head)
        if line is not None:
            return int(line[1])
        if not self._head.startswith(_PREFIX[: len(self._head)]) or b"\n" in self._head:
            raise NotHttp("no HTTP/1.1 status line")
        if len(self._head) > _MAX_LINE:
            raise NotHttp(f"a status line of more than {_MAX_LINE} octets")
        return None
