"""What a client says to have TLS on a connection that began without: SMTP, IMAP, PostgreSQL, LDAP.

Each protocol is a generator that yields what to send and is sent what has come since, until it returns: then
TLS begins. It raises Refused where the target answers anything else.
"""

import re
import struct
from collections.abc import Callable, Generator

MAX_ANSWER = 8192
"""Octets of one answer."""
Dialogue = Generator[bytes, bytes, None]

_SSL_REQUEST = struct.pack("!II", 8, 80_877_103)
_OID = b"1.3.6.1.4.1.1466.20037"
_LDAP_REQUEST = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + _OID


class Refused(Exception):
    """The target does not offer TLS, or speaks another protocol."""


def smtp() -> Dialogue:
    """RFC 3207."""
    yield from _answer(rb"220", b"", _smtp_end)
    yield from _answer(rb"250", b"EHLO ipsecping\r\n", _smtp_end)
    yield from _answer(rb"220", b"STARTTLS\r\n", _smtp_end)


def imap() -> Dialogue:
    """RFC 9051 section 6.2.1."""
    yield from _answer(rb"\* OK", b"", lambda text: text.endswith(b"\r\n"))
    yield from _answer(rb"(\*[^\n]*\n)*a1 OK", b"a1 STARTTLS\r\n", _tagged_end)


def postgres() -> Dialogue:
    """SSLRequest of the frontend/backend protocol."""
    yield from _answer(rb"S\Z", _SSL_REQUEST, lambda text: len(text) >= 1)


def ldap() -> Dialogue:
    """RFC 4511 section 4.14: an extended request, and a response with the result code success."""
    yield from _answer(
        rb"(?s)\x30.\x02\x01\x01\x78.\x0a\x01\x00|\x30\x84....\x02\x01\x01\x78(\x84...)?.\x0a\x01\x00",
        _LDAP_REQUEST,
        _ldap_end,
    )


def _answer(wanted: bytes, said: bytes, complete: Callable[[bytes], bool]) -> Dialogue:
    text = yield said
    while not complete(text):
        if len(text) > MAX_ANSWER:
            raise Refused(f"an answer of more than {MAX_ANSWER} bytes")
        text += yield b""
    if not re.match(wanted, text):
        raise Refused(f"it answered {text[:64]!r}")


def _smtp_end(text: bytes) -> bool:
    """Whether the last line of a reply has come, which has no hyphen behind its code."""
    last = text.rstrip(b"\r\n").rpartition(b"\n")[2]
    return text.endswith(b"\n") and not (last[:3].isdigit() and last[3:4] == b"-")


def _tagged_end(text: bytes) -> bool:
    return text.endswith(b"\n") and text.rstrip(b"\r\n").rpartition(b"\n")[2].startswith(b"a1 ")


def _ldap_end(text: bytes) -> bool:
    """Whether a whole message has come; what begins with no SEQUENCE never becomes one."""
    if len(text) < 2:
        return False
    if text[0] != 0x30:
        return True
    extra = text[1] & 0x7F if text[1] & 0x80 else 0
    if len(text) < 2 + extra:
        return False
    length = int.from_bytes(text[2 : 2 + extra], "big") if extra else text[1]
    return len(text) >= 2 + extra + length
