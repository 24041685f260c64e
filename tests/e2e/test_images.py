"""The images that the lab's cluster runs: an environment, what it is linked with, and nothing else."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from ipsecping_lab.building.project_images import IMAGES, Image, build
from ipsecping_lab.progress import Progress

SHELLS_AND_INSTALLERS = {
    *("sh", "bash", "dash", "busybox", "perl"),
    *("apt", "apt-get", "dpkg", "pip", "pip3", "ensurepip"),
    *("curl", "wget", "nc"),
}


def layers(archive: Path) -> Iterator[tarfile.TarFile]:
    """The layers of the one image in an OCI archive."""
    with tarfile.open(archive) as outer:

        def blob(digest: str) -> bytes:
            member = outer.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}")
            assert member is not None
            return member.read()

        index = outer.extractfile("index.json")
        assert index is not None
        manifest = json.loads(blob(json.load(index)["manifests"][0]["digest"]))
        for layer in manifest["layers"]:
            path = archive.parent / f"layer-{layer['digest'][7:19]}"
            path.write_bytes(blob(layer["digest"]))
            try:
                with tarfile.open(path) as opened:
                    yield opened
            finally:
                path.unlink()


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_an_image_holds_no_shell_no_installer_and_nothing_that_anybody_may_write(image: Image) -> None:
    ((_, archive),) = build([image], Progress())
    members = [member for layer in layers(archive) for member in layer.getmembers()]
    names = {PurePosixPath(member.name).name for member in members if not member.isdir()}
    assert not names & SHELLS_AND_INSTALLERS
    assert not [member.name for member in members if "/pip/" in member.name or "/ensurepip/" in member.name]
    writable = {member.name for member in members if member.mode & 0o022 and not member.issym()}
    assert writable == {"tmp"}
    assert not [member.name for member in members if member.mode & 0o6000]
    assert {member.uid for member in members} == {0}


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_an_image_says_what_is_installed_in_it(image: Image) -> None:
    ((_, archive),) = build([image], Progress())
    records: dict[str, str] = {}
    for layer in layers(archive):
        for member in layer.getmembers():
            if member.isfile() and "/dpkg/status.d/" in f"/{member.name}":
                content = layer.extractfile(member)
                assert content is not None
                records[PurePosixPath(member.name).name] = content.read().decode()
    assert {"libc6", "libssl3t64", "ca-certificates"} <= records.keys()
    assert all("\nVersion: " in text and text.startswith("Package: ") for text in records.values())
