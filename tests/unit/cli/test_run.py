"""`ipsecping run` with its outputs: real files, fake receivers on loopback, and what fails."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ipsecping.agent.plan_file import read_plan
from ipsecping.cli.run import measure

from ..conftest import Receiver
from .conftest import Reflector, in_a_process, ipsecping

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def plan(tmp_path: Path, reflector: Reflector) -> str:
    def probe(name: str, kind: str, port: int) -> dict[str, Any]:
        timing = {"count": 3, "spacingMs": 10, "timeoutMs": 200, "size": 64}
        return {"name": name, "type": kind, "port": port, **timing}

    check = {
        "uid": "hq-dc1",
        "namespace": "network",
        "name": "hq-dc1",
        "generation": 1,
        "tunnelName": "hq-dc1",
        "path": "default",
        "target": "127.0.0.1",
        "intervalMs": 30_000,
        "probes": [probe("datapath", "STAMP", reflector.stamp), probe("dead", "UDPEcho", 1)],
    }
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"version": 1, "checks": [check]}))
    return str(file)


def test_the_table_says_what_was_wrong(plan: str) -> None:
    done = ipsecping("run", plan)
    heading, datapath, dead = done.stdout.splitlines()
    assert " ".join(heading.split()) == "CHECK PATH PROBE TYPE SENT LOSS% P50 P99 JITTER REMARK"
    assert datapath.split()[:6] == ["network/hq-dc1", "default", "datapath", "STAMP", "3", "0.00"]
    assert dead.split()[-7:] == ["3", "100.00", "-", "-", "-", "Refused", "3"]
    assert (done.returncode, done.stderr) == (0, "")


def test_a_failing_output_loses_no_other_and_is_named(plan: str, tmp_path: Path) -> None:
    textfile, message = tmp_path / "ipsecping.prom", tmp_path / "message"
    done = ipsecping(
        *("run", plan, "--json", "--textfile", str(textfile), "--termination-log", str(message)),
        *("--pushgateway", NOWHERE, "--influx", f"{NOWHERE}?org=o&bucket=b"),
        INFLUX_TOKEN="s3cret",
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "ipsecping: run: pushgateway: http://127.0.0.1:1: Connection refused",
        "ipsecping: run: influx: http://127.0.0.1:1: Connection refused",
    ]
    assert [json.loads(line)["probe"] for line in done.stdout.splitlines()] == ["datapath", "dead"]
    assert b"ipsecping_packets_sent_total" in textfile.read_bytes()
    assert message.read_text().startswith("ipsecping1 ")


def test_a_full_disk_behind_standard_output_does_not_stop_the_other_outputs(
    plan: str, tmp_path: Path
) -> None:
    textfile = tmp_path / "ipsecping.prom"
    with Path("/dev/full").open("w") as full:
        done = in_a_process("run", plan, "--textfile", str(textfile), stdout=full)
    assert done.returncode == 2
    assert "standard output: No space left on device" in done.stderr
    assert textfile.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--textfile", "a.txt"), "--textfile: a.txt: node_exporter reads files named *.prom only"),
        (("--pushgateway", "host:9091"), "is not a URL such as http://host:9091"),
        (("--influx", "http://h:8086"), "--influx: http://h:8086: say where to"),
        (("--influx-token-file", "t"), "--influx-token-file needs --influx URL"),
        (("--influx", "-", "--influx-auth-file", "t"), "--influx-auth-file needs --influx URL"),
        (("--pushgateway-cert", "t"), "--pushgateway-cert needs --pushgateway URL"),
        (("--pushgateway", "http://h", "--pushgateway-auth-file", "/no/file"), "/no/file: No such file"),
        (("--pushgateway", "https://h", "--pushgateway-ca", "/no/ca"), "/no/ca: No such file"),
        (("--json", "--influx", "-"), "standard output can be one of the two"),
        (
            ("--influx", "http://h?org=o&bucket=b", "--influx-token-file", "/no/token"),
            "/no/token: No such file",
        ),
    ],
)
def test_what_is_wrong_beforehand_is_said_before_anything_is_measured(
    plan: str, arguments: tuple[str, ...], says: str
) -> None:
    done = ipsecping("run", plan, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_a_plan_without_checks_is_wrong(tmp_path: Path) -> None:
    empty = tmp_path / "plan.json"
    empty.write_text('{"version": 1, "checks": []}')
    done = ipsecping("run", str(empty))
    assert (done.returncode, done.stdout) == (2, "")
    assert "plan.checks: is empty, so there is nothing to measure" in done.stderr


def test_log_lines_are_objects_that_a_collector_can_index(plan: str) -> None:
    done = ipsecping("run", plan, "--log-results", "--log-format", "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["probe"], line["sent"], line["lost"]) for line in lines] == [
        ("datapath", 3, 0),
        ("dead", 3, 3),
    ]
    assert lines[0]["logger"] == "ipsecping.results"
    assert lines[0]["rtt_p99_seconds"] > 0


def test_the_token_comes_from_a_file_or_the_environment(
    plan: str, tmp_path: Path, receiver: Receiver
) -> None:
    token = tmp_path / "token"
    token.write_text("from-a-file\n")
    url = f"{receiver.url}?org=o&bucket=b"
    first = ipsecping("run", plan, "--influx", url, "--influx-token-file", str(token), INFLUX_TOKEN="other")
    second = ipsecping("run", plan, "--influx", url, INFLUX_TOKEN="from-the-environment")
    assert (first.returncode, second.returncode) == (0, 0)
    assert [headers["Authorization"] for _, _, _, headers in receiver.got] == [
        "Token from-a-file",
        "Token from-the-environment",
    ]


def test_a_user_and_password_come_from_a_file(plan: str, tmp_path: Path, receiver: Receiver) -> None:
    secret = tmp_path / "secret"
    secret.write_text("prom:s3cret\n")
    done = ipsecping(
        *("run", plan, "--pushgateway", receiver.url, "--pushgateway-auth-file", str(secret)),
        *("--influx", f"{receiver.url}/write?db=tunnels", "--influx-auth-file", str(secret)),
        INFLUX_TOKEN="of-no-effect-here",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {path for _, path, _, _ in receiver.got} == {
        "/metrics/job/ipsecping/namespace/network/check/hq-dc1",
        "/write?db=tunnels&precision=ns",
    }
    assert {headers["Authorization"] for _, _, _, headers in receiver.got} == {"Basic cHJvbTpzM2NyZXQ="}


def test_line_protocol_alone_is_printed_for_a_collector_that_runs_us(plan: str) -> None:
    done = ipsecping("run", plan, "--influx", "-", INFLUX_TOKEN="of-no-effect-here")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("ipsecping,check=hq-dc1,") for line in lines)


async def test_a_round_waits_before_it_sends(plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    def stop(*_: object) -> None:
        """Called when the measuring begins."""
        raise KeyError(str(waited))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(KeyError, match=r"1\.5"):
        await measure(read_plan(Path(plan)), stop, delay=1.5)


def test_how_long_a_round_waits_is_given_as_a_duration(plan: str) -> None:
    done = ipsecping("run", plan, "--delay", "50ms", "--json")
    assert done.returncode == 0
    assert "'soon' is not a duration" in ipsecping("run", plan, "--delay", "soon").stderr


def test_a_list_of_addresses_has_a_row_for_each(tmp_path: Path, plan: str) -> None:
    written = json.loads(Path(plan).read_text())
    written["checks"][0] |= {"target": "many.example", "targets": ["127.0.0.1", "127.0.0.77"]}
    Path(plan).write_text(json.dumps(written))
    textfile = tmp_path / "many.prom"
    ran = ipsecping("run", plan, "--textfile", str(textfile))
    assert ran.returncode == 0
    rows = [line.split() for line in ran.stdout.splitlines()]
    assert rows[0][:6] == ["CHECK", "PATH", "PROBE", "TYPE", "ADDRESS", "SENT"]
    assert [(row[2], row[4]) for row in rows[1:]] == [
        ("datapath", "127.0.0.1"),
        ("datapath", "127.0.0.77"),
        ("dead", "127.0.0.1"),
        ("dead", "127.0.0.77"),
    ]
    assert textfile.read_text().count("ipsecping_packets_sent_total{") == 4
