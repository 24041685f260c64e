"""Outputs over the network, to a fake receiver on loopback and to servers that misbehave."""

import base64
import socket
import threading
import time
from urllib.parse import unquote

import pytest

from ipsecping.outputs import influx, pushgateway
from ipsecping.outputs.access import NONE, Access
from ipsecping.outputs.errors import OutputError
from ipsecping.outputs.http import Connection, parse_url
from ipsecping.outputs.series import SeriesBook
from ipsecping.outputs.together import write_all

from ...ports import free_port
from ..conftest import Receiver
from .results import check, measured

TOKEN = Access("Token s3cret")


def book() -> SeriesBook:
    made = SeriesBook()
    for name in ("hq-dc1", "hq-dc2"):
        made.add(*measured(check(name=name)))
    return made


def test_each_check_has_a_group_of_its_own_on_the_pushgateway(receiver: Receiver) -> None:
    pushgateway.push(parse_url(f"{receiver.url}/prefix/"), book())
    assert [(method, path) for method, path, _, _ in receiver.got] == [
        ("PUT", "/prefix/metrics/job/ipsecping/namespace/network/check/hq-dc1"),
        ("PUT", "/prefix/metrics/job/ipsecping/namespace/network/check/hq-dc2"),
    ]
    _, _, body, headers = receiver.got[1]
    assert b'check="hq-dc2"' in body
    assert b'check="hq-dc1"' not in body
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("name", ["a/b", "", "..", "ä b", "x@y"])
def test_names_that_would_break_the_path_are_encoded(name: str) -> None:
    key, value = pushgateway.group_path("n", name).split("/")[-2:]
    encoded = key == "check@base64"
    assert key in ("check", "check@base64")
    text = base64.urlsafe_b64decode(value if value != "=" else b"").decode() if encoded else unquote(value)
    assert text == name


def test_influx_gets_all_lines_with_the_token(receiver: Receiver) -> None:
    target = influx.parse_write_url(f"{receiver.url}?org=my org&bucket=b".replace(" ", "%20"))
    influx.write(target, [measured()] * (influx.BATCH + 1), TOKEN)
    assert [path for _, path, _, _ in receiver.got] == [
        "/api/v2/write?org=my+org&bucket=b&precision=ns",
        "/api/v2/write?org=my+org&bucket=b&precision=ns",
    ]
    assert [body.count(b"\n") for _, _, body, _ in receiver.got] == [influx.BATCH, 1]
    assert receiver.got[0][3]["Authorization"] == "Token s3cret"


def test_what_the_server_says_is_passed_on_without_the_token(receiver: Receiver) -> None:
    receiver.status, receiver.body = 401, b'{"code":"unauthorized",\x1b[31m\n"message":"no"}'
    with pytest.raises(OutputError) as refused:
        influx.write(influx.parse_write_url(f"{receiver.url}?org=o&bucket=b"), [measured()], TOKEN)
    said = str(refused.value)
    assert "HTTP 401 Unauthorized" in said
    assert '"message":"no"' in said
    assert said.isprintable()
    assert "s3cret" not in said


@pytest.mark.parametrize("query", ["org=o&bucket=b&key=top-s3cret", "org=o&bucket=b"])
def test_a_server_that_shows_what_it_was_sent_gets_no_secret_into_the_error(
    receiver: Receiver, query: str
) -> None:
    target = influx.parse_write_url(f"{receiver.url}/top-s3cret%2Fpath?{query}")
    access = Access("Bearer bearer-s3cret")
    for shown in (
        "key top-s3cret is wrong",
        "no /top-s3cret/path/api",
        "Authorization: Bearer bearer-s3cret",
    ):
        receiver.status, receiver.body = 401, shown.encode()
        with pytest.raises(OutputError, match="HTTP 401") as refused:
            influx.write(target, [measured()], access)
        assert "s3cret" not in str(refused.value)
        assert "path" not in str(refused.value).replace("path of the URL", "")


def test_a_key_that_stands_alone_in_the_query_is_a_secret_as_well(receiver: Receiver) -> None:
    target = influx.parse_write_url(f"{receiver.url}?org=o&bucket=b&alone-s3cret")
    receiver.status, receiver.body = 401, b"alone-s3cret is unknown"
    with pytest.raises(OutputError, match="HTTP 401") as refused:
        influx.write(target, [measured()], NONE)
    assert "s3cret" not in str(refused.value)


def test_a_redirect_is_an_error_for_it_would_lose_the_body(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"Location": "http://127.0.0.1:1/"}
    with pytest.raises(OutputError, match="HTTP 302"):
        pushgateway.push(parse_url(receiver.url), book())


def test_an_endless_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.status, receiver.body = 500, b"x" * 1_000_000
    with pytest.raises(OutputError) as refused:
        pushgateway.push(parse_url(receiver.url), book())
    assert len(str(refused.value)) < 300


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", free_port()))


def send_to(port: int, *, seconds: float = 5) -> None:
    with Connection(parse_url(f"http://127.0.0.1:{port}"), seconds=seconds) as connection:
        connection.send("PUT", "/", b"", {})


def test_a_server_that_does_not_answer_is_given_up() -> None:
    with listening() as server, pytest.raises(OutputError, match="no answer in time"):
        send_to(server.getsockname()[1], seconds=0.05)


def test_a_closed_port_and_a_server_that_speaks_something_else_are_named() -> None:
    with listening() as server:
        port = server.getsockname()[1]

        def babble() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"SSH-2.0-x\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        with pytest.raises(OutputError, match="not an answer in HTTP"):
            send_to(port)
        thread.join()
    with pytest.raises(OutputError, match="Connection refused"):
        send_to(port)


def test_one_failing_output_takes_no_other_with_it() -> None:
    done: list[str] = []

    def refused() -> None:
        raise OutputError("http://h: Connection refused")

    def broken() -> None:
        raise RuntimeError("a fault of ours")

    failures = write_all({"a": refused, "b": broken, "c": lambda: done.append("c")})
    assert failures == ["a: http://h: Connection refused", "b: RuntimeError: a fault of ours"]
    assert done == ["c"]


def test_an_output_that_hangs_is_left_behind() -> None:
    release = threading.Event()

    def hang() -> None:
        release.wait(60)

    started = time.monotonic()
    try:
        assert write_all({"a": hang}, seconds=0.05) == ["a: not done within 0.05 s"]
        assert time.monotonic() - started < 30
    finally:
        release.set()


def test_a_host_without_threads_left_writes_one_output_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def refused() -> None:
        raise OutputError("http://h: Connection refused")

    done: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", none_left)
    assert write_all({"a": refused, "b": lambda: done.append("b")}) == ["a: http://h: Connection refused"]
    assert done == ["b"]
