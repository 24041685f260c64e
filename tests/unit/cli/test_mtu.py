"""`ipsecping mtu`: what it refuses, and what it says of silence."""

import socket

import pytest

from .conftest import ipsecping


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--icmp --key-file keys", "--key-file is for --stamp"),
        ("--udp-echo 7 --key-file keys", "--key-file is for --stamp"),
        ("--key-file /no/such/file", "key file /no/such/file: No such file"),
        ("--min 1501", "min <= max"),
    ],
)
def test_wrong_usage_is_told_in_one_line(words: str, message: str) -> None:
    done = ipsecping("mtu", "127.0.0.1", *words.split())
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]


def test_where_nobody_answers_the_option_that_waits_for_longer_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        done = ipsecping("mtu", "127.0.0.1", "--udp-echo", str(silent.getsockname()[1]), "-W", "50ms")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == (
        "no answer: Timeout (each answer was waited for 0.05 s: -W waits for longer)"
    )
