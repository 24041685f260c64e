"""The operator's ports."""

import socket

import pytest

from ipsecping_operator.cli import main


@pytest.mark.parametrize("flag", ["--metrics-port", "--healthz-port"])
def test_a_port_that_is_taken_is_named_with_the_flag_that_chooses_another(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ports = {"--metrics-port": "127.0.0.1:0", "--healthz-port": "127.0.0.1:0"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports[flag] = f"127.0.0.1:{taken.getsockname()[1]}"
        status = main(["run", "--probe-image=probe:1", *(f"{name}={port}" for name, port in ports.items())])
    assert status == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == (
        f"ipsecping-operator run: cannot listen on {ports[flag]}: Address already in use; see {flag}"
    )
