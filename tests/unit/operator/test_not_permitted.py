"""Each check of tests/not_permitted.yaml is refused by its field, and permitted by the setting it names."""

import json
from pathlib import Path
from typing import Any

import pytest

from ipsecping_operator.cli import main

from ...yaml_text import from_yaml

ASKING = from_yaml((Path(__file__).parents[2] / "not_permitted.yaml").read_text())
by_name = pytest.mark.parametrize("asking", ASKING, ids=lambda asking: asking["asks"].replace(" ", "-"))


def rendered(
    spec: dict[str, Any], *flags: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, list[str]]:
    """Exit status, output and lines of complaint of `render`."""
    check = {
        "apiVersion": "ipsecping.dev/v1alpha1",
        "kind": "IPsecTunnelCheck",
        "metadata": {"name": "hq", "namespace": "network"},
        "spec": spec,
    }
    file = folder / "check.yaml"
    file.write_text(json.dumps(check))
    status = main(["render", "-f", str(file), *flags])
    said = capsys.readouterr()
    return status, said.out, [line.removeprefix(f"{file}: hq: ") for line in said.err.splitlines()]


@by_name
def test_by_default_it_is_refused(
    asking: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = asking["says"].replace("NAMESPACE", "network")
    assert rendered(asking["spec"], folder=tmp_path, capsys=capsys) == (1, "", [said])


@by_name
def test_what_is_permitted_elsewhere_is_not_here(
    asking: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [flag.replace("NAMESPACE", "other") for flag in asking["allowed_by"] if "NAMESPACE" in flag]
    status, out, _ = rendered(asking["spec"], *flags, folder=tmp_path, capsys=capsys)
    assert (status, out) == (1, "")


@by_name
def test_the_setting_that_is_named_permits_it(
    asking: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [flag.replace("NAMESPACE", "network") for flag in asking["allowed_by"]]
    assert any(flag.partition("=")[0] in asking["says"] for flag in flags)
    status, out, said = rendered(asking["spec"], *flags, folder=tmp_path, capsys=capsys)
    assert (status, said) == (0, [])
    assert "kind: Deployment" in out


def test_the_settings_of_render_come_from_the_environment_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPSECPING_ALLOW_POD_LABELS", "network=egress")
    spec = {"target": "203.0.113.10", "placement": {"podLabels": {"egress": "tunnel"}}}
    assert rendered(spec, folder=tmp_path, capsys=capsys)[0] == 0
