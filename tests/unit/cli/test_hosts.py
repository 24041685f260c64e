"""A host that is none is refused with what to write in its place, before anybody is asked for its address."""

from pathlib import Path

import pytest

from ipsecping.cli.arguments import host
from ipsecping.cli.main import main

COMMANDS = ("ping", "mtu", "trace", "ike", "audit", "diagnose")
MISTYPED = ("10.0.0.256", "10.1.9", "203.0.113.10.", "0x7f000001", "2001:db8::10::1", "fe80:1%eth0")
MISTAKES = (
    ("203.0.113.10:862", "write 203.0.113.10, and give the port by an option"),
    ("[2001:db8::10]:862", "write 2001:db8::10, and give the port by an option"),
    ("[2001:db8::10]", "write 2001:db8::10, without brackets"),
    ("db.example:5432", "write db.example, and give the port by an option"),
    ("https://db.example", "leave out the scheme and the path of the URL"),
    *((each, "write a whole IP address, such as 10.1.0.9 or 2001:db8::9") for each in MISTYPED),
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("given", "remedy"), MISTAKES)
def test_what_is_no_host_is_refused_with_what_to_write(
    command: str, given: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, given])
    assert ended.value.code == 2
    assert f"{given!r} is not a host: {remedy}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    ["10.0.0.1.example.com", "db_1.example.", "bücher.example", "fe80::1%eth0", "2001:db8::10", "7.a"],
)
def test_names_and_whole_addresses_are_hosts(given: str) -> None:
    assert host(given) == given


@pytest.mark.parametrize("command", [each for each in COMMANDS if each != "diagnose"])
def test_a_network_is_no_host(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "203.0.113.0/24"])
    said = capsys.readouterr().err
    assert "'203.0.113.0/24' is not a host: write one address or name, without a slash\n" in said


@pytest.mark.parametrize("command", ["run", "agent", "diagnose"])
def test_a_check_in_the_place_of_a_plan_is_told_how_it_becomes_one(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "check.yaml"
    file.write_text("apiVersion: ipsecping.dev/v1alpha1\nkind: IPsecTunnelCheck\nmetadata: {name: hq}\n")
    assert main([command, str(file)]) == 2
    said = capsys.readouterr().err
    assert "is a check, not a plan: ipsecping-operator render --plan -f" in said
