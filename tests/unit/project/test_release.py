"""A release is made from the checkout alone, the same each time, and refuses what is not fit for it."""

import os
import subprocess
import tarfile
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import pytest
import yaml
from releasing import chart, images, sbom
from releasing.versions import Release, ReleaseError, of_changelog, read

ROOT = Path(__file__).resolve().parents[3]
RELEASE = Release(
    "1.2.0",
    date(2026, 11, 1),
    "### Added\n- A thing, in\n  two lines.\n- `More`.\n\n### Fixed\n- What was broken.",
)
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-01

### Fixed
- It.

## [1.1.0]

## [1.0.0] - 2026-01-01

### Added
- All.
"""


def test_a_release_is_the_section_of_its_version() -> None:
    assert of_changelog(CHANGELOG, "1.2.0") == Release("1.2.0", date(2026, 11, 1), "### Fixed\n- It.")
    assert of_changelog(CHANGELOG, "1.0.0").notes == "### Added\n- All."


@pytest.mark.parametrize("version", ["1.1.0", "1.3.0", "Unreleased"])
def test_a_version_without_date_or_notes_is_not_released(version: str) -> None:
    with pytest.raises(ReleaseError, match=r"CHANGELOG\.md: no section"):
        of_changelog(CHANGELOG, version)


def test_versions_that_differ_are_named(tmp_path: Path) -> None:
    (tmp_path / "charts" / "ipsecping").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    described = tmp_path / "charts" / "ipsecping" / "Chart.yaml"
    described.write_text("version: 1.2.0\nappVersion: 1.1.0\n")
    with pytest.raises(ReleaseError, match=r"Chart\.yaml: appVersion is 1\.1\.0"):
        read(tmp_path)
    described.write_text("version: 1.2.0\nappVersion: 1.2.0\n")
    assert read(tmp_path).timestamp == 1793491200


def test_this_checkout_could_be_released() -> None:
    assert read(ROOT, snapshot=True).notes.startswith("### ")


def test_the_chart_s_package_has_its_changes_and_is_the_same_each_time(tmp_path: Path) -> None:
    packages = tmp_path / "one.tgz", tmp_path / "other.tgz"
    for package in packages:
        chart.package(ROOT / "charts" / "ipsecping", RELEASE, package)
    assert packages[0].read_bytes() == packages[1].read_bytes()
    with tarfile.open(packages[0]) as archive:
        names = archive.getnames()
        described = archive.extractfile("ipsecping/Chart.yaml")
        assert described is not None
        annotations = yaml.safe_load(described.read())["annotations"]
    assert {"ipsecping/values.yaml", "ipsecping/templates/deployment.yaml"} <= set(names)
    assert yaml.safe_load(annotations["artifacthub.io/changes"]) == [
        {"kind": "added", "description": "A thing, in two lines."},
        {"kind": "added", "description": "More."},
        {"kind": "fixed", "description": "What was broken."},
    ]


@pytest.mark.parametrize("base", [None, "python:3.13-slim-trixie", "python@sha256:abc"])
def test_a_base_image_without_its_digest_is_refused(base: str | None) -> None:
    with pytest.raises(ReleaseError, match="with its digest"):
        images.check_base(base)


REGISTERED = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POCF\noffset 0\n"


@pytest.mark.parametrize(
    ("platform", "registered", "said"),
    [
        ("linux/amd64", None, None),
        ("linux/arm64", REGISTERED, None),
        ("linux/arm64", None, r"linux/arm64: .*apt install qemu-user-static"),
        ("linux/arm64", REGISTERED.replace("enabled", "disabled"), "runs no programs of that processor"),
        ("linux/arm64", REGISTERED.replace("POCF", "POC"), "runs no programs of that processor"),
        ("linux/arm/v7", REGISTERED, r"is none of linux/amd64, linux/arm64"),
    ],
)
def test_what_cannot_be_built_here_is_said_beforehand(
    tmp_path: Path, platform: str, registered: str | None, said: str | None
) -> None:
    if registered is not None:
        (tmp_path / "qemu-aarch64").write_text(registered)
    with pytest.raises(ReleaseError, match=said) if said else nullcontext():
        images.check_platforms([platform], foreign=tmp_path, machine="x86_64")


FAKE_BUILDAH = """#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
  *"manifest push"*) for last; do :; done; folder=${last#oci:}; folder=${folder%:*}
    mkdir -p "$folder/blobs"; echo layer >"$folder/blobs/one"; echo '{}' >"$folder/index.json" ;;
esac
"""


def test_images_are_built_for_all_platforms_and_packed_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, program = tmp_path / "calls", tmp_path / "bin" / "buildah"
    program.parent.mkdir()
    program.write_text(FAKE_BUILDAH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(calls))
    sums = []
    for name in ("one", "other"):
        target = tmp_path / name
        target.mkdir()
        images.build(ROOT, RELEASE, target, "python@sha256:" + "0" * 64, images.PLATFORMS)
        sums.append({path.name: path.read_bytes() for path in target.iterdir()})
    assert sums[0] == sums[1]
    assert set(sums[0]) == {"ipsecping-probe-1.2.0.oci.tar", "ipsecping-operator-1.2.0.oci.tar"}
    built = [line for line in calls.read_text().splitlines() if line.startswith("build ")]
    assert len(built) == 4
    for line in built:
        assert "--platform=linux/amd64,linux/arm64" in line
        assert f"--timestamp={RELEASE.timestamp}" in line


def test_each_image_has_its_list_of_requirements() -> None:
    for requirements, image in sbom.IMAGES.items():
        dockerfile = (ROOT / images.DOCKERFILES[image]).read_text()
        assert f"COPY requirements/{requirements}.txt" in dockerfile


def test_the_workflows_run_targets_that_there_are() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    targets = {line.split()[1] for line in listed.splitlines()}
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        steps = [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]
        words = [line.split() for step in steps for line in step.get("run", "").splitlines()]
        called = {line[line.index("make") + 1] for line in words if "make" in line}
        assert called
        assert called <= targets
