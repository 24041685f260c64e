"""`ipsecping mtu`: what it refuses."""

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
