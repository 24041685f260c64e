"""What images are made of, and when they are made anew."""

import re
import tarfile
from pathlib import Path

import pytest

from ipsecping_lab.building import oci
from ipsecping_lab.building.base_image import CODENAME, PYTHON, read_sources
from ipsecping_lab.building.project_images import IMAGES, Image, copied_sources, key
from ipsecping_lab.building.toolchain import version_of
from ipsecping_lab.errors import LabError
from ipsecping_lab.layout import REPOSITORY


def test_the_sources_of_an_image_are_what_its_dockerfile_copies_from_the_context() -> None:
    text = "FROM x AS build\nCOPY --chown=1 a b/c /src/\n# COPY no /no\nRUN cp x \\\n y\n"
    text += "FROM x\nCOPY --from=build /opt /opt\n"
    assert copied_sources(text) == ["a", "b/c"]


def test_every_source_of_the_project_s_images_exists() -> None:
    for image in IMAGES:
        for source in copied_sources((REPOSITORY / image.dockerfile).read_text()):
            assert (REPOSITORY / source).exists()


def test_an_image_is_built_anew_when_a_file_in_it_changes_and_only_then(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("1")
    (tmp_path / "Dockerfile").write_text("FROM x\nCOPY app /app\n")
    image = Image("x", "Dockerfile")
    first = key(image, base="base", root=tmp_path)
    (tmp_path / "unrelated").write_text("2")
    assert key(image, base="base", root=tmp_path) == first
    assert key(image, base="another", root=tmp_path) != first
    (tmp_path / "app" / "main.py").write_text("2")
    assert key(image, base="base", root=tmp_path) != first


def test_the_base_comes_from_where_apt_gets_debian_and_from_nowhere_else() -> None:
    targets = [
        "http://mirror.example/debian|bookworm|main|bookworm|Debian|/usr/share/keyrings/d.gpg",
        "http://mirror.example/debian|bookworm|contrib|bookworm|Debian|/usr/share/keyrings/d.gpg",
        "http://mirror.example/security|bookworm-security|main|bookworm-security|Debian|",
        "https://other.example/apt|stable|main|stable|Other|",
    ]
    source = read_sources(targets)
    assert source.codename == "bookworm"
    assert source.lines == (
        "deb [signed-by=/usr/share/keyrings/d.gpg] http://mirror.example/debian bookworm main",
        "deb http://mirror.example/security bookworm-security main",
    )


def test_another_release_comes_from_the_same_mirrors() -> None:
    targets = [
        "http://mirror.example/debian|bookworm|main|bookworm|Debian|$(SIGNED_BY)",
        "http://mirror.example/debian|bookworm-updates|main|bookworm-updates|Debian|$(SIGNED_BY)",
        "http://mirror.example/security|bookworm-security|main|bookworm-security|Debian|$(SIGNED_BY)",
    ]
    source = read_sources(targets, codename="trixie")
    assert source.codename == "trixie"
    assert source.lines == (
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian trixie-updates main",
        "deb http://mirror.example/security trixie-security main",
    )


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_the_lab_s_images_run_the_python_that_the_dockerfile_names(image: Image) -> None:
    text = (REPOSITORY / image.dockerfile).read_text()
    named = re.search(r"^ARG BASE_IMAGE=python:([0-9.]+)-slim-(\w+)$", text, re.MULTILINE)
    assert named is not None, f"{image.dockerfile} names no base such as python:3.13-slim-trixie"
    assert named.groups() == (PYTHON, CODENAME)


def test_a_machine_without_debian_sources_is_told_so() -> None:
    with pytest.raises(LabError, match="Debian"):
        read_sources([])


def test_a_one_file_image_is_the_same_for_the_same_input_and_names_its_digest(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"\x7fELF")
    for archive in ("1.tar", "2.tar"):
        oci.write_archive(
            tmp_path / archive, name="localhost/pause:1", files={"/pause": program}, entrypoint=["/pause"]
        )
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
    digest = oci.manifest_digest(tmp_path / "1.tar")
    with tarfile.open(tmp_path / "1.tar") as tar:
        assert f"blobs/sha256/{digest.removeprefix('sha256:')}" in tar.getnames()


@pytest.mark.parametrize(
    ("said", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.19 linux/amd64", (1, 19)), ("", None)],
)
def test_the_version_of_go_is_read(said: str, version: tuple[int, int] | None) -> None:
    assert version_of(said) == version
