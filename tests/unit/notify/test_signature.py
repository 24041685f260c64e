"""Signatures, against the example of Standard Webhooks."""

import base64

import pytest

from ipsecping_operator.notify.signature import MOST_KEYS, BadKeys, fields, read_keys

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_example_of_the_specification_is_signed_as_there() -> None:
    signed = fields(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', keys=read_keys(KEY), now=1614265330
    )
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_key_is_replaced_there_is_a_signature_by_each() -> None:
    other = base64.b64encode(b"k" * 32).decode()
    keys = read_keys(f"# the new one\n{other}\n\n{KEY}\n")
    signed = fields("id", b"{}", keys=keys, now=1)["webhook-signature"].split(" ")
    alone = [fields("id", b"{}", keys=[key], now=1)["webhook-signature"] for key in keys]
    assert signed == alone
    assert len(signed) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "there is no key"),
        ("# nothing", "there is no key"),
        ("not base64!", "line 1 is not base64"),
        (f"{KEY}\ncGFzc3dvcmQ=", "line 2: a key has 24 to 64 bytes, this one 8"),
        ("\n".join([KEY] * (MOST_KEYS + 1)), f"more than {MOST_KEYS} keys"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_without_repeating_it(content: str, said: str) -> None:
    with pytest.raises(BadKeys, match=said) as refused:
        read_keys(content)
    assert "cGFzc3" not in str(refused.value)
    assert "not base64!" not in str(refused.value)
