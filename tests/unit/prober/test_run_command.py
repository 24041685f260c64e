"""What `ipsecping run` says of traffic that must not get through."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ipsecping.cli.main import main
from ipsecping.cli.run import exit_code
from ipsecping.contract import (
    CheckRef,
    Expect,
    Invalidity,
    LossReason,
    Plan,
    ProbeType,
    RoundResult,
    TcpOptions,
    plan_to_json,
)

from ...plans import check_of
from .far_ends import closed_port, full_backlog, probe

R, B = Expect.REACHABLE, Expect.BLOCKED
REF = CheckRef(uid="u", namespace="n", name="c", generation=1, nonce="x", path="default")


def result(received: int, lost: int = 0, *, invalid: Invalidity | None = None) -> RoundResult:
    return RoundResult(
        check=REF, probe="p", type=ProbeType.TCP, started_at=0, duration=0, sent=received + lost,
        received=received, losses={LossReason.TIMEOUT: lost} if lost else {}, invalid=invalid,
    )  # fmt: skip


ANSWERED, LOST, INVALID = result(3), result(0, 3), result(0, invalid=Invalidity.INTERNAL_ERROR)


@pytest.mark.parametrize(
    ("rounds", "code"),
    [
        ([(R, ANSWERED)], 0),
        ([(R, LOST)], 1),
        ([(R, ANSWERED), (R, LOST)], 0),
        ([(B, LOST)], 0),
        ([(B, ANSWERED)], 1),
        ([(R, ANSWERED), (B, ANSWERED)], 1),
        ([(R, ANSWERED), (B, LOST)], 0),
        ([(B, INVALID)], 1),
        ([(R, INVALID), (B, LOST)], 0),
    ],
)
def test_the_exit_code_tells_a_leak_and_a_plan_of_which_nothing_is_as_expected(
    rounds: list[tuple[Expect, RoundResult]], code: int
) -> None:
    assert exit_code([each for _, each in rounds], [expect for expect, _ in rounds]) == code


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def write(file: Path, port: int) -> None:
    planned = probe(ProbeType.TCP, port=port, timeout_ms=100, expect=B, options=TcpOptions())
    file.write_text(json.dumps(plan_to_json(Plan(checks=(check_of(planned),)))))


def test_a_reset_from_a_port_that_should_be_blocked_is_said_to_get_through(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(plan, closed_port())
    assert main(["run", str(plan)]) == 1
    assert "unexpectedly reachable: 3 of 3 packets got through (Refused 3)" in capsys.readouterr().out


def test_an_outage_with_more_connections_under_way_than_the_soft_limit_is_no_fault_of_ours(
    plan: Path,
) -> None:
    with full_backlog() as port:
        planned = probe(ProbeType.TCP, port=port, count=60, timeout_ms=700, options=TcpOptions())
        plan.write_text(json.dumps(plan_to_json(Plan(checks=(check_of(planned),)))))
        command = f"ulimit -Sn 40; exec {sys.executable} -m ipsecping run --json {plan}"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    measured = json.loads(done.stdout)
    assert measured["losses"] == {"Timeout": 60}
    assert "invalid" not in measured


def test_silence_of_a_port_that_should_be_blocked_is_as_expected(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_backlog() as port:
        write(plan, port)
        assert main(["run", str(plan)]) == 0
    assert "blocked, as expected (Timeout 3)" in capsys.readouterr().out
