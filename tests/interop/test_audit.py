"""`ipsecping audit` against reflectors as processes: ours, open and shut, and those of others."""

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..peers import ours
from ..peers.processes import listening
from ..ports import free_port

ROOT = Path(__file__).parents[2]
HOST, PROBER, OUTSIDE = "127.0.0.2", "127.0.0.1", "127.0.0.3"
KEY = "hex:" + "00112233445566778899aabbccddeeff" * 2
QUICK = ("-i", "10ms", "-W", "1s")
ALWAYS_SHUT = {"AnswersReplayed", "AnswersReflected", "AnswersShort", "Amplifies"}
"""What no option of ours opens."""


def audit(*arguments: str, host: str = HOST, source: str = PROBER) -> dict[str, str]:
    """What came of each finding."""
    (said,) = ours.audit(host, "-I", source, *QUICK, *arguments)["audits"]
    return {each["finding"]: each["outcome"] for each in said["results"]}


def found(outcomes: dict[str, str]) -> set[str]:
    return {finding for finding, outcome in outcomes.items() if outcome == "found"}


@pytest.fixture
def keys(tmp_path: Path) -> str:
    file = tmp_path / "stamp.keys"
    file.write_text(KEY)
    return str(file)


@contextmanager
def reflecting(kind: str, *options: str, allow: str = f"{PROBER}/32") -> Iterator[ours.Reflector]:
    """`ipsecping reflect` that answers that network alone, and counts no more bytes out than in."""
    with ours.reflector(kind, *options, address=HOST, allow=allow) as made:
        yield made
        counters = made.stop()
        assert counters["octetsAnswered"] <= counters["octetsReceived"]


def test_our_reflector_with_all_its_options_has_nothing_open(keys: str) -> None:
    with reflecting("stamp", "--key-file", keys, "--rate", "20") as far:
        outcomes = audit(
            "--stamp", str(far.port), "--key-file", keys, "--rate", "20", "--outside-source", OUTSIDE
        )
    assert found(outcomes) == set()
    wanted = ALWAYS_SHUT | {"AnswersUnsigned", "AnswersWrongKey", "AnswersOwnPort", "AnswersOutsideSource"}
    assert {outcomes[each] for each in (*wanted, "AnswersAboveRate")} == {"closed"}


@pytest.mark.long
def test_each_option_that_is_left_out_is_found_and_the_others_are_not(keys: str) -> None:
    with reflecting("stamp") as far:
        open_ = found(audit("--stamp", str(far.port), "--key-file", keys, "--outside-source", OUTSIDE))
    assert open_ == {"AnswersUnsigned"}
    signed = ("--key-file", keys)
    with reflecting("stamp", *signed, allow="127.0.0.0/8") as far:
        open_ = found(audit("--stamp", str(far.port), *signed, "--outside-source", OUTSIDE))
    assert open_ == {"AnswersOutsideSource"}
    with reflecting("stamp", *signed, "--keys-for-tlvs") as far:
        assert found(audit("--stamp", str(far.port), *signed)) == {"AnswersUnsigned"}


def test_a_source_port_that_is_allowed_is_found() -> None:
    port = free_port(socket.SOCK_DGRAM)
    for kind, option in (("stamp", "--stamp"), ("udp-echo", "--udp-echo")):
        with ours.reflector(kind, "--allow-source-port", str(port), address=HOST, port=port) as far:
            assert far.port == port
            assert "AnswersOwnPort" in found(audit(option, str(port)))
        with ours.reflector(kind, address=HOST, port=port):
            assert audit(option, str(port))["AnswersOwnPort"] == "closed"


@pytest.mark.parametrize(("rate", "outcome"), [("10000", "found"), ("20", "closed")])
def test_a_rate_is_kept_or_not(rate: str, outcome: str) -> None:
    with reflecting("udp-echo", "--rate", rate) as far:
        assert audit("--udp-echo", str(far.port), "--rate", "20")["AnswersAboveRate"] == outcome


def test_scripts_that_echo_answer_whatever_port_it_comes_from(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    code = (
        "import socket, sys\n"
        "sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"sock.bind(('{HOST}', int(sys.argv[1])))\n"
        "while True: sock.sendto(*sock.recvfrom(65535))\n"
    )
    with listening([sys.executable, "-c", code, port], port, log=tmp_path / "log"):
        outcomes = audit("--udp-echo", str(port), "--outside-source", OUTSIDE)
        stamp = audit("--stamp", str(port))
    assert found(outcomes) >= {"AnswersOwnPort", "AnswersOutsideSource"}
    assert outcomes["Amplifies"] == "closed"
    # What sends back what it gets is no Session-Reflector: nothing is claimed of one.
    assert set(stamp.values()) == {"not tested"}


@pytest.mark.parametrize(
    ("habit", "longest"), [("short-36", "Amplifies"), ("long", "Amplifies"), ("ptp", "")]
)
def test_reflectors_that_answer_anything_are_found_out(habit: str, longest: str, tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    argv = [sys.executable, "-m", "tests.peers.habits", habit, port]
    with listening(argv, port, log=tmp_path / "log", cwd=ROOT):
        open_ = found(audit("--stamp", str(port), host="127.0.0.1", source=HOST))
    assert open_ >= {"AnswersUnsigned", "AnswersReflected", "AnswersOwnPort", "AnswersShort"}
    assert ("Amplifies" in open_) is bool(longest)


def test_a_short_packet_silences_twamp_light_and_is_blamed_for_it(twamp_light: str, tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    file = tmp_path / "configuration.json"
    file.write_text(
        json.dumps({"mode": "LIGHT_REFLECTOR", "source_ip_address": f"127.0.0.1:{port}", "ref_wait": 900})
    )
    (tmp_path / "twamp").mkdir()
    (tmp_path / "twamp" / "log_config.yml").write_text(
        'appenders:\n  out:\n    kind: console\n    encoder: {pattern: "{m}{n}"}\n'
        "root: {level: info, appenders: [out]}\n"
    )
    with listening([twamp_light, file], port, log=tmp_path / "log", cwd=tmp_path):
        outcomes = audit("--stamp", str(port), host="127.0.0.1", source=HOST)
    assert found(outcomes) >= {"AnswersUnsigned", "AnswersReflected", "AnswersOwnPort", "FallsSilent"}


def test_a_short_packet_silences_a_script_and_is_blamed_for_it(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    argv = [sys.executable, "-m", "tests.peers.scapy_stamp", "reflect", "127.0.0.1", port]
    with listening(argv, port, log=tmp_path / "log", cwd=ROOT):
        outcomes = audit("--stamp", str(port), host="127.0.0.1", source=HOST)
    assert outcomes["FallsSilent"] == "found"
    assert outcomes["AnswersShort"] == "not tested"


def its_reflector(program: str, port: int, *options: object) -> list[object]:
    where: list[object] = ["--local-addr", "127.0.0.1", "--local-port", port]
    return [program, "--is-reflector", *where, "--stateful-reflector", *options]


def test_stamp_suite_answers_answers_and_short_packets_and_amplifies(
    stamp_suite: str, tmp_path: Path
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with listening(its_reflector(stamp_suite, port), port, log=tmp_path / "log"):
        outcomes = audit("--stamp", str(port), host="127.0.0.1", source=HOST)
    assert found(outcomes) >= {
        "AnswersUnsigned", "AnswersReflected", "AnswersOwnPort", "AnswersShort", "Amplifies",
    }  # fmt: skip
    assert outcomes["FallsSilent"] == "closed"


def test_stamp_suite_with_a_key_answers_nothing_unsigned_but_replays_and_answers(
    stamp_suite: str, keys: str, tmp_path: Path
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    its_key = tmp_path / "its.key"
    its_key.write_text(KEY.removeprefix("hex:"))
    its_key.chmod(0o600)
    options = ("--auth-mode", "A", "--hmac-key-file", its_key)
    with listening(its_reflector(stamp_suite, port, *options), port, log=tmp_path / "log"):
        outcomes = audit("--stamp", str(port), "--key-file", keys, host="127.0.0.1", source=HOST)
    assert found(outcomes) >= {"AnswersReplayed", "AnswersReflected", "AnswersOwnPort"}
    shut = {"AnswersUnsigned", "AnswersWrongKey", "AnswersShort", "Amplifies", "FallsSilent"}
    assert {outcomes[each] for each in shut} == {"closed"}
