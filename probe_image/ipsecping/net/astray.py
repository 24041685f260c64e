"""Answers that come from another address or port than was asked: whose they are, at a bounded cost."""

from collections.abc import Iterable

from ..addresses import parse_address
from .flow import Flow
from .message_batch import socket_address

SECOND = 1_000_000_000
MOST_LOOKS = 4096
"""Flows of one socket that are asked in a second: a hundredth of a processor. A flow of its own takes as many
answers; where thousands share the socket, a few a second are enough to say what is wrong."""


class AstrayAnswers:
    """Of one socket. Times in monotonic nanoseconds, passed in."""

    __slots__ = ("_looks", "_since")

    def __init__(self) -> None:
        self._since = self._looks = 0

    def came(self, data: bytes, source: bytes, flows: Iterable[Flow], *, now: int) -> None:
        """Tell the flow whose packet `data` answers, if it is any's and there is time to look."""
        if now - self._since >= SECOND:
            self._since, self._looks = now, 0
        if self._looks >= MOST_LOOKS:
            return
        written, port, *_ = socket_address(source)
        address = str(parse_address(written))  # the C library writes ::10.0.0.1 for ::a00:1
        for flow in flows:
            self._looks += 1
            if flow.receiver is not None and flow.receiver.astray(data, address, port):
                return
            if self._looks >= MOST_LOOKS:
                return
