"""An agent's results are for who shows a token of its plan; its health is for everybody, whatever goes on."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from ipsecping.contract import ContractError, Plan, plan_from_json, plan_to_json
from ipsecping.contract.result_stream import Hello, line_from_json
from ipsecping.contract.token import MAX_VERIFIERS, admitted, authorization, verifier
from ipsecping.serving.server import DEFAULT, Refusal

from ...peers.processes import PATIENCE
from .stage import CHECK, Stage, get, until

TOKEN, NEXT = "token-of-the-operator", "token-after-rotation"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path)
    made.write(CHECK, verifiers=(verifier(TOKEN),))
    await made.begin()
    yield made
    await made.end()


def headers(token: str) -> dict[str, str]:
    return {"Authorization": authorization(token)}


async def asked(stage: Stage, shown: dict[str, str]) -> tuple[int, str]:
    """Status and first line."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(stage.url + "/v1/results", headers=shown) as answer,
    ):
        return answer.status, (await answer.content.readline()).decode()


async def test_results_are_handed_out_to_who_shows_the_token(stage: Stage) -> None:
    status, line = await asked(stage, headers(TOKEN))
    assert status == 200
    hello = line_from_json(json.loads(line))
    assert isinstance(hello, Hello)
    assert hello.pod_uid == "pod-1"


@pytest.mark.parametrize(
    "shown",
    [
        {},
        headers("wrong"),
        headers(""),
        headers(verifier(TOKEN)),
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        headers("\udcff\x80"),
        headers("x" * 5000),
    ],
    ids=["none", "wrong", "empty", "its digest", "no scheme", "another scheme", "no text", "long"],
)
async def test_nobody_else_learns_results_pod_or_boot(stage: Stage, shown: dict[str, str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.service.server.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in shown.items())
    request = f"GET /v1/results?after=nonsense HTTP/1.1\r\n{lines}\r\n"
    writer.write(request.encode("utf-8", "surrogateescape"))
    answer = (await asyncio.wait_for(reader.read(), PATIENCE)).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 401 ")
    assert "WWW-Authenticate: Bearer" in answer
    assert "Authorization: Bearer TOKEN" in answer, "what is needed is said"
    assert "pod-1" not in answer
    assert stage.service.ring.boot_id not in answer
    metrics = (await get(stage, "/metrics"))[1]
    assert 'ipsecping_agent_connections_refused_total{reason="Unauthorized",server="results"} 1.0' in metrics


async def test_a_rotation_disturbs_no_reader_and_no_round(stage: Stage) -> None:
    async with aiohttp.ClientSession() as session:
        url = stage.url + "/v1/results"
        async with session.get(url, headers=headers(TOKEN)) as before:
            await before.content.readline()
            stage.write(CHECK, verifiers=(verifier(NEXT), verifier(TOKEN)))
            await until(lambda: len(stage.service._verifiers) == 2)
            stage.stand_ins[0].let_go.set()
            assert b'"sequence":1' in await asyncio.wait_for(before.content.readline(), PATIENCE)
            assert (await asked(stage, headers(NEXT)))[0] == 200
            # The old one is withdrawn: whoever has it reads no further.
            stage.write(CHECK, verifiers=(verifier(NEXT),))
            await until(lambda: len(stage.service._verifiers) == 1)
            await asyncio.wait_for(before.read(), 30)
            assert (await asked(stage, headers(TOKEN)))[0] == 401
    assert len(stage.stand_ins) == 1, "the prober goes on as it was"


async def test_a_plan_without_verifiers_is_open_to_whoever_asks(stage: Stage) -> None:
    stage.write(CHECK)
    await until(lambda: not stage.service._verifiers)
    assert (await asked(stage, {}))[0] == 200
    assert (await asked(stage, headers("whatever")))[0] == 200


def test_verifiers_cross_the_border_and_are_no_part_of_what_is_measured() -> None:
    plan = Plan(checks=(CHECK,), verifiers=(verifier(TOKEN), verifier(NEXT)))
    read = plan_from_json(json.loads(json.dumps(plan_to_json(plan))))
    assert read == plan
    assert read.checks[0].nonce == CHECK.nonce
    assert TOKEN not in json.dumps(plan_to_json(plan))
    assert "verifiers" not in plan_to_json(Plan(checks=(CHECK,)))


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        "a" * 64,
        ["a" * 63],
        ["A" * 64],
        ["é" * 64],
        [1],
        [None],
        {},
        [verifier("a")] * (MAX_VERIFIERS + 1),
    ],
    ids=str,
)
def test_verifiers_that_are_none_are_refused_and_never_open_the_door(wrong: object) -> None:
    with pytest.raises(ContractError, match=r"plan\.verifiers"):
        plan_from_json({"version": 1, "verifiers": wrong, "checks": []})


def test_only_the_token_itself_fits() -> None:
    verifiers = [verifier(NEXT), verifier(TOKEN)]
    assert admitted(f"bearer  {TOKEN} ", verifiers) == verifier(TOKEN)
    assert admitted(authorization(TOKEN), []) is None
    assert admitted(None, verifiers) is None


CROWD = """
import random, resource, socket, sys, time
addresses, ports = sys.argv[1].split(), [int(port) for port in sys.argv[2:]]
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held, count = [], 0
while True:
    for port in ports:
        sock = socket.socket()
        sock.bind((random.choice(addresses), 0))
        sock.settimeout(5)
        try:
            sock.connect(("127.0.0.1", port))
            sock.sendall((b"", b"GET /v1/res", b"GET /metrics HTTP/1.1\\r\\n\\r\\n")[count % 3])
        except OSError:
            pass
        held.append(sock)
        count += 1
    while len(held) > 1000:
        held.pop(0).close()
    time.sleep(0.005)
"""


@contextmanager
def crowd(*ports: int, addresses: str) -> Iterator[None]:
    """A process that opens connections to the ports, one after the other, and keeps up to 1,000 of them."""
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-c", CROWD, addresses, *map(str, ports)]
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "addresses",
    ["127.0.0.2", "127.0.0.1", " ".join(f"127.0.{n}.{m}" for n in range(1, 5) for m in range(250))],
    ids=["one other address", "the same address", "a thousand addresses"],
)
async def test_health_answers_and_the_operator_gets_in_while_strangers_crowd_every_port(
    stage: Stage, addresses: str
) -> None:
    results, health = stage.service.server, stage.service.health_server
    assert results.port is not None
    assert health.port is not None
    with crowd(results.port, health.port, addresses=addresses):
        await until(lambda: results.refused[Refusal.DISPLACED] > 200)
        for _ in range(20):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{health.port}/healthz") as answer,
            ):
                assert (answer.status, await answer.text()) == (200, "ok\n")
            assert (await asked(stage, headers(TOKEN)))[0] == 200
        assert results.connections <= DEFAULT.strangers + DEFAULT.trusted
        assert health.connections <= DEFAULT.strangers
