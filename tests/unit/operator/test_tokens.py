"""The key of the results' tokens: kept in a Secret where that can be, never shown, never written over."""

import base64
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, Conflict, Forbidden, ServerError, Unreachable
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.tokens import store
from ipsecping_operator.tokens.keys import OCTETS, MalformedKey, TokenKeys, keys_in

KEY, OLD = b"k" * OCTETS, b"o" * OCTETS


def b64(key: bytes) -> str:
    return base64.b64encode(key).decode()


class Api(KubeClient):
    """One Secret. `faults` are raised first, one a request."""

    def __init__(self, data: Mapping[str, str] | None = None, *, faults: tuple[ApiError, ...] = ()) -> None:
        self.secret: dict[str, Any] | None = {"metadata": {"resourceVersion": "7"}, "data": data}
        self.faults = list(faults)
        self.written: list[Mapping[str, Any]] = []

    async def get(self, kind: Kind, namespace: str, name: str) -> Any:
        assert (kind.plural, namespace, name) == ("secrets", "system", "results-key")
        if self.faults:
            raise self.faults.pop(0)
        return self.secret

    async def merge(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any]) -> Any:
        assert self.secret is not None
        if body["metadata"] != self.secret["metadata"]:
            raise Conflict("changed")
        self.written.append(body)
        self.secret = {**self.secret, "data": body["data"]}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PAUSE", 0)


async def loaded(api: Api) -> TokenKeys:
    return await store.load(api, "system", "results-key")


async def test_an_empty_secret_is_filled_once_and_read_ever_after() -> None:
    api = Api()
    first = await loaded(api)
    assert len(api.written) == 1
    assert len(first.keys[0]) == OCTETS
    assert await loaded(api) == first
    assert len(api.written) == 1


async def test_while_a_key_is_exchanged_both_are_in_force_and_the_new_one_is_tried_first() -> None:
    keys = await loaded(Api({"key": b64(KEY), "previous": b64(OLD), "note": "by hand"}))
    assert keys == TokenKeys((KEY, OLD))
    assert keys.tokens("u", "p") == (*TokenKeys((KEY,)).tokens("u", "p"), *TokenKeys((OLD,)).tokens("u", "p"))


@pytest.mark.parametrize(
    ("api", "said"),
    [
        (Api(faults=(Forbidden("may not"),)), "may not"),
        (Api(faults=(Unreachable("away"),) * 99), "away"),
        (Api({"key": b64(KEY[:-1])}), "key is not 32 bytes"),
        (Api({"key": "#"}), "key is not 32 bytes"),
        (Api({"previous": b64(OLD)}), "it has previous and no key"),
    ],
    ids=["forbidden", "away", "short", "not base64", "no current"],
)
async def test_otherwise_the_key_is_in_memory_which_is_said_and_the_secret_is_left_as_it_is(
    api: Api, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = await loaded(api)
    assert len(keys.keys[0]) == OCTETS
    assert api.written == []
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert said in record.getMessage()
    assert "system/results-key" in record.getMessage()


async def test_a_secret_that_is_missing_is_no_obstacle() -> None:
    api = Api()
    api.secret = None
    assert len((await loaded(api)).keys[0]) == OCTETS


async def test_an_api_that_is_away_for_a_moment_is_waited_for() -> None:
    api = Api({"key": b64(KEY)}, faults=(Unreachable("away"), ServerError("later", status=503)))
    assert await loaded(api) == TokenKeys((KEY,))


async def test_without_a_name_or_a_namespace_the_key_is_in_memory_and_another_one_each_time() -> None:
    made = [
        await store.load(Api(), *where) for where in (("system", None), (None, "results-key"), (None, None))
    ]
    assert len({each.keys for each in made}) == 3


async def test_no_key_is_ever_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api = Api()
    (key,) = (await loaded(api)).keys
    for shown in (caplog.text, repr(TokenKeys((key,)))):
        assert b64(key) not in shown
        assert repr(key) not in shown
    with pytest.raises(MalformedKey) as error:
        keys_in({"key": "c2VjcmV0"})
    assert "c2VjcmV0" not in str(error.value)


def test_a_secret_without_a_key_in_it_gets_one_whatever_else_it_holds() -> None:
    assert keys_in({"key": "", "previous": "", "note": "bWluZQ=="}) is None


def test_no_two_agents_have_the_same_token() -> None:
    keys = TokenKeys((KEY,))
    pairs = [("u1", "a"), ("u1", "b"), ("u2", "a"), ("u", "1/a")]
    assert len({keys.tokens(*pair) for pair in pairs}) == len(pairs)
    assert all(len(token) == 64 for pair in pairs for token in keys.tokens(*pair))
