"""Peers from the Rust package registry, built once into the user's cache directory."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from ipsecping_lab.building import cache
from ipsecping_lab.errors import LabError
from ipsecping_lab.host.commands import run
from ipsecping_lab.progress import Progress

from .missing import PeerMissing

BUILD_SECONDS = 900.0
QUICK_BUILD = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_DEBUG": "false",
    "CARGO_PROFILE_RELEASE_STRIP": "symbols",
}
"""These programs are held against ours for what they say, not for their speed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crate:
    """A program of a crate: one of its binaries, or of its `examples`. Pinned, as its lock file is."""

    name: str
    version: str
    program: str
    example: bool = False

    def install(self) -> Path:
        """The program's path; built (a minute or two) unless it is in the cache.

        Raises:
            PeerMissing: there is no cargo, the registry does not answer, or the build fails or takes longer
                than BUILD_SECONDS.
        """
        if shutil.which("cargo") is None:
            raise PeerMissing(f"{self.name} needs cargo to be built")
        key = cache.digest([self.version, self.program, *(f"{k}={v}" for k, v in QUICK_BUILD.items())])
        try:
            return cache.produce("peers", self.name, key, self._build) / "bin" / self.program
        except LabError as error:
            raise PeerMissing(f"{self.name} {self.version}: {error}") from error

    def _build(self, directory: Path) -> None:
        what = ["--example", self.program] if self.example else ["--bin", self.program]
        build = directory / "build"
        with Progress(sys.stderr).step(f"cargo install {self.name} {self.version}"):
            run(
                ["cargo", "install", self.name, "--version", self.version, "--locked", *what,
                 "--root", directory, "--target-dir", build, "--quiet"],
                timeout=BUILD_SECONDS,
                env=os.environ | QUICK_BUILD,
            )  # fmt: skip
        shutil.rmtree(build)


STAMP_SUITE = Crate(name="stamp-suite", version="1.0.0", program="stamp-suite")
"""STAMP (RFC 8762, RFC 8972) sender and reflector."""
TWAMP_LIGHT = Crate(name="twamp", version="0.1.0", program="twamp_example", example=True)
"""TWAMP-Light (RFC 5357 appendix I) sender and reflector."""
