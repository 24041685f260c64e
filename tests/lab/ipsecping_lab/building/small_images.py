"""The one-file images of the cluster itself: the pods' pause container and CoreDNS."""

from __future__ import annotations

from pathlib import Path

from . import cache, oci
from .binaries import COREDNS_VERSION

PAUSE = "localhost/pause:1"
COREDNS = f"localhost/coredns:{COREDNS_VERSION}"


def archives(built: dict[str, Path]) -> list[tuple[str, Path]]:
    """(image name, OCI archive) of both, from the built programs."""
    return [_archive(PAUSE, built["pause"]), _archive(COREDNS, built["coredns"])]


def _archive(image: str, program: Path) -> tuple[str, Path]:
    def make(directory: Path) -> None:
        entrypoint = f"/{program.name}"
        oci.write_archive(
            directory / "image.tar", name=image, files={entrypoint: program}, entrypoint=[entrypoint]
        )

    # the program's own directory is named by the digest of all that it was built from
    key = cache.digest([image, program.parent.name])
    return image, cache.produce("images", program.name, key, make) / "image.tar"
