"""The base of the images: Debian with Python, from the packages that the machine's apt is configured for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import LabError
from ..host.commands import run, run_logged
from ..layout import SOURCE, cache_directory
from ..progress import Progress
from . import cache

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


def read_sources(index_targets: Iterable[str]) -> Source:
    """Debian's main component in ``apt-get indextargets`` output, one target a line as ``_FIELDS`` asks.

    Raises:
        LabError: apt knows no Debian release.
    """
    lines: dict[str, None] = {}
    codename = ""
    for target in index_targets:
        site, release, component, of, origin, signed_by = target.strip().split("|")
        base = of.partition("-")[0]
        if origin != "Debian" or component != "main" or (codename and base != codename):
            continue
        codename = base
        options = f"[signed-by={signed_by}] " if signed_by.startswith("/") else ""
        lines[f"deb {options}{site} {release} main"] = None
    if not lines:
        raise LabError("apt is configured for no Debian release: the base image is made of Debian packages")
    return Source(codename, tuple(lines))


def machine_source() -> Source:
    """What this machine's apt is configured for. Raises LabError as read_sources does."""
    listing = run(["apt-get", "indextargets", "--format", _FIELDS, "Created-By: Packages"]).stdout
    return read_sources(listing.splitlines())


def archive(progress: Progress) -> tuple[str, Path]:
    """(a name for the base, its root file system as a tar file); made by mmdebstrap when not cached."""
    source = machine_source()
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
