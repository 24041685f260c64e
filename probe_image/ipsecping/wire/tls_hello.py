"""How a server's side of a TLS handshake begins: with a ServerHello, or a request for another (RFC 8446).

TLSPlaintext   type (1), version (2), length (2), fragment                        (section 5.1)
Handshake      type (1), length (3), version (2), random (32), ...                (sections 4 and 4.1.3)
"""

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a HelloRetryRequest, by which it is told from a ServerHello."""

_HANDSHAKE = 22
_RECORD_HEAD = 5
_RANDOM_AT = 6
_WANTED = _RANDOM_AT + len(RETRY)


class FirstHello:
    """Takes in what a server sends, in pieces of any size, until its random is known."""

    __slots__ = ("_handshake", "_head", "_left", "_message")

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._handshake = False
        self._message = b""

    @property
    def retry(self) -> bool:
        """The server asks for another key share, of a group that it chooses."""
        return self._message[_RANDOM_AT:_WANTED] == RETRY

    def feed(self, data: bytes) -> None:
        """The next octets. What is no TLS is left to who speaks it."""
        at = 0
        while at < len(data) and len(self._message) < _WANTED:
            if not self._left:
                lacking = _RECORD_HEAD - len(self._head)
                self._head += data[at : at + lacking]
                at += lacking
                if len(self._head) == _RECORD_HEAD:
                    self._left = int.from_bytes(self._head[3:], "big")
                    self._handshake = self._head[0] == _HANDSHAKE
                    self._head = b""
                continue
            fragment = data[at : at + self._left]
            at += len(fragment)
            self._left -= len(fragment)
            if self._handshake:
                self._message += fragment[: _WANTED - len(self._message)]
