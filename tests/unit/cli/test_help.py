"""Every command explains itself, with examples that its own parser accepts."""

import re
import shlex

import pytest

from ipsecping.cli import agent, audit, diagnose, ike, main, mtu, ping, reflect, run, trace
from ipsecping.command_line import MOST_LINES

EPILOGS = [each.EPILOG for each in (main, agent, audit, diagnose, ike, mtu, ping, reflect, run, trace)]


def examples() -> list[str]:
    """Command lines in the help texts, without the explanation that stands behind three blanks."""
    text = "\n".join(EPILOGS).replace("\\\n", "")
    lines = re.findall(r"^  ipsecping (.*)$", text, re.MULTILINE)
    return [re.split(r"(?<=\S)  +(?![ -])", line)[0] for line in lines]


@pytest.mark.parametrize("example", examples())
def test_an_example_is_a_command_line(example: str) -> None:
    options = main.parser().parse_args(shlex.split(example))
    assert callable(options.execute)


@pytest.mark.parametrize("command", main.COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.parser().parse_args([command, "--help"])
    assert ended.value.code == 0
    assert f"\n  ipsecping {command} " in capsys.readouterr().out


def test_an_option_that_a_command_has_not_is_answered_with_those_that_it_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["audit", "10.0.0.1", "--port", "862"])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("usage: ipsecping audit [-h]")
    assert "--stamp PORT" in said
    assert said.endswith("ipsecping audit: error: unrecognized arguments: --port 862\n")


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        ("ping h --bogus", "ping [options] HOST [HOST ...]"),
        ("ping", "ping [options] HOST [HOST ...]"),
        ("ping h -c 0", "ping [options] HOST [HOST ...]"),
        ("diagnose h --bogus", "diagnose [options] [HOST|PLAN.json]"),
        ("reflect --bogus", "reflect [options]"),
        ("agent p.json --listen", "agent [options] PLAN.json"),
        ("run --bogus p.json", "run [options] PLAN.json"),
    ],
)
def test_an_error_is_seen_at_once_however_many_options_a_command_has(
    words: str, usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(words.split())
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert len(lines) <= MOST_LINES + 1
    assert lines[0] == f"usage: ipsecping {usage}" or "[-h]" in lines[0]
    assert "error: " in lines[-1]


@pytest.mark.parametrize(
    "words",
    ["ping h -c VALUE", "ping h -VALUE", "ping VALUE -c 1", "mtu VALUE", "trace h -w VALUE", "VALUE",
     "ping h --starttls VALUE", "diagnose h --gateway VALUE", "run VALUE"],
)  # fmt: skip
def test_of_an_absurdly_long_value_an_error_quotes_what_can_be_read(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main.main(words.replace("VALUE", "9" * 5000).split())
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr().err.splitlines()[-1]
    assert code in (1, 2)
    assert said.startswith("ipsecping")
    assert len(said) < 600
