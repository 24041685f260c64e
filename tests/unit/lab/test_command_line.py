"""The command line, and the choice between the lab's cluster and one's own."""

import io
import re

import pytest

from ipsecping_lab import existing
from ipsecping_lab.cli import main, parser
from ipsecping_lab.errors import LabError
from ipsecping_lab.progress import Progress


def help_of(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        parser().parse_args([*words, "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    ["up", "down", "images", "status", "logs", "exec", "guest", "swanctl", "fault", "fault set", "fault list",
     "fault clear", "fault types", "flow add", "flow read", "flow clear", "responders restart"],
)  # fmt: skip
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "example: lab " in help_of(*command.split(), capsys=capsys)


def test_the_lab_s_own_commands_do_not_apply_to_one_s_own_cluster(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB", "existing")
    for command in (["up"], ["down"], ["fault", "list"], ["guest", "true"], ["status"]):
        assert main(command) == 1
        assert "LAB=existing" in capsys.readouterr().err


def test_one_s_own_cluster_must_be_named() -> None:
    with pytest.raises(LabError, match=r"LAB_CONTEXT.*prod, test"):
        existing.context(["test", "prod"], {})


def test_a_context_that_is_not_in_the_kubeconfig_is_refused() -> None:
    with pytest.raises(LabError, match="prdo"):
        existing.context(["prod"], {"LAB_CONTEXT": "prdo"})


def test_the_named_context_is_used() -> None:
    assert existing.context(["prod", "test"], {"LAB_CONTEXT": "test"}) == "test"


def test_a_misspelt_wish_is_not_ignored() -> None:
    with pytest.raises(LabError, match="exisitng"):
        existing.chosen({"LAB": "exisitng"})


def test_without_a_terminal_each_step_is_one_plain_line_with_its_seconds() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    with progress.step("node") as step:
        step.note = "pid 7"
    assert re.fullmatch(r" +\d+\.\d s  node: pid 7 \(\d+\.\d s\)\n", stream.getvalue())


def test_a_step_that_fails_says_so() -> None:
    stream = io.StringIO()
    with pytest.raises(LabError), Progress(stream).step("kubelet"):
        raise LabError("no")
    assert "FAILED kubelet" in stream.getvalue()
