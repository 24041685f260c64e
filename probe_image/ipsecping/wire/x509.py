"""When an X.509 certificate ends, read from its DER form (RFC 5280 section 4.1).

Certificate    SEQUENCE { tbsCertificate SEQUENCE { version [0] OPTIONAL, serialNumber INTEGER,
               signature SEQUENCE, issuer SEQUENCE, validity SEQUENCE { notBefore, notAfter }, ... } ... }
"""

from datetime import UTC, datetime

_INTEGER, _SEQUENCE, _VERSION = 0x02, 0x30, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def not_after(certificate: bytes) -> int | None:
    """The end of its validity in seconds since the Unix epoch, up to the year 9999.

    0 stands for any time before 1970, for it has ended; the last second of 9999 means that it never ends
    (RFC 5280 section 4.1.2.5). None for what is not a certificate, and for a time that no calendar has: a
    99th of December, a 31st of June.
    """
    try:
        to_be_signed = _read(_read(certificate, 0, _SEQUENCE)[0], 0, _SEQUENCE)[0]
        at = 0
        if to_be_signed[:1] == bytes((_VERSION,)):
            at = _read(to_be_signed, at, _VERSION)[1]
        for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):
            at = _read(to_be_signed, at, tag)[1]
        validity, _ = _read(to_be_signed, at, _SEQUENCE)
        not_before_end = _read(validity, 0, validity[0])[1]
        return _time(validity[not_before_end], _read(validity, not_before_end, validity[not_before_end])[0])
    except (IndexError, ValueError):
        return None


def _read(data: bytes, at: int, tag: int) -> tuple[bytes, int]:
    """Content of the element that starts at `at`, and where the next starts."""
    if data[at] != tag:
        raise ValueError("another element was expected")
    length, start = data[at + 1], at + 2
    if length == 0x80:
        raise ValueError("no length, which DER does not allow")
    if length & 0x80:
        octets = length & 0x7F
        start += octets
        length = int.from_bytes(data[at + 2 : start], "big")
    if start + length > len(data):
        raise ValueError("cut short")
    return data[start : start + length], start + length


def _time(tag: int, content: bytes) -> int:
    """RFC 5280 sections 4.1.2.5.1 and 4.1.2.5.2: always with seconds, always in UTC."""
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        text = ("20" if text[:2] < "50" else "19") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not a time")
    if len(text) != 15 or text[14] != "Z" or not text[:14].isdigit():
        raise ValueError("not a time in the form of RFC 5280")
    year, month, day, hour, minute, second = (
        int(text[:4]),
        *(int(text[place : place + 2]) for place in range(4, 14, 2)),
    )
    # The year 0, which Python does not know, is a leap year.
    moment = datetime(year or 4, month, day, hour, minute, second, tzinfo=UTC)
    return 0 if year < _EPOCH.year else int((moment - _EPOCH).total_seconds())
