"""The project's images, by buildah from their Dockerfiles, without a registry."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..host.commands import run, run_logged
from ..layout import REPOSITORY, cache_directory
from ..progress import Progress
from . import base_image, cache

_SETTINGS = (
    # on the machine -> in the build, where it is not part of the image
    (Path("/etc/ssl/certs/ca-certificates.crt"), "/etc/ssl/certs/ca-certificates.crt"),
    (Path("/etc/pip.conf"), "/etc/pip.conf"),
    (Path.home() / ".config/pip/pip.conf", "/root/.config/pip/pip.conf"),
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the project; the build context is the repository's root."""

    name: str
    dockerfile: str

    @property
    def tag(self) -> str:
        return f"localhost/{self.name}:dev"


IMAGES = (
    Image("ipsecping-probe", "probe_image/Dockerfile"),
    Image("ipsecping-operator", "operator/Dockerfile"),
)


def copied_sources(dockerfile: str) -> list[str]:
    """What a Dockerfile copies from the context (not from another stage)."""
    sources = []
    for line in dockerfile.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0].upper() in {"COPY", "ADD"} and not any(w.startswith("--from") for w in words):
            sources += [word for word in words[1:-1] if not word.startswith("--")]
    return sources


def key(image: Image, *, base: str, root: Path = REPOSITORY) -> str:
    """A digest of all that goes into the image."""
    text = (root / image.dockerfile).read_text()
    parts: list[str | Path] = [base, text]
    for source in copied_sources(text):
        top = root / source
        files = sorted(path for path in top.rglob("*") if path.is_file()) if top.is_dir() else [top]
        for file in files:
            if "__pycache__" not in file.parts:
                parts += [str(file.relative_to(root)), file]
    return cache.digest(parts)


def build(images: Iterable[Image], progress: Progress) -> list[tuple[str, Path]]:
    """(image name, OCI archive) of each; builds what changed.

    Raises:
        LabError: a build failed; the error carries its log.
    """
    base, tar = base_image.archive(progress)
    return [(image.tag, _archive(image, base, tar, progress)) for image in images]


def _archive(image: Image, base: str, tar: Path, progress: Progress) -> Path:
    def make(directory: Path) -> None:
        with progress.step(f"image {image.tag}"):
            _ensure_base(base, tar)
            log = cache_directory() / "log" / f"image-{image.name}.log"
            volumes = [f"--volume={ours}:{theirs}:ro" for ours, theirs in _SETTINGS if ours.is_file()]
            options = ["--isolation=chroot", "--network=host", "--layers", f"--build-arg=BASE_IMAGE={base}"]
            files = [f"--file={REPOSITORY / image.dockerfile}", f"--tag={image.tag}", str(REPOSITORY)]
            command = [*_buildah(), "bud", *options, *volumes, *files]
            run_logged(command, log=log, what=f"building {image.tag}")
            target = f"oci-archive:{directory / 'image.tar'}:{image.tag}"
            run([*_buildah(), "push", "--quiet", "--disable-compression", image.tag, target])

    def waiting() -> None:
        progress.say(f"another run is building {image.tag}: waiting for it")

    return cache.produce("images", image.name, key(image, base=base), make, on_wait=waiting) / "image.tar"


def _ensure_base(name: str, tar: Path) -> None:
    if run([*_buildah(), "inspect", "--type=image", name], check=False).returncode == 0:
        return
    log = cache_directory() / "log" / "image-base.log"
    with tempfile.TemporaryDirectory() as directory:
        dockerfile = Path(directory) / "Dockerfile"
        dockerfile.write_text(f'FROM scratch\nADD {tar.name} /\nCMD ["python3"]\n')
        files = [f"--file={dockerfile}", f"--tag={name}", str(tar.parent)]
        run_logged(
            [*_buildah(), "bud", "--isolation=chroot", *files], log=log, what="importing the base image"
        )


def _buildah() -> list[str]:
    """buildah with its storage in the cache, and in mount namespaces of its own: no mount stays behind."""
    store = cache_directory() / "buildah"
    store.mkdir(parents=True, exist_ok=True)
    isolate = ["unshare", "--mount", "--propagation=private", "--"]
    return [*isolate, "buildah", f"--root={store / 'storage'}", f"--runroot={store / 'run'}"]
