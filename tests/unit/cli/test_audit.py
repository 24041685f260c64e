"""`ipsecping audit`: what it announces, finds and refuses."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import COMMAND, ipsecping

HOST, PROBER = "127.0.0.2", "127.0.0.1"
KEY = "hex:" + "ab" * 32
QUICK = ("-I", PROBER, "-i", "10ms", "-W", "500ms")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a reflector without keys, for one prober alone."""
    command = [*COMMAND, "reflect", "--stamp", f"{HOST}:0", "--allow", PROBER]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield process.stderr.readline().split()[-1]
        finally:
            process.terminate()


def findings(said: dict[str, Any]) -> dict[str, str]:
    (audit,) = said["audits"]
    return {each["finding"]: each["outcome"] for each in audit["results"]}


def test_it_says_what_it_sends_what_is_open_what_closes_it_and_what_was_not_asked_for(port: str) -> None:
    done = ipsecping("audit", HOST, "--stamp", port, *QUICK)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        f"audit of STAMP at {HOST} ({HOST} port {port}):",
        "sending at most 42 packets, 10 ms apart",
    ]
    assert "FOUND          AnswersUnsigned: it answers packets without a signature" in lines
    assert "               ipsecping reflect: --key-file F, without --keys-for-tlvs" in lines
    assert any(line.startswith("closed         AnswersReflected: no answer to ") for line in lines)
    assert lines[-3] == (
        "not asked for  an address outside of its allow-list (--outside-source ADDRESS) "
        "and its rate (--rate N)"
    )
    assert lines[-1].startswith("1 found, ")
    assert done.stderr == ""


def test_what_is_accepted_is_told_and_leaves_the_exit_code_at_0(port: str) -> None:
    done = ipsecping("audit", HOST, "--stamp", port, *QUICK, "--accept", "AnswersUnsigned", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert findings(said)["AnswersUnsigned"] == "found"
    (audit,) = said["audits"]
    assert [each["accepted"] for each in audit["results"] if each["outcome"] == "found"] == [True]
    assert audit["controls"] == audit["controls_answered"] > 0


def test_an_outside_address_is_announced_and_tried(port: str) -> None:
    done = ipsecping("audit", HOST, "--stamp", port, *QUICK, "--outside-source", "127.0.0.3")
    assert "some of them from 127.0.0.3, which should not be answered" in done.stdout
    assert "AnswersOutsideSource: no answer" in done.stdout


def test_silence_is_not_tested_and_never_closed(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(KEY)
    done = ipsecping(
        "audit", HOST, "--stamp", "9", *QUICK[:4], "-W", "50ms", "--key-file", str(keys), "--json"
    )
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert set(findings(said).values()) == {"not tested"}
    evidence = {each["evidence"] for each in said["audits"][0]["results"]}
    assert any("right packets was answered, " in each and "Refused" in each for each in evidence)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--rate 4", "--rate: 5 to 40 packets a second"),
        ("--rate 41", "--rate: 5 to 40 packets a second"),
        ("-i 9ms", "-i: the interval must be at least 10ms"),
        ("-W 0", "-W: the timeout must be at least 1ms"),
        ("--udp-echo 7 --key-file keys", "--key-file is for --stamp"),
        ("--key-file /no/such/file", "key file /no/such/file: No such file"),
        ("--accept AnswersLoop", "--accept: 'AnswersLoop' is not one of AnswersUnsigned, "),
        ("--outside-source far.example", "--outside-source: 'far.example' is not an IP address"),
        (
            "--outside-source ::1",
            "--outside-source: ::1 cannot send to 127.0.0.1: give one of the same family",
        ),
        ("-I 192.0.2.7", "to send from 192.0.2.7"),
    ],
)
def test_wrong_usage_is_told_in_one_line(words: str, message: str) -> None:
    done = ipsecping("audit", "127.0.0.1", *words.split())
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("host", ["224.0.0.1", "255.255.255.255", "ff02::1", "0.0.0.0"])
def test_what_is_not_one_host_is_sent_nothing(host: str) -> None:
    done = ipsecping("audit", host)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"ipsecping: audit: {host} is not the address of one host\n"


def test_an_interrupted_audit_claims_nothing() -> None:
    command = [sys.executable, "-m", "ipsecping", "audit", HOST, "--stamp", "9", "-W", "10s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(2)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "closed" not in out
    assert err.endswith("audit: interrupted before anything can be said\n")
