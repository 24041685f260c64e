"""Every mistake of tests/mistakes.yaml is refused without a cluster, by its field and in clear words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping_operator.api import CheckSpec, InvalidModel
from ipsecping_operator.api.validation import read
from ipsecping_operator.cli import main

from ...yaml_text import from_yaml

TESTS = Path(__file__).parents[2]
MISTAKES = from_yaml((TESTS / "mistakes.yaml").read_text())
OPERATOR_MISTAKES = from_yaml((TESTS / "operator_mistakes.yaml").read_text())


def rendered(
    mistake: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, list[str]]:
    """Exit status, output and lines of complaint of `render -f`."""
    check = {
        "apiVersion": "ipsecping.dev/v1alpha1",
        "kind": "IPsecTunnelCheck",
        "metadata": {"name": "hq"} | mistake.get("metadata", {}),
        "spec": mistake["spec"],
    }
    file = folder / "check.yaml"
    file.write_text(yaml.safe_dump(check))
    status = main(["render", "-f", str(file)])
    said = capsys.readouterr()
    prefix = f"{file}: {check['metadata']['name']}: "
    return status, said.out, [line.removeprefix(prefix) for line in said.err.splitlines()]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["mistake"].replace(" ", "-"))
def test_what_the_api_server_refuses_is_refused_by_its_field_without_one(
    mistake: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, (said,) = rendered(mistake, tmp_path, capsys)
    assert (status, out) == (1, "")
    assert said.startswith(f"{mistake['field']}: ")
    assert (mistake.get("says") or mistake["offline"]) in said


@pytest.mark.parametrize(
    "mistake", OPERATOR_MISTAKES, ids=lambda mistake: mistake["mistake"].replace(" ", "-")
)
def test_what_the_operator_refuses_is_refused_in_the_same_words(
    mistake: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rendered(mistake, tmp_path, capsys) == (1, "", [mistake["says"]])


def test_every_mistake_in_a_spec_is_told_at_once() -> None:
    spec = {
        "target": "10.0.0.300",
        "schedule": {"interval": "0s"},
        "probes": [{"name": "a", "icmp": {}, "size": 1}, {"name": "B", "icmp": {}}],
    }
    with pytest.raises(InvalidModel) as caught:
        read(CheckSpec, spec, path="spec")
    assert [error.field for error in caught.value.errors] == [
        "spec.target",
        "spec.schedule.interval",
        "spec.probes[0].size",
        "spec.probes[1].name",
    ]
