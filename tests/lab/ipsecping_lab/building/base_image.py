"""The base of the images: Debian 13 with Python 3.13, from the mirrors that the machine's apt knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import LabError
from ..host.commands import run, run_logged
from ..layout import SOURCE, cache_directory
from ..progress import Progress
from . import cache

CODENAME = "trixie"
"""Debian 13, whatever the machine itself runs: its Python is the one that the Dockerfiles name."""
PYTHON = "3.13"
PACKAGES = ("ca-certificates", "python3", "python3-venv")
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
_OPTIONS = (
    "--variant=essential",
    f"--include={','.join(PACKAGES)}",
    *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)
_FIELDS = "$(SITE)|$(RELEASE)|$(COMPONENT)|$(CODENAME)|$(ORIGIN)|$(SIGNED_BY)"


@dataclass(frozen=True, slots=True)
class Source:
    """Where packages come from: a release of Debian, and apt's lines for it."""

    codename: str
    lines: tuple[str, ...]


def read_sources(index_targets: Iterable[str], *, codename: str | None = None) -> Source:
    """Turn ``apt-get indextargets`` output (one target a line as ``_FIELDS`` asks) into lines for a release.

    Debian's mirrors hold every release side by side, so those of the machine's own serve ``codename`` too,
    with its updates and security updates. None stands for the machine's own release.

    Raises:
        LabError: apt knows no Debian release.
    """
    lines: dict[str, None] = {}
    own = ""
    for target in index_targets:
        site, release, component, of, origin, signed_by = target.strip().split("|")
        base = of.partition("-")[0]
        if origin != "Debian" or component != "main" or (own and base != own):
            continue
        own = base
        options = f"[signed-by={signed_by}] " if signed_by.startswith("/") else ""
        lines[f"deb {options}{site} {release.replace(own, codename or own, 1)} main"] = None
    if not lines:
        raise LabError("apt is configured for no Debian release: the base image is made of Debian packages")
    return Source(codename or own, tuple(lines))


def machine_source(codename: str | None = None) -> Source:
    """Read where this machine's apt gets Debian, for a release as in read_sources. Raises LabError."""
    listing = run(["apt-get", "indextargets", "--format", _FIELDS, "Created-By: Packages"]).stdout
    return read_sources(listing.splitlines(), codename=codename)


def archive(progress: Progress) -> tuple[str, Path]:
    """(a name for the base, its root file system as a tar file); made by mmdebstrap when not cached."""
    source = machine_source(CODENAME)
    key = cache.digest([*_OPTIONS, *source.lines])

    def make(directory: Path) -> None:
        apt_lines = directory / "sources.list"
        apt_lines.write_text("\n".join(source.lines) + "\n")
        with progress.step(f"base image of Debian {source.codename} packages"):
            run_logged(
                ["mmdebstrap", *_OPTIONS, source.codename, directory / "base.tar", apt_lines],
                log=cache_directory() / "log" / "base-image.log",
                what="making the base image with mmdebstrap",
                cwd=SOURCE,
            )

    def waiting() -> None:
        progress.say("another run is making the base image: waiting for it")

    made = cache.produce("images", "base", key, make, on_wait=waiting)
    return f"localhost/python-base:{source.codename}-{key}", made / "base.tar"
