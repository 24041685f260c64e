"""`make release`, but for the images: all files are there, right, and the same each time."""

import hashlib
import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from ipsecping_lab.layout import cache_directory

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements" / "release.txt"


@pytest.fixture(scope="module")
def python() -> Path:
    """Of an environment with what releases are made by, as `make release` installs it."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = cache_directory() / "venvs" / f"release-{digest}"
    if not (home / "complete").exists():
        venv.create(home, clear=True)
        pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
        words = ["install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", str(REQUIREMENTS)]
        subprocess.run(pip + words, check=True)
        (home / "complete").touch()
    return home / "bin" / "python"


def release(python: Path, target: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [str(python), str(ROOT / "scripts" / "release.py"), "--dist", str(target), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_a_release_is_whole_and_the_same_each_time(python: Path, tmp_path: Path) -> None:
    targets = [tmp_path / "one", tmp_path / "other"]
    for target in targets:
        done = release(python, target, "--snapshot")
        assert done.returncode == 0, done.stderr
    sums = [(target / "SHA256SUMS").read_text() for target in targets]
    assert sums[0] == sums[1]
    subprocess.run(("sha256sum", "--check", "--quiet", "SHA256SUMS"), cwd=targets[0], check=True)
    suffixes = {path.name.removeprefix("ipsecping-") for path in targets[0].iterdir()}
    version = next(name for name in suffixes if name.endswith("-py3-none-any.whl")).split("-")[0]
    assert suffixes == {
        f"{version}-py3-none-any.whl",
        f"{version}.tar.gz",
        f"{version}.pyz",
        f"{version}.tgz",
        f"probe-{version}.cdx.json",
        f"operator-{version}.cdx.json",
        "NOTES.md",
        "SHA256SUMS",
    }
    names = zipfile.ZipFile(targets[0] / f"ipsecping-{version}-py3-none-any.whl").namelist()
    assert {"ipsecping/__main__.py", "ipsecping_operator/__main__.py"} <= set(names)
    told = json.loads((targets[0] / f"ipsecping-operator-{version}.cdx.json").read_text())
    assert {"kopf", "kubernetes", "prometheus-client"} <= {each["name"] for each in told["components"]}


def test_what_is_not_fit_to_be_released_says_why(python: Path, tmp_path: Path) -> None:
    done = release(python, tmp_path / "dist", "--snapshot", "--images", "--base-image", "python:3.13")
    assert (done.returncode, (tmp_path / "dist").exists()) == (2, False)
    assert done.stderr.startswith("release: --base-image: name it with its digest")
