"""Names of addresses: what is no name is not shown, and a silent resolver holds up nobody."""

import socket
import threading

import pytest

from ipsecping.net.reverse import MAX_LOOKUPS, Names, name_of


async def test_names_come_in_the_background() -> None:
    names = Names({"10.0.0.1": "gw.example"}.get)
    names.ask("10.0.0.1")
    names.ask("10.0.0.2")
    assert names.waits_for("10.0.0.1")
    await names.settle(10)
    assert names.known("10.0.0.1") == "gw.example"
    assert names.known("10.0.0.2") is None
    assert not names.waits_for("10.0.0.2")


async def test_a_silent_resolver_and_one_that_fails_hold_up_nobody() -> None:
    answer = threading.Event()
    names = Names(lambda address: str(answer.wait()) if address == "10.0.0.1" else str(1 / 0))
    try:
        names.ask("10.0.0.1")
        names.ask("10.0.0.2")
        await names.settle(0.05)
        assert names.known("10.0.0.1") is None
    finally:
        answer.set()
        await names.settle(10)


async def test_a_host_without_threads_left_does_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    names = Names({"10.0.0.1": "gw.example"}.get)
    names.ask("10.0.0.1")
    assert not names.waits_for("10.0.0.1")
    assert names.known("10.0.0.1") is None


async def test_the_number_of_lookups_is_bounded() -> None:
    asked: list[str] = []
    names = Names(lambda address: asked.append(address))
    for number in range(2 * MAX_LOOKUPS):
        names.ask(f"10.0.{number // 256}.{number % 256}")
    await names.settle(10)
    assert len(asked) == MAX_LOOKUPS


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("gw-1.example.net", "gw-1.example.net"),
        ("_x.example", "_x.example"),
        ("a\x1b[2Jb", None),
        ("a b", None),
        ("-x", None),
        ("x" * 254, None),
        ("münchen.example", None),
        ("a\n", None),
    ],
)
def test_only_names_are_shown(monkeypatch: pytest.MonkeyPatch, said: str, shown: str | None) -> None:
    monkeypatch.setattr(socket, "getnameinfo", lambda address, flags: (said, "0"))
    assert name_of("192.0.2.1") == shown
