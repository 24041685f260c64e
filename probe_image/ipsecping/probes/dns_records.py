"""Resource records as they came, in the form that `contract.methods.dns_text` has for each."""

import base64
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address

from ..contract.methods.dns_text import LAYOUTS, Kind, parameters, quoted, service_key
from ..wire.dns import Malformed, Record, Response, names_of

NameReader = Callable[[int], tuple[bytes, int]]
_SIZES = {Kind.U8: 1, Kind.U16: 2, Kind.U32: 4}


def presented(response: Response, record_type: str, records: list[Record]) -> Iterator[str]:
    """Yield the records of that type, all of `response`, in their canonical text. Raises Malformed."""
    names = names_of(response)
    for record in records:
        fields = _Fields(response, record)
        written = [fields.take(kind, names) for kind in LAYOUTS[record_type]]
        if fields.at != fields.end:
            raise Malformed(response.id, "a record that is longer than its type")
        yield " ".join(each for each in written if each)


class _Fields:
    """Walks over one record's data."""

    def __init__(self, response: Response, record: Record) -> None:
        self._response = response
        self._message = response.message
        self.at = record.at
        self.end = record.at + len(record.data)

    def take(self, kind: Kind, names: NameReader) -> str:
        """The next field."""
        if kind in _SIZES:
            return str(int.from_bytes(self._take(_SIZES[kind]), "big"))
        match kind:
            case Kind.NAME:
                name, self.at = names(self.at)
                if self.at > self.end:
                    raise Malformed(self._response.id, "cut short in a record")
                return _name_text(name)
            case Kind.IPV4:
                return str(IPv4Address(self._take(4)))
            case Kind.IPV6:
                return str(IPv6Address(self._take(16)))
            case Kind.TAG:
                return self._string().decode("latin-1").lower()
            case Kind.STRING:
                return quoted(self._string())
            case Kind.STRINGS:
                return quoted(b"".join(self._strings()))
            case Kind.REST:
                return quoted(self._rest())
            case Kind.HEX:
                return self._rest().hex()
            case Kind.BASE64:
                return base64.b64encode(self._rest()).decode()
        return parameters(list(self._parameters()))

    def _take(self, size: int) -> bytes:
        if self.at + size > self.end:
            raise Malformed(self._response.id, "cut short in a record")
        self.at += size
        return self._message[self.at - size : self.at]

    def _rest(self) -> bytes:
        return self._take(self.end - self.at)

    def _string(self) -> bytes:
        return self._take(self._take(1)[0])

    def _strings(self) -> Iterator[bytes]:
        while self.at < self.end:
            yield self._string()

    def _parameters(self) -> Iterator[tuple[int, str]]:
        while self.at < self.end:
            number, size = (int.from_bytes(self._take(2), "big") for _ in range(2))
            yield number, self._value(number, self._take(size))

    def _value(self, number: int, value: bytes) -> str:
        """As RFC 9460 section 7 and appendix A write it."""
        match number:
            case 0 if len(value) % 2 == 0:
                keys = (int.from_bytes(value[i : i + 2], "big") for i in range(0, len(value), 2))
                return ",".join(map(service_key, keys))
            case 1:
                return ",".join(_split(value, self._response.id))
            case 3 if len(value) == 2:
                return str(int.from_bytes(value, "big"))
            case 4 if value and len(value) % 4 == 0:
                return ",".join(str(IPv4Address(value[i : i + 4])) for i in range(0, len(value), 4))
            case 5:
                return base64.b64encode(value).decode()
            case 6 if value and len(value) % 16 == 0:
                return ",".join(str(IPv6Address(value[i : i + 16])) for i in range(0, len(value), 16))
        return value.decode("latin-1")


def _split(value: bytes, id_: int) -> Iterator[str]:
    at = 0
    while at < len(value):
        end = at + 1 + value[at]
        if end > len(value):
            raise Malformed(id_, "cut short in a record")
        yield value[at + 1 : end].decode("latin-1")
        at = end


def _name_text(name: bytes) -> str:
    """A name from the wire, in lower case already."""
    labels, at = [], 0
    while size := name[at]:
        labels.append("".join(_label_text(octet) for octet in name[at + 1 : at + 1 + size]))
        at += 1 + size
    return ".".join(labels) or "."


def _label_text(octet: int) -> str:
    return chr(octet) if 0x21 <= octet < 0x7F and octet not in b'."\\' else f"\\{octet:03d}"
