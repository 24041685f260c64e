"""When the API server asks to be left alone: what it may ask for, and how long is waited."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.kube.throttling import BACKOFF, LONGEST, SPREAD, Throttling, retry_after

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
MINUTE_LATER = "Sat, 28 Nov 2026 12:01:00 GMT"
LIST = "list pods"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "1"}, 1.0),
        ({"Retry-After": " 120 "}, 120.0),
        ({"Retry-After": MINUTE_LATER}, 60.0),
        ({"Retry-After": "Saturday, 28-Nov-26 12:01:00 GMT"}, 60.0),
        ({"Retry-After": MINUTE_LATER, "Date": "Sat, 28 Nov 2026 12:00:50 GMT"}, 10.0),
        ({"Retry-After": "Sat, 28 Nov 2026 11:00:00 GMT"}, 0.0),
        ({}, 0.0),
        *(({"Retry-After": odd}, 0.0) for odd in ("", "-5", "1.5", "soon", "1e9", "inf", "9" * 5000, "٣")),
        ({"Retry-After": "Sat, 28 Nov 99999999999 12:01:00 GMT"}, 0.0),
        ({"Retry-After": MINUTE_LATER, "Date": "yesterday"}, 60.0),
    ],
)
def test_seconds_and_dates_are_understood_and_nothing_else(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(headers, now=NOON) == seconds


@given(st.text(), st.text())
def test_no_header_is_an_error(asked: str, date: str) -> None:
    assert retry_after({"Retry-After": asked, "Date": date}, now=NOON) >= 0


class Server:
    """Answers one request after another; `chance` adds nothing to pauses."""

    def __init__(self, longest: float = LONGEST) -> None:
        self.throttling = Throttling(longest)
        self.now = 100.0

    def answers(self, status: int, asked: str | None = None, *, kind: str = LIST, sent: float = 0.0) -> float:
        """Seconds that are to be waited after this answer to a request sent so many seconds ago."""
        headers = {} if asked is None else {"Retry-After": asked}
        self.throttling.learn(
            kind, status, headers, sent=self.now - sent, now=self.now, wall=lambda: NOON, chance=lambda: 0.0
        )
        return self.throttling.left(kind, now=self.now)


def test_what_the_server_asks_for_is_waited_and_no_more_than_is_sensible() -> None:
    server = Server()
    assert server.answers(429, "3") == 3
    server.now += 3
    assert server.throttling.left(LIST, now=server.now) == 0
    assert server.answers(429, "86400") == LONGEST
    server.now += LONGEST
    in_a_year = format_datetime(NOON.replace(year=2027), usegmt=True)
    assert server.answers(503, in_a_year) == LONGEST


def test_pauses_grow_while_it_goes_on_and_begin_anew_after_an_answer() -> None:
    server = Server()
    pauses = []
    for _ in range(6):
        pauses.append(server.answers(429, "1"))
        server.now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 8, 8]
    assert server.answers(200) == 0
    assert server.answers(429) == BACKOFF.first


def test_requests_that_were_refused_together_count_once() -> None:
    server = Server()
    assert [server.answers(429, "1", sent=0.2) for _ in range(8)] == [1] * 8
    server.now += 0.5
    assert server.answers(429, "2", sent=1.0) == 2, "the server has thought better of it"
    assert server.answers(200, sent=1.0) == 2, "granted before it was overloaded"


def test_other_kinds_of_requests_do_not_wait() -> None:
    server = Server()
    server.answers(429, "5", kind="create events")
    assert server.throttling.left("apply configmaps", now=server.now) == 0


@pytest.mark.parametrize("status", [200, 404, 409, 422])
def test_only_an_overloaded_server_is_obeyed(status: int) -> None:
    assert Server().answers(status, "5") == 0
    assert Server().answers(500) == 0, "a fault, not a request to wait"


def test_who_was_refused_together_does_not_come_back_together() -> None:
    throttling = Throttling()
    throttling.learn(LIST, 429, {"Retry-After": "10"}, sent=0.0, now=0.0, chance=lambda: 0.999)
    assert 10.0 < throttling.left(LIST, now=0.0) <= 10 * (1 + SPREAD)
