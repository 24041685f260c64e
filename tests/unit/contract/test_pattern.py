"""Patterns find what Python's `re` finds, and no text and no pattern keeps them busy."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract.pattern import MAX_WORK, MalformedPattern, Pattern, TooCostly

ATOMS = [
    "a",
    "b",
    ".",
    "[ab]",
    "[^a]",
    r"\d",
    r"\W",
    "^",
    "$",
    "(a|bc)",
    "(?:ab)",
    r"\x61",
    r"\.",
    "[]a]",
    "[a-c-]",
]
SIGNS = ["", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"]


def found(pattern: Pattern, text: bytes) -> bool:
    """Whether the whole text holds the pattern anywhere."""
    search = pattern.search()
    return search.feed(text) or search.end()


@given(
    st.lists(st.tuples(st.sampled_from(ATOMS), st.sampled_from(SIGNS)), min_size=1, max_size=6),
    st.text("abc1.\n]-", max_size=20),
)
def test_a_pattern_finds_what_re_finds(parts: list[tuple[str, str]], text: str) -> None:
    pattern = "".join(atom if atom in "^$" else atom + sign for atom, sign in parts)
    # Python's $ also matches before a line feed at the end; RE2's and ours only at the end itself.
    expected = re.search(pattern.replace("$", r"\Z").encode(), text.encode()) is not None
    assert found(Pattern(pattern), text.encode()) is expected


def test_case_is_passed_over_where_asked_for_and_pieces_are_one_text() -> None:
    search = Pattern("(?i)he[L]lo$").search()
    assert [search.feed(each) for each in (b"xHE", b"l", b"LO")] == [False, False, False]
    assert search.end()


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "1 to 256"),
        ("a" * 257, "1 to 256"),
        ("(a", "without its )"),
        ("a)", "without its ("),
        ("[a", "without its ]"),
        ("*a", "nothing before"),
        (r"\b", "not known"),
        ("(?=a)", "only"),
        ("a{9,2}", "lower first"),
        ("a{101}", "0 to 100"),
        ("((a{50}){50}){50}", "more than 256 states"),
        ("(" * 20 + "a" + ")" * 20, "deep"),
        ("[z-a]", "lower character"),
    ],
)
def test_what_is_not_in_the_subset_is_refused_with_the_place(pattern: str, said: str) -> None:
    with pytest.raises(MalformedPattern, match=re.escape(said)):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*)*x", "a{1,100}b"])
def test_what_keeps_a_backtracking_search_busy_for_hours_takes_a_glance(pattern: str) -> None:
    assert not found(Pattern(pattern), b"a" * 65_536 + b"!")  # never ends with `re`


@pytest.mark.parametrize("pattern", ["(a|b)*a(a|b){60}c", "(.*a){8}.{40}c"])
def test_what_needs_too_many_combinations_is_given_up(pattern: str) -> None:
    text = bytes(random.Random(7).choices(b"ab", k=65_536))
    made = Pattern(pattern)
    steps = 0

    def counted(states: frozenset[int], octet: int, *, inner=made.step) -> frozenset[int]:  # type: ignore[no-untyped-def]
        nonlocal steps
        steps += 1
        reached: frozenset[int] = inner(states, octet)
        return reached

    made.step = counted  # type: ignore[method-assign]
    with pytest.raises(TooCostly, match="costs too much"):
        found(made, text)
    assert steps <= MAX_WORK
