"""The configurations in Debian's packages of SmokePing and blackbox_exporter, imported as they are."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping_operator.cli import main

from ..docs.documents import shown
from ..peers import debian

EXPORTER = "prometheus-blackbox-exporter"


def root_of(program: str, package: str) -> Path:
    """Where the package is unpacked, or / where it is installed."""
    return Path(debian.program(program, package)).parents[2]


def lines(text: str, word: str) -> int:
    return sum(line.strip().startswith(word) for line in text.splitlines())


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[Iterator[dict[str, Any]], str]:
    """The checks that are written, all of them valid, and what is named."""
    assert main(["import", *map(str, words)]) == 0
    printed = capsys.readouterr()
    return (each for each in yaml.safe_load_all(printed.out) if each), printed.err


@pytest.mark.parametrize(
    "name",
    [
        "config.simple",
        "config.multiple-probes",
        "config.targetvars-with-Curl",
        "config.echoping",
        "config.fping-instances",
        "config.template",
    ],
)
def test_each_target_of_smokeping_s_examples_is_a_check_or_is_named(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = root_of("smokeping", "smokeping") / "usr" / "share" / "doc" / "smokeping" / "examples"
    written, said = run(capsys, "smokeping", examples / name)
    hosts = lines((examples / name).read_text().partition("*** Targets")[2], "host ")
    assert len([*written]) + said.count(": not imported: ") == hosts > 0


def test_smokeping_s_own_configuration_is_read_across_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    folder = root_of("smokeping", "smokeping") / "etc" / "smokeping"
    written, said = run(capsys, "smokeping", folder / "config", *sorted((folder / "config.d").iterdir()))
    (check,) = written
    assert check["spec"]["target"] == "localhost"
    assert "@include" not in said
    assert "General: owner, contact, mailhost" in said


@pytest.mark.parametrize("name", ["blackbox.yml", "example.yml"])
def test_each_module_of_blackbox_exporter_s_examples_is_a_check_or_is_named(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(debian.program(EXPORTER, EXPORTER)).parents[1] / "share" / "doc" / EXPORTER / "examples"
    modules = yaml.safe_load((folder / name).read_text())["modules"]
    written, said = run(capsys, "blackbox", folder / name)
    assert len([*written]) + said.count(": not imported: ") == len(modules) > 5


def test_the_documented_commands(tmp_path: Path) -> None:
    """With the packages' own files in the places that the commands name."""
    smokeping = root_of("smokeping", "smokeping") / "etc" / "smokeping"
    exporter = Path(debian.program(EXPORTER, EXPORTER)).parents[1] / "share" / "doc" / EXPORTER / "examples"
    shutil.copy(exporter / "blackbox.yml", tmp_path)
    job = {
        "job_name": "gateways",
        "metrics_path": "/probe",
        "params": {"module": ["icmp"]},
        "static_configs": [{"targets": ["10.50.1.10"]}],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
    targets = []
    for program in ("smokeping", "blackbox"):
        command = shown(f"ipsecping-operator import {program} ", document="gitops.md").command
        subprocess.run(
            ["bash", "-c", command.replace("/etc/smokeping", str(smokeping))],
            cwd=tmp_path,
            env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
            check=True,
        )
        targets += [
            (each["metadata"].get("namespace"), each["spec"]["target"])
            for each in yaml.safe_load_all((tmp_path / "checks.yaml").read_text())
            if each
        ]
    assert targets == [(None, "localhost"), ("network", "10.50.1.10")]
