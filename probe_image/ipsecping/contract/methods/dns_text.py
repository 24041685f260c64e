"""The presentation format of resource records (RFC 1035 section 5.1), in one form for each record.

Names in lower case without the last dot, character strings in quotes, hexadecimal in lower case, numbers
without leading zeros, service parameters in the order of their keys.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Address

MAX_ANSWER = 512
"""Characters of an answer that is expected."""
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^\s"]+)')
_ESCAPE = re.compile(r"\\([0-9]{3}|[^0-9])")
MAX_NAME, MAX_LABEL = 253, 63
SERVICE_KEYS = (
    "mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath",
)  # fmt: skip
"""Names of service parameters by number (RFC 9460 section 14.3.2, RFC 9461)."""


class Kind(Enum):
    """What a field of a record is."""

    U8 = auto()
    U16 = auto()
    U32 = auto()
    IPV4 = auto()
    IPV6 = auto()
    NAME = auto()
    TAG = auto()
    """A character string that is written without quotes."""
    STRING = auto()
    STRINGS = auto()
    """All that is left, as character strings that belong together: how they are cut says nothing."""
    REST = auto()
    """All that is left, as one character string."""
    HEX = auto()
    BASE64 = auto()
    PARAMETERS = auto()


_SERVICE = (Kind.U16, Kind.NAME, Kind.PARAMETERS)
LAYOUTS: dict[str, tuple[Kind, ...]] = {
    "A": (Kind.IPV4,),
    "AAAA": (Kind.IPV6,),
    "CNAME": (Kind.NAME,),
    "NS": (Kind.NAME,),
    "PTR": (Kind.NAME,),
    "MX": (Kind.U16, Kind.NAME),
    "SOA": (Kind.NAME, Kind.NAME, Kind.U32, Kind.U32, Kind.U32, Kind.U32, Kind.U32),
    "SRV": (Kind.U16, Kind.U16, Kind.U16, Kind.NAME),
    "TXT": (Kind.STRINGS,),
    "CAA": (Kind.U8, Kind.TAG, Kind.REST),
    "DNSKEY": (Kind.U16, Kind.U8, Kind.U8, Kind.BASE64),
    "DS": (Kind.U16, Kind.U8, Kind.U8, Kind.HEX),
    "HTTPS": _SERVICE,
    "NAPTR": (Kind.U16, Kind.U16, Kind.STRING, Kind.STRING, Kind.STRING, Kind.NAME),
    "SVCB": _SERVICE,
    "TLSA": (Kind.U8, Kind.U8, Kind.U8, Kind.HEX),
}
"""The fields of each type (RFC 1035 section 3.3, RFC 2782, RFC 3403, RFC 3596, RFC 4034, RFC 6698, RFC 8659,
RFC 9460)."""
_MOST = {Kind.U8: 0xFF, Kind.U16: 0xFFFF, Kind.U32: 0xFFFFFFFF}
_TAKE_ALL = frozenset({Kind.STRINGS, Kind.HEX, Kind.BASE64, Kind.PARAMETERS})


def canonical(record_type: str, text: str) -> str:
    """The one form of a record that somebody wrote; raises ValueError with what is wrong."""
    if len(text) > MAX_ANSWER or not text.isascii() or not text.isprintable():
        raise ValueError(f"expected printable ASCII of at most {MAX_ANSWER} characters")
    layout = LAYOUTS[record_type]
    if layout == (Kind.STRINGS,) and not text.startswith('"'):
        return quoted(text.encode())  # as people write a text: in no quotes, and with spaces
    tokens = list(_tokens(text))
    written: list[str] = []
    for kind in layout:
        if not tokens and kind is not Kind.PARAMETERS:
            raise ValueError(f"too few fields: {record_type} has {len(layout)}")
        taken, tokens = (tokens, []) if kind in _TAKE_ALL else (tokens[:1], tokens[1:])
        written.append(_READ[kind](taken) if kind in _READ else _number(taken[0], _MOST[kind]))
    if tokens:
        raise ValueError(f"too many fields: {record_type} has {len(layout)}")
    return " ".join(each for each in written if each)


def quoted(data: bytes) -> str:
    """A character string in quotes."""
    return '"' + "".join(map(_escaped, data)) + '"'


def _escaped(octet: int) -> str:
    if octet in b'"\\':
        return "\\" + chr(octet)
    return chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03d}"


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError("a quote that is not closed")
        yield found[1]
        at = found.end()


def _bytes(token: str) -> bytes:
    """The content of a character string, in quotes or not."""
    inner = token[1:-1] if token.startswith('"') else token

    def plain(found: re.Match[str]) -> str:
        escaped = found[1]
        if len(escaped) == 1:
            return escaped
        if int(escaped) > 0xFF:
            raise ValueError(f"\\{escaped} is no byte")
        return chr(int(escaped))

    return _ESCAPE.sub(plain, inner).encode("latin-1")


def _number(token: str, most: int) -> str:
    if not re.fullmatch("[0-9]{1,10}", token) or int(token) > most:
        raise ValueError(f"{token[:20]!r} is not a number from 0 to {most}")
    return str(int(token))


def _name(tokens: Sequence[str]) -> str:
    (written,) = tokens
    name = written.lower().removesuffix(".")
    labels = name.split(".") if name else []
    if len(name) > MAX_NAME or not all(1 <= len(label) <= MAX_LABEL for label in labels) or '"' in name:
        raise ValueError(f"{written[:80]!r} is not a domain name")
    return name or "."


def _hex(tokens: Sequence[str]) -> str:
    return bytes.fromhex("".join(tokens)).hex()


def _base64(tokens: Sequence[str]) -> str:
    try:
        return base64.b64encode(base64.b64decode("".join(tokens), validate=True)).decode()
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None


def _parameters(tokens: Sequence[str]) -> str:
    return parameters([_parameter(each) for each in _joined(tokens)])


def _joined(tokens: Sequence[str]) -> Iterator[str]:
    """Put `alpn=` and the quoted value behind it together again."""
    waiting = ""
    for token in tokens:
        if waiting:
            yield waiting + token
            waiting = ""
        elif token.endswith("="):
            waiting = token
        else:
            yield token
    if waiting:
        raise ValueError(f"{waiting} has no value")


def _parameter(token: str) -> tuple[int, str]:
    key, _, value = token.partition("=")
    value = _bytes(value).decode("latin-1")
    if key in SERVICE_KEYS:
        number = SERVICE_KEYS.index(key)
    elif re.fullmatch("key(0|[1-9][0-9]{0,4})", key) and int(key[3:]) <= 0xFFFF:
        number = int(key[3:])
    else:
        raise ValueError(f"{key[:20]!r} is not a service parameter")
    if number in (4, 6):
        address = IPv4Address if number == 4 else IPv6Address
        return number, ",".join(str(address(each)) for each in value.split(","))
    return number, value


def service_key(number: int) -> str:
    """The name of a service parameter."""
    return SERVICE_KEYS[number] if number < len(SERVICE_KEYS) else f"key{number}"


def parameters(found: Sequence[tuple[int, str]]) -> str:
    """Service parameters, by number, with their values."""
    return " ".join(
        service_key(number) + (f"={quoted(value.encode('latin-1'))}" if value else "")
        for number, value in sorted(found)
    )


_READ: dict[Kind, Callable[[Sequence[str]], str]] = {
    Kind.IPV4: lambda tokens: str(IPv4Address(tokens[0])),
    Kind.IPV6: lambda tokens: str(IPv6Address(tokens[0])),
    Kind.NAME: _name,
    Kind.TAG: lambda tokens: _bytes(tokens[0]).decode("latin-1").lower(),
    Kind.STRING: lambda tokens: quoted(_bytes(tokens[0])),
    Kind.REST: lambda tokens: quoted(_bytes(tokens[0])),
    Kind.STRINGS: lambda tokens: quoted(b"".join(map(_bytes, tokens))),
    Kind.HEX: _hex,
    Kind.BASE64: _base64,
    Kind.PARAMETERS: _parameters,
}
