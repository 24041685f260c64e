"""JSON of others is read in one way or not at all."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ipsecping.contract import ContractError, json_text
from ipsecping.contract.json_text import decode
from ipsecping.contract.result_stream import Heartbeat, Hello, Item, Refused, read_line

from .strategies import json_values


@given(json_values)
def test_json_is_read_as_it_was_written(value: object) -> None:
    text = json.dumps(value)
    if "NaN" in text or "Infinity" in text:
        return
    assert decode(text, "x") == decode(text.encode(), "x") == json.loads(text)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b'{"a": 1, "a": 2}', r"^line: 'a' stands twice"),
        (b'[{"b": {"\\ud800": 1, "\\ud800": 2}}]', r"^line: '\\ud800' stands twice"),
        (b"[NaN]", r"^line: NaN is not a number"),
        (b"-Infinity", r"^line: -Infinity is not a number"),
        (b"[" * 100_000, r"^line: nested too deeply"),
        (b'{"a":' * 50_000, r"^line: nested too deeply"),
        (b"1" * 5000, r"^line: a number of thousands of digits"),
        (b'"\xed\xa0\x80"', r"^line: not in UTF-8"),
        ('{"a": 1}'.encode("utf-16"), r"^line: not in UTF-8"),
        ('{"a": 1}'.encode("utf-32-le"), r"^line: not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', r"^line: not JSON: it begins with a byte order mark"),
        (b'"a\nb"', r"^line: not JSON"),
        (b"{} {}", r"^line: not JSON"),
        (b"", r"^line: not JSON"),
    ],
)
def test_what_can_be_read_in_two_ways_or_holds_us_up_is_refused(octets: bytes, why: str) -> None:
    with pytest.raises(ContractError, match=why):
        decode(octets, "line")


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
@example(b'{"sequence": 1e400, "ended": 1}')
@example(b'{"sequence": true, "ended": 1}')
@example(b'{"sequence": ' + b"9" * 4000 + b"}")
@example(b'{"heartbeat": {"now": ' + b"9" * 4000 + b"}}")
@example(b'{"hello": {"bootID": "\\ud800"}}')
def test_no_line_raises_and_what_is_said_of_it_is_short_and_printable(octets: bytes) -> None:
    line = read_line(octets)
    assert isinstance(line, Refused | Hello | Heartbeat | Item)
    if isinstance(line, Refused):
        said = str(line.error)
        assert said.isprintable()
        assert len(said) < 400
        assert len(line.error.field) < 80


def test_a_name_that_stands_twice_is_found_without_comparing_all_with_all() -> None:
    compared = 0

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    # What the decoder hands over; a line of 64 KiB has room for 7,600 names.
    names = [f"{number:x}" for number in range(7600)]
    with pytest.raises(ContractError, match=r"^'1daf' stands twice"):
        json_text._object([(Name(name), 0) for name in [*names, names[-1]]])
    assert compared < 100
