"""DNS messages over UDP: one question there, one response back (RFC 1035 section 4).

 0 ID        (2)
 2 flags     (2)   QR 1 bit, OPCODE 4, AA, TC, RD, RA, Z 3, RCODE 4
 4 QDCOUNT   (2)   6 ANCOUNT (2)   8 NSCOUNT (2)   10 ARCOUNT (2)
12 question: QNAME, QTYPE (2), QCLASS (2)
   records:  NAME, TYPE (2), CLASS (2), TTL (4), RDLENGTH (2), RDATA
"""

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

HEADER_SIZE = 12
NOERROR = 0
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33,
    "NAPTR": 35, "DS": 43, "DNSKEY": 48, "TLSA": 52, "SVCB": 64, "HTTPS": 65, "CAA": 257,
}  # fmt: skip
"""RFC 1035 section 3.2.2, RFC 3596, RFC 2782, RFC 3403, RFC 4034, RFC 6698, RFC 9460, RFC 8659."""
MAX_RECORDS = 256
"""Answer records that are looked at: more do not fit into a datagram of sense."""
MAX_LABELS = 512
"""Labels and pointers in all names that are walked over. Twice as many octets are the most that an answer may
have to a query without EDNS (RFC 1035 section 4.2.1)."""

_HEADER = Struct("!HHHHHH")
_QUESTION = Struct("!HH")
_RECORD = Struct("!HHIH")
_RESPONSE, _OPCODE, _TRUNCATED, _RECURSE = 0x8000, 0x7800, 0x0200, 0x0100
_RCODE = 0x000F
_INTERNET = 1
_OPT = 41
_MAX_NAME = 255
_POINTER = 0xC0


class Question(NamedTuple):
    """What is asked for."""

    name: bytes
    """As on the wire, in lower case."""
    type: int


class Response(NamedTuple):
    """What a response says."""

    id: int
    question: Question | None
    """The question it repeats; None where it repeats none, as some servers do with an error."""
    rcode: int
    truncated: bool
    records: tuple["Record", ...]
    """The records of its answer section, class IN."""
    message: bytes = b""
    """All of it: names in records point back into it."""

    @property
    def types(self) -> tuple[int, ...]:
        """Their types."""
        return tuple(record.type for record in self.records)


class Record(NamedTuple):
    """A resource record."""

    type: int
    data: bytes
    at: int
    """Where its data begin in the message."""


class Malformed(Exception):
    """Not a response in the format of RFC 1035. `id` is what stands in the place of the ID."""

    def __init__(self, id_: int, message: str) -> None:
        super().__init__(message)
        self.id = id_


def question(name: str, record_type: str) -> Question:
    """The question; raises ValueError for what is not a domain name (RFC 1035 section 2.3.4)."""
    labels = [] if name == "." else name.removesuffix(".").lower().encode("ascii").split(b".")
    if any(not 1 <= len(label) <= 63 for label in labels):
        raise ValueError(f"{name!r}: a label has 1 to 63 bytes")
    wire = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    if len(wire) > _MAX_NAME:
        raise ValueError(f"{name!r}: longer than {_MAX_NAME} bytes")
    return Question(wire, TYPES[record_type])


def pack_query(asked: Question, id_: int, *, edns: int | None = None) -> bytes:
    """A query that asks for recursion.

    Without EDNS, which old servers refuse, answers have up to 512 octets; `edns` is another size (RFC 6891).
    """
    header = _HEADER.pack(id_, _RECURSE, 1, 0, 0, 0 if edns is None else 1)
    option = b"" if edns is None else b"\0" + _RECORD.pack(_OPT, edns, 0, 0)
    return header + asked.name + _QUESTION.pack(asked.type, _INTERNET) + option


def parse_response(data: bytes) -> Response | None:
    """The response, None when there are too few octets for an ID; raises Malformed."""
    if len(data) < 2:
        return None
    id_ = int.from_bytes(data[:2], "big")
    if len(data) < HEADER_SIZE:
        raise Malformed(id_, "cut short in the header")
    _, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
    if not flags & _RESPONSE or flags & _OPCODE:
        raise Malformed(id_, "not a response to a standard query")
    if questions > 1:
        raise Malformed(id_, "more than one question")
    reader = _Reader(data, id_)
    asked = reader.question() if questions else None
    truncated = bool(flags & _TRUNCATED)
    records = reader.records(answers, truncated=truncated)
    return Response(id_, asked, flags & _RCODE, truncated, records, data)


def names_of(response: Response) -> Callable[[int], tuple[bytes, int]]:
    """What reads names within the records of a message, at most `MAX_LABELS` in all. It raises Malformed.

    It returns the name that begins at an offset, as on the wire and in lower case, and where it ends.
    """
    return _Reader(response.message, response.id).name_at


class _Reader:
    """Walks over a message. Every step is bounded by the message's end."""

    def __init__(self, data: bytes, id_: int) -> None:
        self._data = data
        self._id = id_
        self._at = HEADER_SIZE
        self._labels = 0

    def question(self) -> Question:
        name = self._name()
        kind, class_ = self._take(_QUESTION)
        if class_ != _INTERNET:
            raise Malformed(self._id, "a question of another class")
        return Question(name, kind)

    def records(self, count: int, *, truncated: bool) -> tuple[Record, ...]:
        """The next `count` records; a truncated message may end within."""
        found: list[Record] = []
        for _ in range(min(count, MAX_RECORDS)):
            if truncated and self._at >= len(self._data):
                break
            self._skip_name()
            kind, class_, _, length = self._take(_RECORD)
            if self._at + length > len(self._data):
                raise Malformed(self._id, "cut short in a record")
            if class_ == _INTERNET:
                found.append(Record(kind, self._data[self._at : self._at + length], self._at))
            self._at += length
        return tuple(found)

    def name_at(self, at: int) -> tuple[bytes, int]:
        """The name that begins there, and where it ends."""
        self._at = at
        return self._name(), self._at

    def _take(self, layout: Struct) -> tuple[int, ...]:
        if self._at + layout.size > len(self._data):
            raise Malformed(self._id, "cut short")
        values = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return values

    def _name(self) -> bytes:
        """A name, compressed or not (section 4.1.4): each pointer leads further back, so that none loops."""
        name = bytearray()
        at, lowest, end = self._at, self._at, None
        while True:
            length = self._label(at)
            if length >= _POINTER:
                target = (length & ~_POINTER) << 8 | self._octet(at + 1)
                end = at + 2 if end is None else end
                if target >= lowest:
                    raise Malformed(self._id, "a pointer that does not lead back")
                at = lowest = target
                continue
            if length > 63:
                raise Malformed(self._id, "an unknown kind of label")
            if at + 1 + length > len(self._data):
                raise Malformed(self._id, "cut short in a name")
            name += self._data[at : at + 1 + length]
            if len(name) > _MAX_NAME:
                raise Malformed(self._id, "a name that is too long")
            at += 1 + length
            if not length:
                self._at = at if end is None else end
                return bytes(name).lower()

    def _skip_name(self) -> None:
        """Step over a name; where its pointer leads does not matter, as long as that is back."""
        start = at = self._at
        while length := self._label(at):
            if length >= _POINTER:
                if (length & ~_POINTER) << 8 | self._octet(at + 1) >= start:
                    raise Malformed(self._id, "a pointer that does not lead back")
                at += 1
                break
            if length > 63:
                raise Malformed(self._id, "an unknown kind of label")
            at += 1 + length
            if at - start >= _MAX_NAME:
                raise Malformed(self._id, "a name that is too long")
        self._at = at + 1

    def _label(self, at: int) -> int:
        """The octet that a label, a pointer or the end of a name begins with."""
        self._labels += 1
        if self._labels > MAX_LABELS:
            raise Malformed(self._id, f"more than {MAX_LABELS} labels and pointers")
        return self._octet(at)

    def _octet(self, at: int) -> int:
        if at >= len(self._data):
            raise Malformed(self._id, "cut short in a name")
        return self._data[at]
