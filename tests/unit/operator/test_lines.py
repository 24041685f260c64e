"""A stream of bytes cut into lines of bounded length."""

import pytest

from ipsecping_operator.lines import EndlessLine, LineSplitter


def test_lines_are_cut_wherever_the_pieces_end() -> None:
    splitter = LineSplitter(limit=10)
    pieces = [b"on", b"e\ntwo\nthr", b"ee", b"\n", b"0123456789\n"]
    assert [line for piece in pieces for line in splitter.feed(piece)] == [
        b"one",
        b"two",
        b"three",
        b"0123456789",
    ]


def test_a_line_that_is_too_long_is_passed_over_and_not_held() -> None:
    splitter = LineSplitter(limit=10)
    pieces = [b"one\n0123456789a", b"b" * 50, b"c\ntwo\n", b"0123456789d\n", b"three\n"]
    assert [line for piece in pieces for line in splitter.feed(piece)] == [
        b"one",
        None,
        b"two",
        None,
        b"three",
    ]
    assert splitter.held == b""


def test_a_line_without_end_is_an_error_before_it_takes_for_ever() -> None:
    splitter = LineSplitter(limit=10)
    pieces = [list(splitter.feed(b"0123456789")) for _ in range(16)]
    assert [line for lines in pieces for line in lines] == [None]
    with pytest.raises(EndlessLine, match="no end after 160 bytes"):
        list(splitter.feed(b"0"))
