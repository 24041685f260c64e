"""Everything that reads bytes or JSON of others: a value or the one documented error, nothing else."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ipsecping.agent.plan_file import read_plan
from ipsecping.contract import (
    ContractError,
    Plan,
    PlannedCheck,
    RoundResult,
    plan_from_json,
    plan_to_json,
    result_from_json,
    result_to_json,
)
from ipsecping.contract.result_stream import Cursor, Heartbeat, Hello, Item, line_from_json, line_to_json
from ipsecping.contract.termination import decode
from ipsecping.net import timestamping
from ipsecping.serving.messages import BadRequest, Request, parse_request

from ..contract.strategies import checks, json_values, results


def outcome(read: Callable[[], Any], error: type[Exception]) -> Any:
    """What is read, or the error with which it is refused; any other error fails the test."""
    try:
        return read()
    except error as refusal:
        return refusal


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all nodes of a JSON value."""
    found = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


def with_one_wrong(value: Any, data: st.DataObject) -> Any:
    """The JSON value with one node replaced by something else, or taken away."""
    changed = json.loads(json.dumps(value))
    path = data.draw(st.sampled_from(places(changed)[1:]))
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    if data.draw(st.booleans()):
        inner[path[-1]] = data.draw(json_values)
    else:
        del inner[path[-1]]
    return changed


@given(check=checks(), data=st.data())
def test_a_plan_with_one_wrong_field_is_read_or_refused_by_name(
    check: PlannedCheck, data: st.DataObject
) -> None:
    wrong = with_one_wrong(plan_to_json(Plan(checks=(check,))), data)
    read = outcome(lambda: plan_from_json(wrong), ContractError)
    assert isinstance(read, Plan) or str(read).startswith("plan")


@given(result=results(), data=st.data())
def test_a_result_with_one_wrong_field_is_read_or_refused_by_name(
    result: RoundResult, data: st.DataObject
) -> None:
    wrong = with_one_wrong(result_to_json(result), data)
    read = outcome(lambda: result_from_json(wrong), ContractError)
    if isinstance(read, ContractError):
        assert str(read).startswith("result")
    else:
        assert 0 <= read.received <= read.sent
        assert sum(read.losses.values()) == read.sent - read.received
        assert read.rtt.count <= read.received


@given(result=results(), data=st.data())
def test_a_stream_line_with_one_wrong_field_is_read_or_refused(
    result: RoundResult, data: st.DataObject
) -> None:
    wrong = with_one_wrong(line_to_json(Item(sequence=3, ended=9, result=result)), data)
    read = outcome(lambda: line_from_json(wrong), ContractError)
    assert isinstance(read, Hello | Item | Heartbeat) or str(read)


@given(st.text(max_size=120))
def test_any_cursor_is_read_or_refused(text: str) -> None:
    read = outcome(lambda: Cursor.parse(text), ContractError)
    if isinstance(read, Cursor):
        assert Cursor.parse(str(read)) == read
    else:
        assert str(read).startswith("after:")


@given(text=st.text(max_size=300) | st.from_regex(r"ipsecping1 \d{1,3} [0-9a-f]{8} \S{0,50}", fullmatch=True))
def test_any_termination_message_is_read_or_refused(text: str) -> None:
    with pytest.raises(ContractError):
        decode(text)


@given(content=st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"version": 1, "checks": [1e999]}')
@example(b"\xff\xfe{}")
def test_any_plan_file_is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "plan.json"
        file.write_bytes(content)
        read = outcome(lambda: read_plan(file), ContractError)
    assert isinstance(read, Plan) or str(read)


request_lines = st.builds(
    lambda method, target, version: f"{method} {target} {version}\r\n\r\n".encode(),
    st.sampled_from(["GET", "HEAD", "POST", "get", ""]),
    st.text(max_size=60),
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2", ""]),
)


@given(head=st.binary(max_size=300) | request_lines)
@example(b"GET http://[::1 HTTP/1.1\r\n\r\n")
@example(b"GET /?" + b"a=1&" * 1000 + b" HTTP/1.1\r\n\r\n")
def test_any_request_head_is_read_or_refused_with_a_status(head: bytes) -> None:
    read = outcome(lambda: parse_request(head), BadRequest)
    if isinstance(read, BadRequest):
        assert 400 <= read.status < 600
    else:
        assert isinstance(read, Request)
        assert read.method in ("GET", "HEAD", "POST")


kernel_levels = st.sampled_from([socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_IPV6]) | st.integers(
    0, 300
)
kernel_kinds = st.sampled_from([37, 40, 8, 11, 2, 25, 50, 52]) | st.integers(0, 100)


@given(st.lists(st.tuples(kernel_levels, kernel_kinds, st.binary(max_size=64)), max_size=6))
def test_any_ancillary_data_is_read_or_passed_over(items: list[tuple[int, int, bytes]]) -> None:
    read = timestamping.parse_ancillary(items)
    assert read.local_address is None or len(read.local_address) in (4, 16)
    assert read.ttl is None or 0 <= read.ttl < 2**32
