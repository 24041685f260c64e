"""`ipsecping diagnose PLAN`: which path it is, and what whoever asked is told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ipsecping.cli.main import main
from ipsecping.collector import conclusion
from ipsecping.contract import Expect, Plan, PlannedCheck, PlannedProbe, ProbeType, StampOptions, plan_to_json
from ipsecping.contract.diagnosis_report_json import report_from_text
from ipsecping.contract.diagnosis_terms import Outcome
from ipsecping.diagnosis import evidence_from_bytes

from ...interpreters import ROOT
from ...plans import check_of
from .conftest import Reflector, ipsecping

ICMP = PlannedProbe(name="icmp", type=ProbeType.ICMP, count=1, spacing_ms=10, timeout_ms=100, size=56)


def written(folder: Path, *checks: PlannedCheck) -> str:
    file = folder / "plan.json"
    file.write_text(json.dumps(plan_to_json(Plan(checks=checks))))
    return str(file)


def test_a_job_leaves_its_report_behind(reflector: Reflector, tmp_path: Path) -> None:
    stamp = PlannedProbe(
        name="stamp", type=ProbeType.STAMP, port=reflector.stamp, count=1, spacing_ms=10, timeout_ms=100,
        size=44, options=StampOptions(),
    )  # fmt: skip
    check = check_of(stamp, target="127.0.0.1")
    message, evidence = tmp_path / "termination", tmp_path / "evidence"
    words = ["--request", "r1", "--termination-log", str(message), "--evidence", str(evidence)]
    done = ipsecping("diagnose", written(tmp_path, check), *words)
    assert done.returncode == 0, done.stderr
    report = report_from_text(message.read_text())
    assert (report.check, report.request) == (check.ref, "r1")
    assert report.outcome in (Outcome.NO_FAULT, Outcome.NOT_MEASURED)
    assert report.packets > 100
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.endswith(f"path default: diagnosis: {message.read_text()}")]
    logged = next(line for line in lines if f"evidence {report.evidence_digest}: " in line)
    assert evidence_from_bytes(logged.partition(": {")[2].join(("{", "")).encode()) == evidence_from_bytes(
        evidence.read_bytes()
    )


def test_a_path_without_anything_to_diagnose_says_so(tmp_path: Path) -> None:
    plan = written(tmp_path, check_of(replace(ICMP, expect=Expect.BLOCKED)))
    done = ipsecping("diagnose", plan)
    assert done.returncode == 3
    assert "nothing was measured: every probe of this path expects" in done.stderr
    message = tmp_path / "termination"
    done = ipsecping("diagnose", plan, "--request", "r1", "--termination-log", str(message))
    assert done.returncode == 0
    assert report_from_text(message.read_text()).outcome is Outcome.NOT_MEASURED


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/no/such/plan.json"], "/no/such/plan.json: No such file or directory"),
        (["http://10.50.1.10"], "leave out the scheme and the path of the URL"),
        (["EVIDENCE"], "it is evidence: judge it by --from"),
        (["EMPTY"], "empty.json: plan.version: expected an integer"),
        ([""], "HOST is empty"),
        (["PLAN"], "has 3 paths: choose by --check and --path (n/c default, n/c b, m/d default)"),
        (["PLAN", "--check", "c"], "has 2 paths: choose by --check and --path (n/c default, n/c b)"),
        (["PLAN", "--check", "n/d"], "has no such path (n/c default, n/c b, m/d default)"),
        (
            ["PLAN", "--path", "b", "--tcp", "443"],
            "--tcp goes with HOST: a plan says itself what is measured",
        ),
        (["127.0.0.1", "--path", "b"], "--path goes with a plan, a file whose name ends in .json"),
        (["PLAN", "--termination-log", "x"], "--termination-log needs --request ID"),
        (["PLAN", "--request", "a b"], "argument --request: ID: 'a b' is not 1 to 64 letters"),
        (["--from", "x", "--long"], "--long is for measuring, and goes with HOST"),
    ],
)
def test_wrong_usage(tmp_path: Path, words: list[str], said: str) -> None:
    one = check_of(ICMP)
    plan = written(tmp_path, one, replace(one, path="b"), replace(one, uid="v", namespace="m", name="d"))
    empty = tmp_path / "empty.json"
    empty.write_text("{}")
    files = {"PLAN": plan, "EMPTY": str(empty), "EVIDENCE": str(ROOT / "docs/examples/evidence.json")}
    done = ipsecping("diagnose", *(files.get(word, word) for word in words))
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_a_termination_log_that_cannot_be_written_is_no_success(tmp_path: Path) -> None:
    plan = written(tmp_path, check_of(replace(ICMP, expect=Expect.BLOCKED)))
    done = ipsecping("diagnose", plan, "--request", "r1", "--termination-log", str(tmp_path))
    assert done.returncode == 2
    assert "Is a directory" in done.stderr


def test_the_report_is_written_before_it_is_logged_for_who_reads_the_log_may_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message, written_by_then = tmp_path / "termination", list[bool]()
    monkeypatch.setattr(conclusion, "log_conclusion", lambda _: written_by_then.append(message.exists()))
    plan = written(tmp_path, check_of(replace(ICMP, expect=Expect.BLOCKED)))
    assert main(["diagnose", plan, "--request", "r1", "--termination-log", str(message)]) == 0
    assert written_by_then == [True]
