"""An agent that somebody has taken over: `python -m tests.api.hostile.lying_agent KIND ADDRESS PORT PLAN`.

It asks nobody for a token, knows its plan, and has the operator read what it likes. It is a fake: no agent of
ours behaves so.
"""

import argparse
import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ipsecping.contract import PlannedCheck, plan_from_json
from ipsecping.contract.result_stream import Hello, Item, line_to_json

from ..operator.rounds import round_of

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"


def _items(check: PlannedCheck) -> Iterator[bytes]:
    """Results of the right plan, without end."""
    for sequence in itertools.count(1):
        for result in round_of(check):
            item = Item(sequence=sequence, ended=time.monotonic_ns(), result=result)
            yield octets(line_to_json(item))


def octets(line: object) -> bytes:
    """One line of a stream."""
    return json.dumps(line).encode() + b"\n"


def flood(hello: bytes, check: PlannedCheck) -> Iterator[bytes]:
    """Made-up results of its own plan, as fast as they are read."""
    yield hello
    yield from _items(check)


def garbage(hello: bytes, check: PlannedCheck) -> Iterator[bytes]:
    """Lines that are no JSON, after a good greeting."""
    yield hello
    yield from itertools.repeat(b"\xff\xfe{]\n" * 1000)


def endless_line(hello: bytes, check: PlannedCheck) -> Iterator[bytes]:
    """One line that never ends."""
    yield hello
    yield from itertools.repeat(b"[" * 65_536)


def contradictions(hello: bytes, check: PlannedCheck) -> Iterator[bytes]:
    """Results whose fields no reader can hold or print."""
    yield hello
    hostile = (
        {"remoteIP": "\ud800"},
        {"certificateExpiry": 10**30},
        {"certificateExpiry": -1},
        {"sent": -1},
        {"startedAt": 2**63},
        {"duration": 1e308},
        {"runNow": "x\n" * 200},
        {"losses": {"Timeout": 10**12}},
    )
    for sequence, wrong in zip(itertools.count(1), itertools.cycle(hostile)):
        (result, *_) = round_of(check)
        line = line_to_json(Item(sequence=sequence, ended=time.monotonic_ns(), result=result))
        yield octets(line | {"result": line["result"] | wrong})


def hasty(hello: bytes, check: PlannedCheck) -> Iterator[bytes]:
    """A greeting, and the connection closed at once."""
    yield hello


KINDS: dict[str, Callable[[bytes, PlannedCheck], Iterator[bytes]]] = {
    each.__name__.replace("_", "-"): each for each in (flood, garbage, endless_line, contradictions, hasty)
}


def main() -> None:
    """Answer everybody until ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.hostile.lying_agent", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("plan", type=Path)
    parser.add_argument("pod_uid")
    told = parser.parse_args()
    (check,) = plan_from_json(json.loads(told.plan.read_bytes())).checks
    greeting = Hello(boot_id="0123456789abcdef", pod_uid=told.pod_uid, first=1, now=time.monotonic_ns())
    hello = octets(line_to_json(greeting))

    def converse(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(8192)
            connection.sendall(HEAD)
            for part in KINDS[told.kind](hello, check):
                connection.sendall(part)

    with socket.create_server((told.address, told.port)) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=converse, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
