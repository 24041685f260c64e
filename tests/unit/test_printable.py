"""Texts of others: one line that steers no terminal, and no longer than asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.printable import printable, shortened, within


@given(st.text(max_size=40), st.integers(1, 50))
def test_any_text_becomes_one_harmless_line_within_its_length(text: str, most: int) -> None:
    shown = printable(text, most)
    assert shown.isprintable()
    assert len(shown) <= most


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Köln → 10.0.0.1 \\n", "Köln → 10.0.0.1 \\n"),
        ("a\n\x1b[1m\ud800b", r"a\n\x1b[1m\ud800b"),
        ("\u202e\U000e0001", r"\u202e\U000e0001"),
    ],
)
def test_what_cannot_be_printed_is_escaped_and_all_else_stays(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_what_is_cut_says_so() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "ab…"
    assert within("äöü", 6) == "äöü"
    assert within("äöüß", 6) == "ä…"
    assert printable("\n" * 10**6, 3) == "\\n…"
