"""What an agent learns of its controls while the path is well keeps a diagnosis from being misled later."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import Control, Plan, PlannedCheck, PlannedProbe, ProbeType, plan_to_json
from ipsecping.contract.token import authorization, verifier
from ipsecping.diagnosis import Part, diagnose, evidence_from_bytes
from ipsecping.diagnosis.cause import Cause

from ..plans import check_of
from .chain import FAR, ROUTERS, address, chain
from .routed import Namespace, reflector

TOKEN, PORT = "token-of-the-operator", 9109
OURS, THEIRS = address(1, 2), address(ROUTERS + 1, 1)
STAMP = PlannedProbe(
    name="datapath", type=ProbeType.STAMP, port=862, count=5, spacing_ms=50, timeout_ms=500, size=44
)
CHECK = replace(
    check_of(STAMP, target=FAR, interval_ms=1000),
    controls={Control.FAR_INSIDE: THEIRS, Control.NEAR_INSIDE: OURS},
)
NO_ECHO = """
table inet controls {
  chain in {
    type filter hook input priority 0
    icmp type echo-request drop
  }
}
"""
NO_FORWARDING = f"""
table inet broken {{
  chain forward {{
    type filter hook forward priority 0
    ip daddr {FAR} drop
  }}
}}
"""
ASK = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], data=sys.argv[3].encode() or None, method=sys.argv[2])
request.add_header("Authorization", sys.argv[4])
with urllib.request.urlopen(request, timeout=20) as answer:
    print(answer.status, answer.read().decode())
"""


@contextmanager
def agent(place: Namespace, folder: Path, check: PlannedCheck) -> Iterator[Path]:
    """An agent of this check; yields its log."""
    file, log = folder / "plan.json", folder / "log"
    file.write_text(json.dumps(plan_to_json(Plan(checks=(check,), verifiers=(verifier(TOKEN),)))))
    command = [sys.executable, "-m", "ipsecping", "agent", str(file), "--listen", f"127.0.0.1:{PORT}"]
    with log.open("w") as written, subprocess.Popen(place.command(*command), stderr=written) as process:
        try:
            yield log
        finally:
            process.terminate()


def ask(place: Namespace, method: str, path: str, content: dict[str, Any] | None = None) -> tuple[int, str]:
    url, text = f"http://127.0.0.1:{PORT}/v1/diagnoses{path}", json.dumps(content) if content else ""
    said = place.run(sys.executable, "-c", ASK, url, method, text, authorization(TOKEN))
    status, _, body = said.partition(" ")
    return int(status), body


def concluded(place: Namespace) -> Any:
    """The report, once it is there."""
    names = {"check": CHECK.uid, "path": CHECK.path, "nonce": CHECK.nonce, "request": "r1"}
    assert ask(place, "POST", "", names)[0] == 202
    while (answer := ask(place, "GET", "/r1"))[0] == 202:
        time.sleep(1)
    return json.loads(answer[1])


def until_known(log: Path) -> None:
    """Both controls have been asked, in the first ten seconds."""
    said = (f"control FarInside ({THEIRS}) does not answer", f"control NearInside ({OURS}) answers")
    while not all(each in log.read_text() for each in said):
        time.sleep(0.2)


@pytest.mark.long
def test_a_control_that_never_answered_misleads_nobody_when_the_path_fails(tmp_path: Path) -> None:
    """The far gateway answers no echo, and one day forwards nothing: it is not the tunnel that is broken."""
    with chain() as path, reflector(path.far, "--stamp", "0.0.0.0:862"):
        path.routers[2].run("nft", "-f", "-", stdin=NO_ECHO)
        with agent(path.near, tmp_path, CHECK) as log:
            until_known(log)
            path.routers[2].run("nft", "-f", "-", stdin=NO_FORWARDING)
            report = concluded(path.near)
            evidence = evidence_from_bytes(ask(path.near, "GET", "/r1/evidence")[1].encode())
    baseline = evidence.baseline
    assert baseline is not None
    assert set(baseline.controls) == {Part.NEAR_INSIDE}
    assert set(baseline.silent) == {Part.FAR_INSIDE}
    assert (report["outcome"], report["findings"][0]["reason"]) == ("Fault", "TunnelSilent")
    knowing, ignorant = (diagnose(replace(evidence, baseline=each)) for each in (baseline, None))
    assert Cause.FAR_GATEWAY_DROPS in knowing.findings[0].causes
    assert Cause.FAR_GATEWAY_DROPS not in ignorant.findings[0].causes  # the silence of that control misleads
