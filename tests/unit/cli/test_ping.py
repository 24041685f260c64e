"""`ipsecping ping` as its users see it, against a real reflector on loopback."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from .conftest import COMMAND, Reflector, in_a_process, ipsecping

NOBODY = "--udp-echo=1"  # no one listens on that port


def without_figures(text: str) -> str:
    """Times as #, and blanks of aligned columns as one: the rest is the same in every run."""
    times = re.sub(r"\d+\.\d{3}(?!\d)", "#", text)
    ports = re.sub(r"port \d+", "port N", times)
    return "\n".join(re.sub(r"  +", "  ", line).rstrip() for line in ports.splitlines())


def test_one_host_reads_as_ping_does(reflector: Reflector) -> None:
    done = ipsecping("ping", "127.0.0.1", "--stamp", str(reflector.stamp), "-c", "3", "-i", "10ms")
    assert without_figures(done.stdout) == (
        "STAMP to 127.0.0.1 (127.0.0.1 port N), 56 bytes\n"
        "127.0.0.1 seq=1 rtt=# ms\n"
        "127.0.0.1 seq=2 rtt=# ms\n"
        "127.0.0.1 seq=3 rtt=# ms\n"
        "\n"
        "--- 127.0.0.1 STAMP statistics ---\n"
        "3 sent, 3 received, 0.00 % lost, 0 duplicates, 0 reordered\n"
        "rtt min/avg/p50/p90/p99/max = #/#/#/#/#/# ms, clock: Kernel\n"
        "jitter # ms"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_several_hosts_get_a_prefix_each_and_one_row_each(reflector: Reflector) -> None:
    done = ipsecping(
        "ping", "127.0.0.1", "127.0.0.22", "--udp-echo", str(reflector.echo), "-c", "2", "-i", "10ms"
    )
    *live, _, heading, first, second = without_figures(done.stdout).splitlines()
    assert sorted(live) == [
        "127.0.0.1  seq=1 rtt=# ms",
        "127.0.0.1  seq=2 rtt=# ms",
        "127.0.0.22 seq=1 Refused",
        "127.0.0.22 seq=2 Refused",
        "UDPEcho to 127.0.0.1 (127.0.0.1 port N), 56 bytes",
        "UDPEcho to 127.0.0.22 (127.0.0.22 port N), 56 bytes",
    ]
    columns = "HOST SENT RECV LOSS% DUP REORD MIN P50 P90 P99 MAX JITTER REMARK"
    assert " ".join(heading.split()) == columns
    assert " ".join(first.split()) == "127.0.0.1 2 2 0.00 0 0 #ms #ms #ms #ms #ms #ms"
    assert " ".join(second.split()) == "127.0.0.22 2 0 100.00 0 0 - - - - - - 2 Refused"
    assert done.returncode == 1  # one of the two did not answer


def test_an_unknown_host_among_others_is_said_and_the_others_are_measured(reflector: Reflector) -> None:
    hosts = ("127.0.0.1", "no-such-host.invalid")
    done = ipsecping("ping", *hosts, "--stamp", str(reflector.stamp), "-c", "1", "-q")
    assert done.returncode == 1
    assert done.stderr.startswith("ipsecping: ping: no-such-host.invalid: ")
    assert done.stdout.splitlines()[-2].split()[:3] == ["127.0.0.1", "1", "1"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("127.0.0.1", NOBODY, "-c", "1"), 1, ""),
        (("no-such-host.invalid", NOBODY, "-c", "1"), 2, "ping: no-such-host.invalid: "),
        (("127.0.0.1", "-6", NOBODY), 2, "127.0.0.1 is not an IPv6 address, as -6 asks for"),
        (("::1", "-4", NOBODY), 2, "::1 is not an IPv4 address, as -4 asks for"),
        (("127.0.0.1", "-i", "1ms"), 2, "10ms is the shortest interval"),
        (("127.0.0.1", "--json", "--histogram"), 2, "choose one"),
        (("127.0.0.1",) * 257, 2, "at most 256 at once"),
        ((), 2, "HOST"),
    ],
)
def test_the_exit_code_says_how_it_went(arguments: tuple[str, ...], code: int, says: str) -> None:
    done = ipsecping("ping", *arguments)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_json_for_one_host_is_one_object(reflector: Reflector) -> None:
    done = ipsecping("ping", "127.0.0.1", "--stamp", str(reflector.stamp), "-c", "2", "-i", "10ms", "--json")
    content = json.loads(done.stdout)
    expected = {"sent": 2, "received": 2, "duplicates": 0, "reordered": 0, "loss_percent": 0.0}
    assert expected.items() <= content.items()
    assert list(content["rtt"]) == ["min", "avg", "p50", "p90", "p99", "max"]


def test_json_for_several_hosts_is_one_object_a_line_in_the_order_given(reflector: Reflector) -> None:
    hosts = ("no-such-host.invalid", "127.0.0.22", "127.0.0.1")
    done = ipsecping("ping", *hosts, "--udp-echo", str(reflector.echo), "-c", "1", "--json")
    unknown, refused, answered = map(json.loads, done.stdout.splitlines())
    assert (unknown["sent"], unknown["loss_percent"], unknown["address"]) == (0, None, None)
    assert unknown["error"].startswith("no-such-host.invalid: ")
    assert refused["losses"] == {"Refused": 1}
    assert answered["received"] == 1


@pytest.mark.parametrize(("encoding", "bar"), [("utf-8", "█"), ("ascii", "#")])
def test_the_histogram_keeps_to_the_width_and_the_encoding(
    reflector: Reflector, encoding: str, bar: str
) -> None:
    target = ("127.0.0.1", "--stamp", str(reflector.stamp))
    how = ("-c", "20", "-i", "10ms", "-q", "--histogram")
    done = in_a_process("ping", *target, *how, COLUMNS="50", PYTHONIOENCODING=encoding)
    bars = done.stdout.partition("round-trip times:\n")[2].splitlines()
    assert max(map(len, bars)) == 49  # the last column stays free, some terminals wrap there
    assert any(line.endswith(bar * 5) for line in bars)
    assert sum(int(line.split()[4]) for line in bars) == 20


def test_ctrl_c_ends_with_the_summary(reflector: Reflector) -> None:
    command = [*COMMAND, "ping", "127.0.0.1", "--stamp", str(reflector.stamp), "-i", "10ms"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "seq=2" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert "--- 127.0.0.1 STAMP statistics ---" in rest
    assert (process.returncode, errors) == (0, "")


def test_ctrl_c_counts_what_has_timed_out_as_lost_and_forgets_the_rest() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        target = ("127.0.0.1", "--udp-echo", str(silent.getsockname()[1]), "-i", "100ms", "-W", "300ms")
        with subprocess.Popen([*COMMAND, "ping", *target], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            while "seq=3 Timeout" not in process.stdout.readline():
                pass
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=60)
    sent, received = map(int, re.findall(r"(\d+) sent, (\d+) received, 100.00 % lost", rest)[0])
    assert (sent >= 3, received, process.returncode) == (True, 0, 1)
    assert f"lost: {sent} Timeout" in rest


class Screen:
    """A program on a pseudo-terminal: standard output and standard error are the same terminal."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]") -> None:
        self._master = master
        self.process = process
        self.text = ""

    def read_until(self, wanted: str) -> None:
        while wanted not in self.text:
            assert self._read_some(), f"{wanted!r} does not come after {self.text!r}"

    def read_all(self) -> str:
        while self._read_some():
            pass
        return self.text

    def _read_some(self) -> bool:
        readable, _, _ = select.select([self._master], [], [], 60)
        assert readable, f"nothing comes after {self.text!r}"
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # Linux says EIO when the last program has closed the terminal
            return False
        self.text += data.decode()
        return bool(data)


@contextmanager
def on_a_terminal(*arguments: str, **environment: str) -> Iterator[Screen]:
    master, slave = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with closing(os.fdopen(master, "rb", buffering=0)):
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**inherited, "TERM": "xterm", "PYTHONIOENCODING": "utf-8", **environment},
        )
        os.close(slave)
        try:
            yield Screen(master, process)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def test_on_a_terminal_losses_are_red() -> None:
    with on_a_terminal("ping", "127.0.0.1", NOBODY, "-c", "1") as screen:
        assert "127.0.0.1 \x1b[31mseq=1 Refused\x1b[0m\r\n" in screen.read_all()


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_declined(environment: dict[str, str]) -> None:
    with on_a_terminal("ping", "127.0.0.1", NOBODY, "-c", "1", **environment) as screen:
        assert "\x1b" not in screen.read_all()


def test_a_quiet_ping_on_a_terminal_shows_that_it_lives_and_wipes_that_in_the_end(
    reflector: Reflector,
) -> None:
    arguments = ("ping", "127.0.0.1", "--stamp", str(reflector.stamp), "-q", "-i", "10ms")
    with on_a_terminal(*arguments) as screen:
        screen.read_until("answers so far, Ctrl-C")
        screen.process.send_signal(signal.SIGINT)
        text = screen.read_all()
        assert screen.process.wait() == 0
    assert text.rpartition("\r\x1b[K")[2].startswith("--- 127.0.0.1 STAMP statistics")


def test_a_run_on_a_terminal_says_what_it_waits_for(tmp_path: Path) -> None:
    probe = {"name": "p", "type": "UDPEcho", "count": 1, "spacingMs": 10, "timeoutMs": 300, "size": 64}
    names = {"uid": "u", "namespace": "n", "name": "slow", "tunnelName": "t", "path": "default"}
    check = {**names, "generation": 1, "target": "127.0.0.1", "intervalMs": None}
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"version": 1, "checks": [{**check, "probes": [{**probe, "port": 1}]}]}))
    with on_a_terminal("run", str(plan)) as screen:
        text = screen.read_all()
    progress, _, result = text.rpartition("\r\x1b[K")
    assert "0 of 1 paths measured, waiting for n/slow default" in progress
    assert result.startswith("CHECK")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--http", "foo"), "--http: it must start with http:// or https://"),
        (("--http", "http://a", "--status", "9999"), "--status: expected HTTP status codes from 100 to 599"),
        (("--http", "http://a", "--header", "a b:c"), "--header: 'a b' is not the name of a header field"),
        (("--tcp", "80", "--expect", "("), "--expect: a ( without its ) (before character 2)"),
        (("--tcp", "80", "--tls", "--server-name", "a b"), "--server-name: 'a b' is neither a domain name"),
        (("--dns", "a", "--answer-in", "x"), "--answer-in: 'x' is not an address or a network"),
    ],
)
def test_a_wrong_value_is_told_by_the_option_that_has_it(words: tuple[str, ...], said: str) -> None:
    done = ipsecping("ping", "127.0.0.1", *words)
    assert done.returncode == 2
    assert f"ipsecping: ping: {said}" in done.stderr


def test_a_host_that_is_no_name_is_named_as_a_terminal_may_get_it() -> None:
    done = ipsecping("ping", "\x1b[2J\u202e", "-c", "1")
    assert done.returncode == 2
    assert done.stderr.startswith(r"ipsecping: ping: \x1b[2J\u202e: ")


@pytest.mark.parametrize("text", ["9" * 5000, "1d", "-1s", "1e3", "nan", "", "\u0663"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    done = ipsecping("ping", "127.0.0.1", "-c", "1", f"-i={text}" if not text else f"-i{text}")
    assert done.returncode == 2
    assert "is not a duration such as 100ms, 2s or 1m30s" in done.stderr
