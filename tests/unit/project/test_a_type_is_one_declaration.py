"""A made-up probe type (`knocking`) goes all the way from YAML to the log, though no module knows of it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
import yaml
from prometheus_client import CollectorRegistry

from ipsecping.agent.service import Service
from ipsecping.cli.main import parser
from ipsecping.cli.ping_probe import probe_from
from ipsecping.cli.run import as_table
from ipsecping.contract import Expect, Plan, ProbeType, RoundResult, plan_from_json, plan_to_json, termination
from ipsecping.contract.methods import loss_reasons
from ipsecping.contract.result_stream import RESULTS_PATH, Item, read_line
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.outputs.figures import Measured
from ipsecping.outputs.influx import line
from ipsecping.outputs.logline import log_result
from ipsecping.outputs.series import SeriesBook
from ipsecping.rounds.prober import PathProber
from ipsecping_operator.api.crd import crd_yaml, custom_resource_definition
from ipsecping_operator.api.reference import api_reference
from ipsecping_operator.cli import main
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.compile.compiler import compile_check
from ipsecping_operator.metrics.checks import CheckCollector
from ipsecping_operator.metrics.exposition import pieces
from ipsecping_operator.verdict.tally import Tally, total
from ipsecping_operator.verdict.window import Window

from ..operator.assessments import assessed, seen
from .knocking import KNOCK, NOT_HOME, Doors, KnockOptions, declared

SECOND = 1_000_000_000
METADATA = {"name": "hq", "namespace": "network", "uid": "u-1", "generation": 1}


@pytest.fixture
def knocking() -> Iterator[None]:
    with declared():
        yield


def manifest(target: str = "203.0.113.10", **knock: Any) -> str:
    probe = {"name": "door", "count": 6, "spacing": "10ms", "timeout": "10s", "knock": knock}
    spec = {"target": target, "schedule": {"interval": "1s"}, "probes": [probe]}
    return yaml.safe_dump(
        {
            "apiVersion": "ipsecping.dev/v1alpha1",
            "kind": "IPsecTunnelCheck",
            "metadata": {"name": "hq", "namespace": "network"},
            "spec": spec,
        }
    )


def compiled(**knock: Any) -> CompiledCheck:
    return compile_check(
        {"metadata": METADATA, "spec": yaml.safe_load(manifest("127.0.0.1", **knock))["spec"]}
    )


class Door(asyncio.DatagramProtocol):
    """Opens a red or a blue door in turn; every third knock it does not hear."""

    def __init__(self) -> None:
        self.heard: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: Any) -> None:
        word, cookie, number = data.decode().split(" ")
        self.heard.add(word)
        door = "" if int(number) % 3 == 0 else f" {'red' if int(number) % 2 == 0 else 'blue'}"
        self.transport.sendto(f"{cookie} {number}{door}".encode(), address)


@asynccontextmanager
async def a_door() -> AsyncIterator[tuple[Door, int]]:
    transport, door = await asyncio.get_running_loop().create_datagram_endpoint(
        Door, local_addr=("127.0.0.1", 0)
    )
    try:
        yield door, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def first_result(check: CompiledCheck, folder: Path) -> RoundResult:
    """What an agent on loopback streams of its first round."""
    plan, stop = folder / "plan.json", asyncio.Event()
    plan.write_text(json.dumps(plan_to_json(Plan(checks=(check.paths[0].plan,)))))
    service = Service(plan, lambda _: PathProber(Clock(), Resolver()), pod_uid="pod-1")
    running = asyncio.create_task(service.run(("127.0.0.1", 0), health=("127.0.0.1", 0), stop=stop))
    async with asyncio.timeout(60):
        while not service.server.port:
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{service.server.port}{RESULTS_PATH}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            lines = [read_line((await answer.content.readline()).rstrip()) for _ in range(2)]
    stop.set()
    await running
    assert isinstance(lines[1], Item), lines
    return lines[1].result


@pytest.mark.usefixtures("knocking")
def test_the_schema_has_its_member_its_rules_and_its_figure() -> None:
    (version,) = custom_resource_definition()["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    probe = schema["spec"]["properties"]["probes"]["items"]
    assert set(probe["properties"]["knock"]["properties"]) == {"port", "word"}
    assert "has(self.knock)" in probe["x-kubernetes-validations"][0]["rule"]
    assert probe["x-kubernetes-validations"][0]["message"].endswith(", ike, audit, knock")
    status = schema["status"]["properties"]["probes"]["items"]["properties"]
    assert "Knock" in status["type"]["enum"]
    assert status["doorsOpened"]["description"] == "Doors that were opened."
    assert "`doorsOpened`" in api_reference()


@pytest.mark.usefixtures("knocking")
def test_render_shows_its_defaults_and_names_the_field_of_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "check.yaml"
    file.write_text(manifest())
    assert main(["render", "-f", str(file)]) == 0
    effective, config_map, *_ = yaml.safe_load_all(capsys.readouterr().out)
    (probe,) = effective["spec"]["probes"]
    assert (probe["knock"], "size" in probe) == ({"port": 17, "word": "knock"}, False)
    (planned,) = plan_from_json(json.loads(config_map["data"]["plan.json"])).checks[0].probes
    assert (planned.type, planned.port, planned.options) == (KNOCK, 17, KnockOptions())
    file.write_text(manifest(word="w" * 21, door="red"))
    assert main(["render", "-f", str(file)]) != 0
    said = capsys.readouterr().err
    assert "spec.probes[0].knock.word: longer than 20 characters" in said
    assert "spec.probes[0].knock.door: unknown field" in said


@pytest.mark.usefixtures("knocking")
async def test_it_is_measured_judged_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with a_door() as (door, port):
        check = compiled(port=port, word="hello")
        result = await first_result(check, tmp_path)
    assert door.heard == {"hello"}
    assert (result.type, result.sent, result.received) == (KNOCK, 6, 4)
    assert result.losses == {NOT_HOME: 2}
    assert result.figure(Doors) == Doors({"red": 2, "blue": 2})
    assert termination.decode(termination.encode([result])) == [result]

    planned = check.paths[0].plan
    book = SeriesBook()
    book.add(planned, result)
    series = next(each for each in book.lines() if each.startswith("ipsecping_open_doors{"))
    assert 'type="Knock"' in series
    assert series.endswith(" 2.0\n")
    fields = line(Measured(planned, result)).split(" ")[1].split(",")
    assert "lost_not_home=2i" in fields
    assert "NotHome 2, doors blue, red" in as_table([result], [Expect.REACHABLE])[1]
    caplog.set_level(logging.INFO)
    log_result(Measured(planned, result))
    assert caplog.records[-1].__dict__["fields"]["doors"] == "blue,red"

    state = seen(of=check)
    now = result.started_at + result.duration
    assert state.measured.accept(result, start=result.started_at, now=now) is None
    made = assessed(state, at=0)
    (shown,) = made.status["probes"]
    assert (shown["type"], shown["doorsOpened"]) == ("Knock", ["blue", "red"])
    healthy = next(each for each in made.status["conditions"] if each["type"] == "Healthy")
    assert (healthy["status"], healthy["reason"]) == ("False", "ProbeFailed")
    assert "nobody opened the door" in healthy["message"]
    registry = CollectorRegistry()
    registry.register(
        CheckCollector({"u": state}, failed=lambda *_: None, exported=lambda _: None, clock=lambda: now)
    )
    (sample,) = (
        each for each in b"".join(pieces(registry)).decode().splitlines() if each.startswith("ipsecping_open")
    )
    assert sample.endswith(" 2.0")


@pytest.mark.usefixtures("knocking")
def test_its_figure_is_added_up_as_long_as_it_is_in_the_window() -> None:
    def opened(doors: dict[str, int], at: int) -> Tally:
        return Tally(start=at, end=at, rounds=1, sent=9, received=9, figures={"doors": Doors(doors)})

    window = Window(length=10 * SECOND)
    for second in range(30):
        window.add(opened({"red": 1, f"door{second % 12}": 2}, second * SECOND), now=second * SECOND)
        added, anew = window.total(), total(window.tallies)
        assert added is not None
        assert anew is not None
        assert added.figure(Doors) == anew.figure(Doors)
        doors = added.figure(Doors)
        assert doors is not None
        assert doors.counts["red"] == added.rounds
        assert len(doors.counts) <= Doors.most


@pytest.mark.usefixtures("knocking")
def test_the_command_line_asks_for_it() -> None:
    probe = probe_from(parser(("ping",)).parse_args(["ping", "door.example", "--knock", "17"]))
    assert (probe.type, probe.port, probe.options) == (KNOCK, 17, KnockOptions())


def test_another_type_has_neither_its_figure_nor_its_reason_and_nothing_of_it_stays() -> None:
    before = crd_yaml()
    with declared():
        assert "knock" in crd_yaml()
        assert "NotHome" not in loss_reasons(ProbeType.ICMP)
        said = read_line(
            json.dumps(
                {
                    "sequence": 1,
                    "ended": 1,
                    "result": {
                        "uid": "u", "namespace": "n", "name": "c", "generation": 1, "nonce": "x", "path": "p",
                        "probe": "p", "type": "ICMP", "startedAt": 1, "duration": 1, "sent": 1, "received": 1,
                        "clock": "User", "doors": {"red": 1},
                    },
                }
            ).encode()
        )  # fmt: skip
        assert "result.doors: a ICMP probe cannot tell it" in str(getattr(said, "error", said))
    assert crd_yaml() == before
