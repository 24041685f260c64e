"""Which key share a TLS server asks for, when it wants another than it was offered (RFC 8446).

TLSPlaintext        type (1), version (2), length (2), fragment                            (section 5.1)
Handshake           type (1), length (3), then of a ServerHello                            (section 4)
HelloRetryRequest   version (2), random (32), session ID (1 + n), cipher suite (2), compression (1),
                    extensions (2 + n): type (2), length (2), data                         (section 4.1.4)
"""

from struct import Struct

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a HelloRetryRequest, by which it is told from a ServerHello."""
MAX_MESSAGE = 20_004
"""Octets of a ServerHello with its type and length: OpenSSL takes no more."""

_HANDSHAKE = 22
_HELLO_REQUEST = bytes(4)
"""Of TLS 1.2 (RFC 5246 section 7.4.1.1): passed over during a handshake, by OpenSSL as well."""
_RECORD_HEAD = 5
_MESSAGE_HEAD = 4
_RANDOM_AT = 6
_SESSION_ID_AT = _RANDOM_AT + len(RETRY)
_KEY_SHARE = 51
_FINITE_FIELDS = range(0x0100, 0x0200)
"""ffdhe2048 to ffdhe8192, and those for private use (RFC 7919 section 2)."""
_EXTENSION = Struct("!HH")


def over_finite_field(group: int) -> bool:
    """Whether a key share of it takes Diffie-Hellman over a finite field."""
    return group in _FINITE_FIELDS


class FirstMessage:
    """Takes in what a server sends, in pieces of any size, until its first message is there."""

    __slots__ = ("_handshake", "_head", "_left", "_message", "_wanted", "group")

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._handshake = False
        self._message = bytearray()
        self._wanted = _MESSAGE_HEAD
        self.group: int | None = None
        """The group of which another key share is asked for; None: none is, or not yet."""

    def feed(self, data: bytes) -> None:
        """The next octets. What is no TLS is left to who speaks it."""
        at = 0
        while at < len(data) and len(self._message) < self._wanted:
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
                self._take(fragment)

    def _take(self, fragment: bytes) -> None:
        self._message += fragment
        while self._message.startswith(_HELLO_REQUEST):
            del self._message[: len(_HELLO_REQUEST)]
        if self._wanted == _MESSAGE_HEAD <= len(self._message):
            length = int.from_bytes(self._message[1:_MESSAGE_HEAD], "big")
            self._wanted = min(_MESSAGE_HEAD + length, MAX_MESSAGE)
        if len(self._message) >= self._wanted > _MESSAGE_HEAD:
            self.group = _group(bytes(self._message[: self._wanted]))
            self._message = self._message[: self._wanted]


def _group(message: bytes) -> int | None:
    """Of a HelloRetryRequest's extension key_share (section 4.2.8)."""
    if message[_RANDOM_AT:_SESSION_ID_AT] != RETRY or len(message) == _SESSION_ID_AT:
        return None
    at = _SESSION_ID_AT + 1 + message[_SESSION_ID_AT] + 2 + 1 + 2
    while at + _EXTENSION.size <= len(message):
        kind, length = _EXTENSION.unpack_from(message, at)
        at += _EXTENSION.size
        if kind == _KEY_SHARE:
            return int.from_bytes(message[at : at + 2], "big")
        at += length
    return None
