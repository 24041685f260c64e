"""The chart as a package: what `helm package` makes, but with the release's date in it instead of today's."""

import gzip
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .versions import Release

MAX_CHANGES = 40
_KINDS = {
    "Added": "added", "Changed": "changed", "Upgrading": "changed", "Deprecated": "deprecated",
    "Removed": "removed", "Fixed": "fixed", "Security": "security",
}  # fmt: skip
"""Headings of the changelog and the kinds of Artifact Hub."""


def package(chart: Path, release: Release, target: Path) -> None:
    """Write the chart as a .tgz that `helm install` takes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(path for path in chart.rglob("*") if path.is_file()):
            name = path.relative_to(chart).as_posix()
            content = path.read_bytes()
            if name == "Chart.yaml":
                content = annotated(content.decode(), release).encode()
            entry = tarfile.TarInfo(f"{chart.name}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), release.timestamp, 0o644
            archive.addfile(entry, io.BytesIO(content))
    with target.open("wb") as file, gzip.GzipFile("", "wb", mtime=release.timestamp, fileobj=file) as packed:
        packed.write(buffer.getvalue())


def annotated(chart: str, release: Release) -> str:
    """Return Chart.yaml with the annotations that Artifact Hub shows."""
    described: dict[str, Any] = yaml.safe_load(chart)
    described["annotations"] = {
        **described.get("annotations", {}),
        "artifacthub.io/license": "Apache-2.0",
        "artifacthub.io/operator": "true",
        "artifacthub.io/prerelease": str("-" in release.version).lower(),
        "artifacthub.io/changes": yaml.safe_dump(list(changes(release.notes))[:MAX_CHANGES], width=1000),
        "artifacthub.io/crds": yaml.safe_dump(
            [
                {
                    "kind": "IPsecTunnelCheck",
                    "version": "v1alpha1",
                    "name": "ipsectunnelchecks.ipsecping.dev",
                    "displayName": "IPsec tunnel check",
                    "description": "A check of one tunnel: what is measured, how often, and what is expected",
                }
            ]
        ),
    }
    return yaml.safe_dump(described, sort_keys=False, width=1000)


def changes(notes: str) -> Iterator[dict[str, str]]:
    """Yield the points of the changelog's section, as Artifact Hub has them."""
    kind = "changed"
    for block in re.split(r"\n(?=- |#)", f"\n{notes}"):
        text = " ".join(block.split())
        if text.startswith("### "):
            kind = _KINDS.get(text.removeprefix("### "), "changed")
        elif text.startswith("- "):
            yield {"kind": kind, "description": text.removeprefix("- ").replace("`", "")}
