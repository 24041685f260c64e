"""The images for each platform, by buildah, as OCI archives that can be pushed by any tool."""

import os
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .versions import Release, ReleaseError

PLATFORMS = ("linux/amd64", "linux/arm64")
DOCKERFILES = {"ipsecping-probe": "probe_image/Dockerfile", "ipsecping-operator": "operator/Dockerfile"}
_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
"""By platform, as the kernel and QEMU call the processor."""
_FOREIGN = Path("/proc/sys/fs/binfmt_misc")
"""Where the kernel says by what it runs programs of other processors."""
_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")


def check_base(base: str | None) -> None:
    """Raise ReleaseError for a base image whose name can come to mean another one."""
    if base is None or not _DIGEST.fullmatch(base):
        raise ReleaseError(
            "--base-image: name it with its digest, NAME@sha256:..., so that it can be built again"
        )


def check_platforms(
    platforms: Sequence[str], *, foreign: Path = _FOREIGN, machine: str = os.uname().machine
) -> None:
    """Raise ReleaseError for a platform whose programs this machine cannot run, as a build has to."""
    for platform in platforms:
        wanted = _MACHINES.get(platform)
        if wanted is None:
            raise ReleaseError(f"--platform: {platform} is none of {', '.join(_MACHINES)}")
        if wanted == machine:
            continue
        handler = foreign / f"qemu-{wanted}"
        # F: the interpreter is opened beforehand, and need not be in the image.
        if not handler.is_file() or not re.match(r"enabled\n(.*\n)*flags: .*F", handler.read_text()):
            raise ReleaseError(
                f"--platform: {platform}: the kernel runs no programs of that processor: apt install "
                f"qemu-user-static; where no service of systemd or binfmt-support takes that up: mount -t "
                f"binfmt_misc binfmt_misc {foreign} && cat /usr/lib/binfmt.d/qemu-{wanted}.conf "
                f"> {foreign}/register"
            )


def build(root: Path, release: Release, target: Path, base: str, platforms: Sequence[str]) -> None:
    """Write one archive for each image, with all platforms in it. Raises ReleaseError."""
    for name, dockerfile in DOCKERFILES.items():
        archive = target / f"{name}-{release.version}.oci.tar"
        manifest = f"localhost/{name}:{release.version}"
        subprocess.run(("buildah", "manifest", "rm", manifest), check=False, capture_output=True)
        words = (*_words(release, base, platforms), f"--manifest={manifest}", f"--file={dockerfile}", ".")
        _run("buildah", "build", *words, at=root)
        with tempfile.TemporaryDirectory() as folder:
            _run("buildah", "manifest", "push", "--all", manifest, f"oci:{folder}:{release.version}", at=root)
            _pack(Path(folder), archive, release)


def _pack(layout: Path, archive: Path, release: Release) -> None:
    """Write the OCI image layout as an archive, which has no dates but the release's."""
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as packed:
        for path in sorted(path for path in layout.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(path.relative_to(layout).as_posix())
            entry.size, entry.mtime, entry.mode = path.stat().st_size, release.timestamp, 0o644
            with path.open("rb") as content:
                packed.addfile(entry, content)


def _words(release: Release, base: str, platforms: Sequence[str]) -> list[str]:
    labels = {"version": release.version, "created": f"{release.date.isoformat()}T00:00:00Z"}
    return [
        f"--platform={','.join(platforms)}",
        f"--build-arg=BASE_IMAGE={base}",
        f"--timestamp={release.timestamp}",
        *(f"--label=org.opencontainers.image.{key}={value}" for key, value in labels.items()),
    ]


def _run(*words: str, at: Path) -> None:
    try:
        done = subprocess.run(words, cwd=at, check=False)
    except FileNotFoundError:
        raise ReleaseError(f"{words[0]} is not installed: apt install buildah") from None
    if done.returncode:
        raise ReleaseError(f"{' '.join(words[:2])} failed; its own words are above")
