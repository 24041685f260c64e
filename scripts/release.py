"""Make a release in dist/: Python packages, the prober as one file, chart, SBOMs, notes, checksums, images.

examples:
  make release                    # what needs no container tools; the same bits each time
  make release SNAPSHOT=1         # of what is not released yet
  make release IMAGES=1 BASE_IMAGE=python:3.13-slim-trixie@sha256:...    # and the images, by buildah
  .venv-release/bin/python scripts/release.py --check                    # only: is this checkout fit for it?
"""

import argparse
import hashlib
import shutil
import sys
from pathlib import Path

from releasing import chart, images, python_packages, sbom
from releasing.versions import Release, ReleaseError, read

ROOT = Path(__file__).resolve().parent.parent
CHECKSUMS = "SHA256SUMS"


def main() -> int:
    """Make the release; 0 when all of it was made."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--check", action="store_true", help="make nothing; say what is in the way")
    parser.add_argument("--snapshot", action="store_true", help="of what is [Unreleased], to try it out")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", metavar="DIR", help="(default: dist)")
    parser.add_argument("--images", action="store_true", help="also build the images, as OCI archives")
    parser.add_argument("--base-image", metavar="NAME@sha256:...", help="Python image to build on")
    parser.add_argument(
        "--platform", action="append", metavar="OS/ARCH", help=f"(default: {', '.join(images.PLATFORMS)})"
    )
    options = parser.parse_args()
    try:
        release = read(ROOT, snapshot=options.snapshot)
        if options.images:
            images.check_base(options.base_image)
            images.check_platforms(options.platform or images.PLATFORMS)
        if options.check:
            print(f"{release.version}, {release.date}: fit to be released")
            return 0
        make(release, options)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    for path in sorted(options.dist.iterdir()):
        print(f"{path}: {path.stat().st_size} bytes")
    return 0


def make(release: Release, options: argparse.Namespace) -> None:
    """Fill the folder anew. Raises ReleaseError."""
    target: Path = options.dist
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    python_packages.build(ROOT, release, target)
    chart.package(ROOT / "charts" / "ipsecping", release, target / f"ipsecping-{release.version}.tgz")
    sbom.write(ROOT, release, target)
    (target / "NOTES.md").write_text(release.notes + "\n")
    if options.images:
        images.build(ROOT, release, target, options.base_image, options.platform or images.PLATFORMS)
    (target / CHECKSUMS).write_text("".join(checksums(target)))


def checksums(target: Path) -> list[str]:
    """Return lines that `sha256sum --check` reads."""
    return [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(target.iterdir())
    ]


if __name__ == "__main__":
    sys.exit(main())
