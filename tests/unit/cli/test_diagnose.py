"""`ipsecping diagnose`: what it prints of an evidence file, and how it ends."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ipsecping.diagnosis import Evidence, Part, evidence_to_json
from ipsecping.diagnosis import diagnose as diagnose_evidence
from ipsecping.diagnosis.catalogue import ROWS
from ipsecping.diagnosis.cause import Step
from ipsecping.diagnosis.report import command
from ipsecping.diagnosis.umbrellas import STEPS

from ..diagnosis.catalogue import cases
from ..diagnosis.worlds import dead, healthy, losing, with_batches
from .conftest import in_a_process, ipsecping

CASES = {case.name: case for case in cases()}


def diagnose(tmp_path: Path, evidence: Evidence, *options: str) -> "subprocess.CompletedProcess[str]":
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(evidence_to_json(evidence)))
    return ipsecping("diagnose", "--from", str(file), *options)


def test_the_first_line_of_a_finding_has_layer_direction_and_what_is_at_fault(tmp_path: Path) -> None:
    done = diagnose(tmp_path, CASES["mtu-blackhole back"].evidence)
    assert done.returncode == 1
    first = " ".join(" ".join(done.stdout.splitlines()[3:5]).split())
    assert first.startswith(
        "1. Path MTU, on the way back: large packets are lost without an ICMP error [MtuBlackHole]"
    )
    assert "path MTU 1346 bytes on the way back, required 1400" in done.stdout
    assert "proven" in done.stdout
    assert (
        "iptables -t mangle -A FORWARD -d 10.50.1.10 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS" in done.stdout
    )
    assert "on our gateway:" in done.stdout


def test_a_counter_of_the_receiver_is_looked_at_where_the_packets_arrive(tmp_path: Path) -> None:
    assert "on our gateway:" in diagnose(tmp_path, CASES["jitter"].evidence).stdout
    corrupt = diagnose(tmp_path, CASES["corrupt"].evidence).stdout
    assert "on the far gateway:" in corrupt
    # The far gateway learns nothing from a trace to itself.
    assert "mtr --report 192.0.2.1 on our gateway" in " ".join(corrupt.split())
    policed = diagnose(tmp_path, CASES["policer, reflector known"].evidence).stdout
    assert "on the far gateway:" in policed


def test_what_is_left_and_what_is_ruled_out_is_told_with_the_numbers(tmp_path: Path) -> None:
    done = diagnose(tmp_path, CASES["esp-drop"].evidence)
    assert "through the tunnel; our gateway has an SA to send with [TunnelSilent]" in " ".join(
        done.stdout.split()
    )
    assert (
        "SaMissing: packets of 1500 bytes at our gateway (10.99.0.2): 4 of 4 too big, MTU 1446"
        in " ".join(done.stdout.split())
    )
    assert "0 of 115 packets answered" in done.stdout
    assert "EspBlocked" in done.stdout
    assert "UnderlayDown: the far gateway's public address (192.0.2.1): 20 of 20 answered" in " ".join(
        done.stdout.split()
    )
    assert "Not tested:" in done.stdout


def test_the_long_text_says_why_a_part_was_not_tested_and_what_each_cause_means(tmp_path: Path) -> None:
    evidence = CASES["esp-drop"].evidence
    short, long = diagnose(tmp_path, evidence).stdout, diagnose(tmp_path, evidence, "--long-text").stdout
    assert "PathMTU: the target is silent" not in short
    assert "PathMTU (the path MTU): the target is silent" in long
    assert "ESP is blocked between the gateways [EspBlocked]" in " ".join(long.split())


@pytest.mark.parametrize(
    ("evidence", "code", "outcome"),
    [
        (healthy(), 0, "NoFault"),
        (CASES["ike-one-port"].evidence, 0, "NoFault"),
        (CASES["loss"].evidence, 1, "Fault"),
        (CASES["cpu-hog"].evidence, 3, "NotMeasured"),
        (
            with_batches(healthy(), {Part.METHODS: lambda b: losing(b, forward=range(9, b.sent))}, window=1),
            3,
            "NotReproduced",
        ),
    ],
    ids=["healthy", "warning", "fault", "spoiled", "over"],
)
def test_exit_codes(tmp_path: Path, evidence: Evidence, code: int, outcome: str) -> None:
    done = diagnose(tmp_path, evidence, "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (code, outcome)


def test_json_has_all_that_a_program_needs(tmp_path: Path) -> None:
    said = json.loads(diagnose(tmp_path, CASES["esp-drop there"].evidence, "--json").stdout)
    (finding,) = said["findings"]
    assert finding["reason"] == "TunnelSilent"
    assert finding["direction"] == "Forward"
    assert "EspBlocked" in finding["causes"]
    assert finding["next"] == {
        "machine": "our gateway",
        "command": "ip -s xfrm state",
        "look": finding["next"]["look"],
    }
    assert len(said["summary"]) <= 300
    assert said["notTested"]["Bulk"] == "not asked for"


def test_evidence_comes_from_standard_input_too() -> None:
    done = in_a_process("diagnose", "--from", "-", stdin=json.dumps(evidence_to_json(healthy())))
    assert (done.returncode, done.stderr) == (0, "")
    assert "No fault found" in done.stdout


def test_a_name_with_shell_characters_is_quoted_in_the_command(tmp_path: Path) -> None:
    hostile = replace(CASES["dns-fail"].evidence, target="$(reboot); x")
    assert "ipsecping ping '$(reboot); x' -c 1" in diagnose(tmp_path, hostile).stdout


def test_a_name_that_the_terminal_has_no_characters_for_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    named = replace(CASES["dns-fail"].evidence, target="\N{LATIN SMALL LETTER U WITH DIAERESIS}ber.example")
    file.write_text(json.dumps(evidence_to_json(named)))
    done = in_a_process("diagnose", "--from", str(file), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (1, "")
    assert r"\xfcber.example" in done.stdout


@pytest.mark.parametrize("name", CASES)
def test_whatever_stands_for_an_address_runs_nothing_in_the_command(name: str) -> None:
    evidence, zoned = CASES[name].evidence, "fe80::1%$(reboot)"
    host = None if evidence.host is None else replace(evidence.host, source=zoned)
    controls = dict.fromkeys(evidence.expected.controls, zoned)
    expected = replace(evidence.expected, controls=controls)
    hostile = replace(evidence, target=zoned, address=zoned, host=host, expected=expected)
    for finding in diagnose_evidence(evidence).findings:
        assert "$(reboot)" not in command(hostile, finding).replace(f"'{zoned}'", "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "evidence.version: expected an integer"),
        ("no json", "not JSON"),
        ("x" * 300_000, "larger than 262144 bytes"),
    ],
)
def test_what_is_no_evidence_is_told_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "evidence.json"
    file.write_text(content)
    done = ipsecping("diagnose", "--from", str(file))
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_is_not_there() -> None:
    done = ipsecping("diagnose", "--from", "/no/such/file")
    assert (done.returncode, "No such file" in done.stderr) == (2, True)


def test_the_segments_of_those_who_lose_them_are_made_smaller(tmp_path: Path) -> None:
    # What an end writes into its SYN is how large the segments may be that it is sent.
    there = diagnose(tmp_path, CASES["mtu-blackhole"].evidence).stdout
    back = diagnose(tmp_path, CASES["mtu-blackhole back"].evidence).stdout
    assert " -s 10.50.1.10 -p tcp --tcp-flags SYN,RST SYN " in there
    assert " -d 10.50.1.10 -p tcp --tcp-flags SYN,RST SYN " in back


@pytest.mark.parametrize("step", [*(row.step for row in ROWS.values()), *STEPS.values()])
def test_where_a_step_of_an_operator_s_report_is_to_be_typed_is_said(step: Step) -> None:
    # Who reads it in a cluster has not started the prober.
    assert "this machine" not in step.machine.replace("this machine (in a cluster: the probe pod)", "")


def test_controls_that_prove_nothing_are_said_to(tmp_path: Path) -> None:
    odd = replace(with_batches(healthy(), {Part.FAR_INSIDE: dead}), baseline=None)
    assert "choose a control that answers" in " ".join(diagnose(tmp_path, odd).stdout.split())


def test_the_commands_of_an_ipv6_path_are_those_of_ipv6(tmp_path: Path) -> None:
    content = json.dumps(evidence_to_json(CASES["mtu-blackhole back"].evidence))
    content = re.sub(r"\b(\d+)\.(\d+)\.(\d+)\.(\d+)(?!/)\b", r"2001:db8:\1:\2::\3:\4", content)
    content = re.sub(r'"[\d.]+/\d+"', '"2001:db8::/32"', content)
    (tmp_path / "evidence.json").write_text(content)
    done = ipsecping("diagnose", "--from", str(tmp_path / "evidence.json"))
    assert done.stderr == ""
    assert "ip6tables -t mangle -A FORWARD -d 2001:db8:10:50::1:10 " in done.stdout
    assert "--set-mss 1286" in done.stdout
