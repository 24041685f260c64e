"""Standard streams that are closed, full, or a pipe that nobody reads: one line at most, and an exit code."""

import os
import subprocess
import sys

import pytest

PING = "ipsecping ping 127.0.0.1 -c 2 -i 10ms"
CRD = "ipsecping_operator crd"
HELP = "ipsecping ping --help"
FULL = "cannot write to standard output: No space left on device"


def typed(command: str, redirected: str) -> "subprocess.CompletedProcess[str]":
    """What it comes to in a shell, with the exit code of the program itself."""
    line = f"{sys.executable} -m {command} {redirected}; exit ${{PIPESTATUS[0]}}"
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("command", "redirected", "code", "said"),
    [
        (PING, "> /dev/full", 2, f"ipsecping: {FULL}\n"),
        (HELP, "> /dev/full", 2, f"ipsecping: {FULL}\n"),
        (CRD, "> /dev/full", 1, f"ipsecping-operator: {FULL}\n"),
        # Whoever read it has seen enough.
        (PING, "| true", 2, ""),
        (CRD, "| head -c 1 > /dev/null", 1, ""),
        (PING, ">&-", 0, ""),
        (CRD, ">&-", 0, ""),
        (PING, "<&- >&- 2>&-", 0, ""),
        ("ipsecping ping", "> /dev/full 2> /dev/full", 2, ""),
        ("ipsecping ping", ">&- 2>&-", 2, ""),
    ],
)
def test_output_that_is_lost_is_said_in_one_line(command: str, redirected: str, code: int, said: str) -> None:
    done = typed(command, redirected)
    assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.parametrize("redirected", ["2> /dev/full", "2>&-", "<&-"])
def test_without_standard_error_or_input_all_is_printed_as_ever(redirected: str) -> None:
    done = typed(PING, redirected)
    assert done.returncode == 0
    assert "rtt min" in done.stdout


def test_standard_input_that_is_closed_holds_nothing() -> None:
    done = typed("ipsecping_operator validate -", "<&-")
    assert done.returncode == 1
    assert (
        done.stderr
        == "-: no IPsecTunnelCheck in it: is it the right one? --allow-empty where none may be there\n"
    )


def test_no_socket_gets_the_number_of_a_stream_that_is_closed() -> None:
    seen = (
        "import os, socket, sys\n"
        "from ipsecping.host.standard_streams import guarded\n"
        "with guarded():\n"
        "    made = socket.socket()\n"
        "    os.write(int(os.environ['OUT']), str(made.fileno()).encode())\n"
    )
    read, write = os.pipe()
    with os.fdopen(read) as told:
        line = f'{sys.executable} -c "$PROGRAM" <&- >&- 2>&-'
        environment = {**os.environ, "PROGRAM": seen, "OUT": str(write)}
        subprocess.run(["bash", "-c", line], env=environment, pass_fds=[write], timeout=60, check=True)
        os.close(write)
        assert int(told.read()) > 2
