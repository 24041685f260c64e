"""STAMP against stamp-suite, an implementation in Rust: both ways, both kinds of reflector, and TLVs."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import (
    PlannedProbe,
    ProbeType,
    RoundResult,
    StampOptions,
    result_from_json,
)

from ..peers import ours
from ..peers.processes import PATIENCE, listening
from ..plans import check_of, plan_file
from ..ports import free_port
from ..result_figures import sources_of

COUNT = 20


def stamp_suite_sends(program: str, port: int, *options: str) -> dict[str, Any]:
    """Its own summary of a session with a reflector on loopback."""
    done = subprocess.run(
        [program, "--local-addr", "127.0.0.1", "--remote-addr", "127.0.0.1", "--remote-port", str(port),
         "--count", str(COUNT), "--send-delay", "10ms", "--output-format", "json", *options],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    summaries = [json.loads(line) for line in done.stdout.splitlines() if '"summary"' in line]
    assert summaries, done.stderr
    summary: dict[str, Any] = summaries[-1]
    return summary


@contextmanager
def its_reflector(
    stamp_suite: str, folder: Path, *, key_file: Path | None = None, stateful: bool = True
) -> Iterator[int]:
    """stamp-suite's Session-Reflector on loopback, authenticated where there is a key file; its port."""
    port = free_port(socket.SOCK_DGRAM)
    words: list[object] = [stamp_suite, "--is-reflector", "--local-addr", "127.0.0.1", "--local-port", port]
    words += ["--stateful-reflector"] if stateful else []
    words += ["--auth-mode", "A", "--hmac-key-file", key_file] if key_file is not None else []
    with listening(words, port, log=folder / "log"):
        yield port


@pytest.mark.parametrize("stateful", [True, False], ids=["stateful", "stateless"])
@pytest.mark.parametrize("size", [44, 100], ids=lambda size: f"{size}-octets")
def test_its_reflector_answers_our_sender(
    stamp_suite: str, stateful: bool, size: int, tmp_path: Path
) -> None:
    with its_reflector(stamp_suite, tmp_path, stateful=stateful) as port:
        said = ours.ping("127.0.0.1", "--stamp", str(port), "-c", str(COUNT), "-i", "10ms", "-s", str(size))
    assert (said["sent"], said["received"], said["duplicates"]) == (COUNT, COUNT, 0)
    assert (said["forward_lost"], said["reverse_lost"]) == (0, 0)


def test_our_reflector_answers_its_sender_and_counts_for_each_session(stamp_suite: str) -> None:
    with ours.reflector("stamp") as reflector:
        said = [stamp_suite_sends(stamp_suite, reflector.port) for _ in range(2)]
        counters = reflector.stop()
    for summary in said:
        assert (summary["packets_sent"], summary["packets_received"]) == (COUNT, COUNT)
        assert summary["measurements"]["last_reflector_sequence"] == COUNT - 1
        assert summary["measurements"]["duplicate_replies"] == 0
        assert summary["measurements"]["unknown_replies"] == 0
    assert counters["answered"] == 2 * COUNT
    assert counters["octetsAnswered"] == counters["octetsReceived"]


@pytest.mark.parametrize(
    ("option", "type_number"),
    [
        (["--extra-padding", "64"], 1),
        (["--location"], 2),
        (["--cos", "--dscp", "46"], 4),
        (["--direct-measurement"], 5),
    ],
    ids=["extra-padding", "location", "class-of-service", "direct-measurement"],
)
def test_our_reflector_answers_its_tlvs_as_rfc_8972_says(
    stamp_suite: str, option: list[str], type_number: int
) -> None:
    with ours.reflector("stamp") as reflector:
        summary = stamp_suite_sends(stamp_suite, reflector.port, "--ssid", "77", *option)
        counters = reflector.stop()
    assert summary["packets_received"] == COUNT
    seen = summary["measurements"]["tlv_validation"]
    assert (seen["evaluated_replies"], seen["rejected_replies"]) == (COUNT, 0)
    assert seen["by_type"][str(type_number)]["observed"] == COUNT
    assert seen["flags"]["unrecognized"] == seen["flags"]["malformed"] == 0
    assert counters["octetsAnswered"] == counters["octetsReceived"] > 44 * COUNT


def test_it_takes_our_direct_measurement_counters_for_no_loss(stamp_suite: str) -> None:
    with ours.reflector("stamp") as reflector:
        summary = stamp_suite_sends(stamp_suite, reflector.port, "--ssid", "78", "--direct-measurement")
    counted = summary["measurements"]["direct_measurement"]
    assert counted["observations"] == COUNT
    assert (counted["forward_missing"], counted["reverse_missing"]) == (0, 0)
    assert counted["discontinuities"] == 0


def test_a_tlv_of_no_known_type_comes_back_marked_unrecognised(stamp_suite: str) -> None:
    with ours.reflector("stamp") as reflector:
        summary = stamp_suite_sends(stamp_suite, reflector.port, "--ssid", "79", "--follow-up-telemetry")
    seen = summary["measurements"]["tlv_validation"]
    assert summary["packets_received"] == COUNT
    assert seen["flags"]["unrecognized"] == COUNT


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """The same key in our form and in stamp-suite's."""
    key = "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"
    our_file, its_file = tmp_path / "ours", tmp_path / "its"
    for file, content in ((our_file, f"hex:{key}\n"), (its_file, f"{key}\n")):
        file.write_text(content)
        file.chmod(0o600)
    return our_file, its_file


def one_round_that_asks_for_its_source(port: int, folder: Path, key_file: Path | None = None) -> RoundResult:
    probe = PlannedProbe(
        name="datapath",
        type=ProbeType.STAMP,
        count=5,
        spacing_ms=10,
        timeout_ms=2000,
        size=160,
        port=port,
        options=StampOptions(key_file=None if key_file is None else str(key_file), ask_source=True),
    )
    check = check_of(probe)
    plan = plan_file(folder, check)
    done = subprocess.run(
        [sys.executable, "-m", "ipsecping", "run", str(plan), "--json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return result_from_json(json.loads(done.stdout.splitlines()[0]))


@pytest.mark.parametrize("signed", [False, True], ids=["unauthenticated", "authenticated"])
def test_its_reflector_tells_our_sender_which_source_address_it_sees(
    stamp_suite: str, keys: tuple[Path, Path], signed: bool, tmp_path: Path
) -> None:
    our_file, its_file = keys
    with its_reflector(stamp_suite, tmp_path, key_file=its_file if signed else None) as port:
        result = one_round_that_asks_for_its_source(port, tmp_path, our_file if signed else None)
    assert (result.received, sources_of(result)) == (5, {"127.0.0.1": 5})


@pytest.mark.parametrize("stateful", [True, False], ids=["stateful", "stateless"])
def test_its_authenticated_reflector_answers_our_sender(
    stamp_suite: str, keys: tuple[Path, Path], stateful: bool, tmp_path: Path
) -> None:
    our_file, its_file = keys
    with its_reflector(stamp_suite, tmp_path, key_file=its_file, stateful=stateful) as port:
        said = ours.ping(
            "127.0.0.1", "--stamp", str(port), "--key-file", str(our_file), "-c", str(COUNT), "-i", "10ms"
        )
        refused = ours.ping("127.0.0.1", "--stamp", str(port), "-c", "3", "-i", "10ms", "-W", "500ms")
    assert (said["sent"], said["received"], said["size"]) == (COUNT, COUNT, 112)
    assert (said["forward_lost"], said["reverse_lost"]) == (0, 0)
    assert refused["received"] == 0


@pytest.mark.parametrize("signed", [False, True], ids=["unauthenticated", "authenticated"])
def test_its_reflector_serves_our_search_for_the_path_mtu(
    stamp_suite: str, keys: tuple[Path, Path], signed: bool, tmp_path: Path
) -> None:
    our_file, its_file = keys
    with its_reflector(stamp_suite, tmp_path, key_file=its_file if signed else None) as port:
        found = ours.mtu(
            "127.0.0.1", "--stamp", str(port), *(["--key-file", str(our_file)] if signed else [])
        )
    assert (found["forward"], found["reverse"]) == (1500, 1500)


def test_our_authenticated_reflector_answers_its_sender_and_nobody_without_the_key(
    stamp_suite: str, keys: tuple[Path, Path]
) -> None:
    our_file, its_file = keys
    authenticated = ["--auth-mode", "A", "--hmac-key-file", str(its_file)]
    with ours.reflector("stamp", "--key-file", str(our_file)) as reflector:
        said = stamp_suite_sends(stamp_suite, reflector.port, *authenticated)
        refused = stamp_suite_sends(stamp_suite, reflector.port, "--timeout", "1")
        counters = reflector.stop()
    assert (said["packets_received"], said["measurements"]["last_reflector_sequence"]) == (COUNT, COUNT - 1)
    assert said["measurements"]["tlv_validation"]["rejected_replies"] == 0
    assert refused["packets_received"] == 0
    assert counters["answered"] == COUNT
